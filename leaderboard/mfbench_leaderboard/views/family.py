"""*Family*: its proteins, its fragments in three dimensions, its labels, everyone's error."""

from __future__ import annotations

from html import escape

import streamlit as st

from mfbench.data.split import Split, available_splits
from mfbench.errors import MfbenchError
from mfbench.submission.reference_episodes import known_split
from mfbench_leaderboard.data.families import FamilyView, Fragment, family_errors, family_view
from mfbench_leaderboard.data.text import HEADLINES, TITLES
from mfbench_leaderboard.figures.families import distributions, everyone
from mfbench_leaderboard.figures.molecule import molecule
from mfbench_leaderboard.figures.theme import CONFIG
from mfbench_leaderboard.state import current_board
from mfbench_leaderboard.style import badge, note, tiles

__all__ = ["show"]

FOLDS = ("test", "validation", "train")


@st.cache_resource(max_entries=64, show_spinner="Reading the family ...")
def _view(split: str, data_hash: str, family: str) -> FamilyView:
    return family_view(known_split(split), family)


def show() -> None:
    """The page."""
    board = current_board()
    here = set(available_splits())
    names = [s for s in board.splits if s in here] or sorted(here)
    columns = st.columns([1, 1, 2])
    name = columns[0].selectbox("Construction", names, key="split", bind="query-params")
    try:
        split = known_split(name)
    except MfbenchError as error:
        st.error("This construction cannot be read.")
        st.text(str(error))
        return
    with columns[1]:
        fold = st.segmented_control(
            "Fold", FOLDS, default="test", key="fold", required=True, bind="query-params"
        )
    tasks = split.fold(fold or "test")
    wanted = st.query_params.get("family")
    everywhere = {task.family_id: str(task.fold) for task in split.tasks}
    if wanted in everywhere and wanted not in {t.family_id for t in tasks}:
        tasks = split.fold(everywhere[wanted])  # a link to a family of another fold
    family = columns[2].selectbox(
        "Family", [task.family_id for task in tasks], key="family", bind="query-params"
    )
    if family is None:
        st.html(
            f'<div class="mf-empty"><b>{escape(name)} has no {escape(fold or "test")} families</b></div>'
        )
        return
    view = _view(name, split.manifest.data_hash, family)
    _headline(split, view)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _fragments(view)
    with right:
        _errors(board, name, view)
    st.subheader("Labels")
    left, right = st.columns(2, gap="large")
    with left:
        title = "energy less its fragment's mean (kcal/mol)"
        st.plotly_chart(distributions(view.energies, title), config=CONFIG, key="energies", theme=None)
    with right:
        figure = distributions(view.forces, "force on an atom (eV/Å)")
        st.plotly_chart(figure, config=CONFIG, key="forces", theme=None)


def _headline(split: Split, view: FamilyView) -> None:
    proteins = "".join(badge(p, "line") for p in view.proteins[:30])
    st.html(
        f'<div style="font-size:1.5rem;font-weight:700">{escape(view.family_id)}</div>'
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
    st.html(note(f"{split.manifest.level_of_theory}; {split.name} {split.manifest.version}."))


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
        st.html('<div class="mf-empty"><b>No submission yet</b></div>')
        return
    metric = st.segmented_control(
        "Error", list(HEADLINES), format_func=TITLES.get, default=HEADLINES[0], key="error", required=True
    )
    ks = [str(k) for k in board.ks(split)]
    k = st.segmented_control("K", ks, default=ks[-1], key="k", required=True)
    found = family_errors(board, split, view.family_id, int(k), metric)
    if not found:
        st.html('<div class="mf-empty"><b>Only test families are scored</b>Choose one above.</div>')
        return
    st.plotly_chart(everyone(found, metric, view.family_id), config=CONFIG, key="everyone", theme=None)
