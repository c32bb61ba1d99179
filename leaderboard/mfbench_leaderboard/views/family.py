"""*Family*: its proteins, its fragments in three dimensions, its labels, everyone's error."""

from __future__ import annotations

from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mfbench.data.split import Split, available_splits
from mfbench.errors import MfbenchError
from mfbench.submission.reference_episodes import known_split
from mfbench_leaderboard.data.families import FamilyView, Fragment, families_of, family_errors, family_view
from mfbench_leaderboard.data.text import HEADLINES, TITLES
from mfbench_leaderboard.figures.families import distributions, everyone
from mfbench_leaderboard.figures.molecule import molecule
from mfbench_leaderboard.figures.theme import CONFIG
from mfbench_leaderboard.state import current_board
from mfbench_leaderboard.style import badge, empty, note, tiles, waiting

__all__ = ["show"]

FOLDS = ("test", "validation", "train")
HEIGHTS = {"headline": 150, "fragments": 540, "errors": 540, "energies": 320, "forces": 320}
"""Pixels of each part, so that nothing jumps when it arrives."""


@st.cache_resource(max_entries=64, show_spinner=False)
def _view(name: str, data_hash: str, family: str) -> FamilyView:
    return family_view(known_split(name), family)


def show() -> None:
    """The page: its frame at once, and what takes reading as soon as it is there."""
    board = current_board()
    here = set(available_splits())
    names = [s for s in board.splits if s in here] or sorted(here)
    chosen = _choose(names)
    if chosen is None:
        return
    name, family = chosen
    places = _frame(drawn=st.session_state.get("family_drawn") == (name, family))
    try:
        split = known_split(name)
        view = _view(name, split.manifest.data_hash, family)
    except MfbenchError as error:
        for place in places.values():
            place.empty()
        st.error("This construction cannot be read.")
        st.text(str(error))
        return
    with places["headline"].container():
        _headline(split, view)
    with places["fragments"].container():
        _fragments(view)
    with places["errors"].container():
        _errors(board, name, view)
    title = "energy less its fragment's mean (kcal/mol)"
    figure = distributions(view.energies, title)
    places["energies"].plotly_chart(figure, config=CONFIG, key="energies", theme=None)
    figure = distributions(view.forces, "force on an atom (eV/Å)")
    places["forces"].plotly_chart(figure, config=CONFIG, key="forces", theme=None)
    st.session_state["family_drawn"] = (name, family)


def _choose(names: list[str]) -> tuple[str, str] | None:
    """Construction and family; None, after saying why, where there is none."""
    columns = st.columns([1, 1, 2])
    name = columns[0].selectbox("Construction", names, key="split", bind="query-params")
    with columns[1]:
        fold = st.segmented_control(
            "Fold", FOLDS, default="test", key="fold", required=True, bind="query-params"
        )
    try:
        folds = families_of(name)
    except MfbenchError as error:
        st.error("This construction cannot be read.")
        st.text(str(error))
        return None
    fold = fold or "test"
    wanted = st.query_params.get("family")
    here = [family for family, found in folds.items() if found == fold]
    if wanted in folds and wanted not in here:  # a link to a family of another fold
        here = [family for family, found in folds.items() if found == folds[wanted]]
    family = columns[2].selectbox("Family", here, key="family", bind="query-params")
    if family is None:
        st.html(empty(f"{name} has no {fold} families"))
        return None
    return name, family


def _frame(*, drawn: bool) -> dict[str, DeltaGenerator]:
    """Empty places in the layout of the page; a quiet box in each unless this family was drawn before."""
    places = {"headline": st.empty()}
    left, right = st.columns([3, 2], gap="large")
    places |= {"fragments": left.empty(), "errors": right.empty()}
    st.subheader("Labels")
    left, right = st.columns(2, gap="large")
    places |= {"energies": left.empty(), "forces": right.empty()}
    if not drawn:
        for part, place in places.items():
            place.html(waiting(HEIGHTS[part], f"Reading {part} ..."))
    return places


def _headline(split: Split, view: FamilyView) -> None:
    proteins = "".join(badge(p, "line") for p in view.proteins[:30])
    st.html(
        f'<div class="mf-title">{escape(view.family_id)}</div>'
        f"<div>{escape(view.title)}</div>"
        f'<div style="margin:0.35rem 0">{badge(view.fold, "recomputed")}{badge(view.stratum, "verified")}'
        f"{proteins}</div>"
    )
    counts = {role: len(values) for role, values in view.energies.items()}
    st.html(
        tiles(
            [
                (str(len(view.proteins)), "", "protein chains"),
                (str(len(view.fragments)), "", "fragments"),
                *((f"{n:,}", "", f"configurations, {role}") for role, n in counts.items()),
            ]
        )
    )
    st.html(note(f"{view.level or split.manifest.level_of_theory}; {split.name} {split.manifest.version}."))


def _fragments(view: FamilyView) -> None:
    st.subheader("Fragments")
    by_name = {fragment.name: fragment for fragment in view.fragments}
    name = st.selectbox("Fragment", list(by_name), key="fragment", bind="query-params")
    fragment = by_name[name]
    figure = molecule(fragment.atomic_numbers, fragment.positions)
    st.plotly_chart(figure, config={"displaylogo": False}, key="molecule", theme=None)
    st.html(note(_describe(fragment)))


def _charge(total: int) -> str:
    return f"charge {total:+d} e".replace("-", "−") if total else "neutral"


def _describe(fragment: Fragment) -> str:
    spin = f", {fragment.n_unpaired} unpaired electrons" if fragment.n_unpaired else ""
    parts = [
        f"{fragment.kind or 'fragment'} {fragment.residues}".strip(),
        f"{fragment.formula or len(fragment.atomic_numbers)}, {_charge(fragment.total_charge)}{spin}",
        f"{fragment.role} fragment, relaxed geometry",
    ]
    return ". ".join(parts) + ". Drag to turn, scroll to zoom; a click on an element hides it."


def _errors(board, split: str, view: FamilyView) -> None:
    st.subheader("Everyone's error")
    if not board.of(split):
        st.html(empty("No submission yet"))
        return
    metric = st.segmented_control(
        "Error", list(HEADLINES), format_func=TITLES.get, default=HEADLINES[0], key="error", required=True
    )
    ks = [str(k) for k in board.ks(split)]
    k = st.segmented_control("K", ks, default=ks[-1], key="k", required=True)
    found = family_errors(board, split, view.family_id, int(k), metric)
    if not found:
        st.html(empty("Only test families are scored", "Choose one above."))
        return
    st.plotly_chart(everyone(found, metric, view.family_id), config=CONFIG, key="everyone", theme=None)
