"""The report of the reaction split: paths and barriers, what was rejected and why, where samples lie."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path as Folder
from typing import Any

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL
from mfbench.work.files import write_text
from mfbench_tasks.build.job import Outcome
from mfbench_tasks.build.report import outcome_report, write_label_times
from mfbench_tasks.reaction.figure import draw_profiles
from mfbench_tasks.reaction.jobs import path_of
from mfbench_tasks.reaction.published import PUBLISHED, Published
from mfbench_tasks.reaction.settings import ReactionFamily
from mfbench_tasks.reaction.system import System

__all__ = ["reaction_report", "write_reaction_report"]

Paths = Sequence[tuple[System, Outcome]]
"""Systems, and the outcomes of their scans."""


def write_reaction_report(
    families: Sequence[ReactionFamily],
    paths: Paths,
    sampled: Sequence[Outcome],
    failed: Sequence[Outcome],
    left_out: Mapping[str, str],
    folder: Folder,
    figure: Folder,
) -> None:
    """Write ``report.json``, ``README.md`` and ``label_times.parquet`` into a folder, and the figure.

    Args:
        families: those in the split.
        paths: the scans of all families.
        sampled: the outcomes that are in the split.
        failed: those whose sampling failed.
        left_out: family id → why it is not in the split.
    """
    folder.mkdir(parents=True, exist_ok=True)
    report = reaction_report(families, paths, sampled, failed) | {"left_out": dict(left_out)}
    write_text(folder / "report.json", json.dumps(report) + "\n")
    write_text(folder / "README.md", _page(report, os.path.relpath(figure, folder)))
    write_label_times([o.accepted for o in sampled], folder / "label_times.parquet")
    draw_profiles(report, figure)


def reaction_report(
    families: Sequence[ReactionFamily],
    paths: Paths,
    sampled: Sequence[Outcome],
    failed: Sequence[Outcome],
) -> dict[str, Any]:
    """A JSON-ready summary; energies in kcal/mol, lengths in Å."""
    role = {o.accepted.fragment_id: "heldout" if o.heldout else "pool" for o in sampled}
    rows = []
    for family in families:
        own = [pair for pair in paths if pair[0].family_id == family.id]
        rows.append(
            {
                "family": family.id,
                "fold": family.fold,
                "title": family.title,
                "systems": [
                    _path_row(system, outcome, role.get(system.fragment_id, "spare"))
                    for system, outcome in own
                    if outcome.labelled is not None
                ],
                "shares": _shares(own, [o for o in sampled if o.family_id == family.id]),
            }
        )
    scans = [outcome for _, outcome in paths]
    seconds = sum(o.cpu_seconds for o in (*scans, *sampled, *failed))
    return {
        "families": rows,
        "rejections": [r for o in (*scans, *failed) for r in o.rejections],
        "sampling": outcome_report(sampled),
        "worst_finite_difference_eV_per_A": max(o.labelled.finite_difference for o in scans if o.labelled),
        "cpu_seconds": seconds,
    }


def _path_row(system: System, outcome: Outcome, role: str) -> dict[str, Any]:
    path = path_of(system, outcome)
    return {
        "name": system.name,
        "smiles": system.smiles,
        "role": role,
        "atoms": len(system),
        "charge": system.total_charge,
        "barrier": _kcal(path.barrier),
        "reaction_energy": _kcal(path.reaction_energy),
        "roughness": _kcal(path.roughness),
        "hysteresis": _kcal(path.hysteresis) if np.isfinite(path.hysteresis) else None,
        "q": np.round(path.lower(path.q), 3).tolist(),
        "profile": np.round(path.profile * EV_TO_KCAL_MOL, 2).tolist(),
    }


def _kcal(energy: float) -> float:
    return round(energy * EV_TO_KCAL_MOL, 2)


def _shares(own: Sequence[tuple[System, Outcome]], sampled: Sequence[Outcome]) -> dict[str, float]:
    """How many configurations have the reactants' bonds, the products', or are between."""
    system = {s.fragment_id: s for s, _ in own}
    found = [
        (system[o.accepted.fragment_id], c.positions) for o in sampled for c in o.accepted.configurations
    ]
    reactants = sum(s.is_reactant(x) for s, x in found) / len(found)
    products = sum(s.is_product(x) for s, x in found) / len(found)
    return {
        "reactants": round(reactants, 3),
        "between": round(1.0 - reactants - products, 3),
        "products": round(products, 3),
    }


_ABOUT = """
A family is a class of reactions, a fragment a reacting complex built from SMILES by distance geometry
and scanned with a bias on the bonds that break and form, from the reactants and back from the products.
The profile is the lower envelope of the unbiased energies. Configurations come from windows along it:
Langevin replicas under the bias, and displacements off the path along the modes of a window. Labels
never see a bias.

A fragment's graph is that of its reactants, though bonds change along the path; only the bonds of the
reaction may differ from it. Its first point, held at contact distance, is its reference geometry.

Barriers and reaction energies: GFN2-xTB, gas phase, without zero-point or thermal terms, from the
lowest point before the top of the path to the top, and from the reactant to the product end of the
scan. They describe the labels, not enzymes: GFN2 puts many of these barriers too low, and ions react
faster in the gas phase than in water. Both ends are complexes held at contact distance, so a profile
may fall from its first point: thiolates bind disulfides to trisulfides, a proton relay between anions
is flat, and an iminium takes a hydride without a barrier. Where the top is the product end, the barrier
is the climb to it. No total charge exceeds one: chorismate is taken as the acid and as the monoanion.

No fragment is shared with a construction cut from proteins. Chemistry is: carboxylates, amides,
imidazoles, thiols and disulfides occur there as side chains, but never on the way to something else.
Esters (test) and amides (validation) are hydrolysed alike; no train family is a hydrolysis by water.
"""


def _page(report: dict[str, Any], figure: str) -> str:
    sampling = report["sampling"]
    twins = sampling["near_twins"]
    lines = [
        "# Reactions",
        "",
        f"{len(report['families'])} families, {sampling['fragments']} systems, "
        f"{sampling['configurations']} configurations.",
        _ABOUT,
        f"![Profiles]({figure})",
        "",
        "| family | fold | systems in the split | barriers, kcal/mol | reaction energies "
        "| configurations with reactants' / neither / products' bonds |",
        "|---|---|---|---|---|---|",
    ]
    for f in report["families"]:
        used = [s for s in f["systems"] if s["role"] != "spare"]
        barriers, energies = ([s[key] for s in used] for key in ("barrier", "reaction_energy"))
        shares = " / ".join(f"{share:.0%}" for share in f["shares"].values())
        lines.append(
            f"| {f['title']} | {f['fold']} | {len(used)} | {min(barriers):.1f} to {max(barriers):.1f} "
            f"| {min(energies):.1f} to {max(energies):.1f} | {shares} |"
        )
    lines += ["", "## Beside published values", "", *_published(report, PUBLISHED)]
    lines += [
        "",
        "## Every path",
        "",
        "Roughness: the largest step between neighbouring points of the lower envelope that the mean slope "
        "(dE/dq from the labels' forces) does not explain. Hysteresis: the largest difference between the "
        "scan from the reactants and the one from the products.",
        "",
        "| system | role | atoms | charge | barrier | reaction energy | roughness | hysteresis |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for f in report["families"]:
        for s in f["systems"]:
            hysteresis = "one side left" if s["hysteresis"] is None else f"{s['hysteresis']:.1f}"
            lines.append(
                f"| {f['family']}.{s['name']} | {s['role']} | {s['atoms']} | {s['charge']:+d} "
                f"| {s['barrier']:.1f} | {s['reaction_energy']:.1f} | {s['roughness']:.1f} | {hysteresis} |"
            )
    lines += ["", "## Rejected", "", "| slot | gate | reason |", "|---|---|---|"]
    lines += [f"| {r['slot']} | {r['gate']} | {r['reason']} |" for r in report["rejections"]]
    lines += [f"| {family} | family | {reason} |" for family, reason in report["left_out"].items()]
    dropped = ", ".join(f"{g} {n}" for g, n in sampling["configurations_dropped_by_gate"].items())
    lines += [
        "",
        f"Single configurations dropped and drawn again: {dropped or 'none'}. Largest finite-difference "
        f"error {report['worst_finite_difference_eV_per_A']:.1e} eV/Å.",
        "",
        f"Nearest support-query pair {twins['closest_support_query_A']:.3f} Å; ratio of medians "
        f"{twins['ratio']:.3f}. {report['cpu_seconds']:.0f} CPU seconds in workers.",
        "",
    ]
    return "\n".join(lines)


def _published(report: dict[str, Any], published: Sequence[Published]) -> list[str]:
    barriers = {
        f"{f['family']}.{s['name']}": s["barrier"] for f in report["families"] for s in f["systems"]
    }
    lines = ["| system | barrier here | published, kcal/mol | source |", "|---|---|---|---|"]
    for p in published:
        if p.system in barriers:
            lines.append(f"| {p.system} | {barriers[p.system]:.1f} | {p.value} | {p.source} |")
    return [*lines, "", "For the other families: none that we can quote for these molecules."]
