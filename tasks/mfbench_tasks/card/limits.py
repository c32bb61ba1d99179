"""Known limits, those that hold for the constructions at hand."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import pandas as pd

from mfbench_tasks.card.facts import Construction
from mfbench_tasks.card.markdown import paragraph

__all__ = ["built", "limits", "shared_places"]

_CHEMISTRY = {"site", "heme", "modified", "bridge", "ligand", "halogen"}
_ANCHOR = re.compile(r"\w-?\d+")
"""The metal or the first residue of a place: chain and number (``A375+A97'+A100'``)."""


def limits(constructions: Sequence[Construction]) -> list[str]:
    """Sentences, one a limit."""
    lines = [
        paragraph(
            """**GFN2-xTB is not DFT.** Errors here are distances to a semi-empirical surface: a method
            that does well on it has learned that surface quickly, no more."""
        ),
        paragraph(
            """**Gas phase**, fragments cut from proteins and capped: no solvent, no protein environment;
            anions are less stable than in water, so phosphates are monoanions and |charge| ≤ 1 for
            organic fragments."""
        ),
        "**Fragments are small**: nothing here measures long-range physics.",
    ]
    if any(facts.open_shell[0] for c in constructions for facts in c.folds.values()):
        lines.append(
            paragraph(
                """**Open-shell sites lie on the spin-aligned xTB surface.** Their unpaired electrons are
                fixed; for coupled clusters ([2Fe-2S], [4Fe-4S]) that is not the physical ground state.
                Of two SCF starts the lower state is kept."""
            )
        )
    made = pd.concat([c.fragments[built(c.fragments)] for c in constructions])
    made = made[~made.index.duplicated()]
    if len(made):
        families = ", ".join(f"`{name}`" for name in sorted(set(made["family_id"])))
        lines.append(
            paragraph(
                f"""**Built motifs**: {len(made)} fragments hold a modification or a metal that was put into
                a native place because no entry has it there; `residues` says `built`. Families:
                {families}."""
            )
        )
    for c in constructions:
        if pairs := shared_places(c):
            text = "; ".join(
                f"`{a}` ({fa}) and `{b}` ({fb}) share {n}" for (a, fa, b, fb), n in sorted(pairs.items())
            )
            lines.append(
                paragraph(
                    f"""**Places in two folds of `{c.name}`**: folds hold out chemistry, not proteins, and
                    the same place may carry another metal or modification. {text}."""
                )
            )
    return lines


def built(fragments: pd.DataFrame) -> pd.Series:
    """Which fragments hold something that no entry has there."""
    return fragments["residues"].str.contains(" built ", regex=False)


_Place = tuple[str, str, str]
"""Entry, chain, and metal or residue."""


def shared_places(construction: Construction) -> dict[tuple[str, str, str, str], int]:
    """(family, fold, family, fold) → places (entry, chain, metal or residue) that both were cut from, where
    the folds differ and the two hold different molecules there."""
    where: dict[_Place, set[tuple[str, str, str]]] = defaultdict(set)
    for row in construction.fragments.to_dict("records"):
        anchor = _ANCHOR.match(row["residues"].split()[-1])
        if row["kind"] in _CHEMISTRY and anchor:
            place = (row["pdb_id"], row["chain"], anchor[0])
            where[place].add((row["family_id"], row["fold"], row["graph_id"]))
    pairs: dict[tuple[str, str, str, str], set[_Place]] = defaultdict(set)
    for place, users in where.items():
        for a, fold_a, graph_a in users:
            for b, fold_b, graph_b in users:
                if a < b and fold_a != fold_b and graph_a != graph_b:
                    pairs[a, fold_a, b, fold_b].add(place)
    return {pair: len(places) for pair, places in pairs.items()}
