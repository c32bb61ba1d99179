"""How far levels of theory are from one another, on a sample of train fragments: the table of the card.

``python -m mfbench_tasks.levels.level_table OUT.json`` measures it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration
from mfbench.data.split import Split, load_split
from mfbench.metrics.errors import within_fragment
from mfbench_tasks.labelling.entry import Entry
from mfbench_tasks.labelling.registry import find_level
from mfbench_tasks.labelling.run_queue import label_one
from mfbench_tasks.labelling.tblite import Label
from mfbench_tasks.seeds import stream

__all__ = ["compare_levels", "sample_of"]

SEMIEMPIRICAL = ("gfn2", "gfn1", "ipea1", "pm7", "pm6", "am1", "rm1", "pm3", "mndo")
_ORGANIC = frozenset((1, 6, 7, 8, 16))


def sample_of(
    split: Split, *, fragments: int = 24, each: int = 3, seed: int = 20261128
) -> list[Configuration]:
    """Configurations of random train fragments: organic, closed shell, |q| ≤ 1, each graph once.

    No test family has a part in it: which level serves which fold is decided without them.
    """
    rng = stream(seed, "level-table")
    by_fragment: dict[str, list[Configuration]] = {}
    for c in split.train_configurations:
        if not c.n_unpaired and abs(c.total_charge) <= 1 and _ORGANIC.issuperset(c.atomic_numbers.tolist()):
            by_fragment.setdefault(c.fragment_id, []).append(c)
    names = sorted(by_fragment)
    graphs: set[str] = set()
    out: list[Configuration] = []
    for i in rng.permutation(len(names)):
        found = by_fragment[names[i]]
        if found[0].graph_id in graphs or len(graphs) == fragments:
            continue
        graphs.add(found[0].graph_id)
        out += [found[j] for j in rng.permutation(len(found))[:each]]
    return out


def compare_levels(
    configurations: Sequence[Configuration], labels: Mapping[str, Mapping[str, Entry]]
) -> dict[str, dict[str, Any]]:
    """Distances between all pairs of levels, over the configurations that both have labelled.

    Args:
        configurations: what was labelled.
        labels: level → config id → entry.

    Returns:
        ``levels``: per level the force RMS (components, kcal/mol/Å), median CPU seconds per label and
        failures; ``pairs``: per ``"a b"`` force RMSE (kcal/mol/Å), force correlation, the slope of b's
        forces on a's, and energy RMSE within fragments (kcal/mol).
    """
    levels: dict[str, dict[str, Any]] = {}
    for name, entries in labels.items():
        forces = [e.forces for e in entries.values() if e.forces is not None]
        levels[name] = {
            "configurations": len(forces),
            "failed": sum(e.forces is None for e in entries.values()),
            "force_rms": _round(_rms(np.concatenate(forces)) * EV_TO_KCAL_MOL),
            "seconds_per_label": _round(float(np.median([e.seconds for e in entries.values()]))),
        }
    names = list(labels)
    pairs = {
        f"{a} {b}": _pair(configurations, labels[a], labels[b])
        for i, a in enumerate(names)
        for b in names[:i]
    }
    return {"levels": levels, "pairs": {name: pair for name, pair in pairs.items() if pair}}


def _label(entry: Entry | None) -> Label | None:
    if entry is None or entry.failure or entry.energy is None or entry.forces is None:
        return None
    return Label(entry.energy, entry.forces)


def _pair(
    configurations: Sequence[Configuration], a: Mapping[str, Entry], b: Mapping[str, Entry]
) -> dict[str, Any]:
    both = []
    for c in configurations:
        one, two = _label(a.get(c.config_id)), _label(b.get(c.config_id))
        if one is not None and two is not None:
            both.append((c.fragment_id, one, two))
    if not both:
        return {}
    x = np.concatenate([one.forces.ravel() for _, one, _ in both]) * EV_TO_KCAL_MOL
    y = np.concatenate([two.forces.ravel() for _, _, two in both]) * EV_TO_KCAL_MOL
    gap = np.array([one.energy - two.energy for _, one, two in both]) * EV_TO_KCAL_MOL
    return {
        "configurations": len(both),
        "force_rmse": _round(_rms(x - y)),
        "force_correlation": round(float(np.corrcoef(x, y)[0, 1]), 4),
        "force_slope": round(float(x @ y / (x @ x)), 4),
        "energy_rmse_within": _round(_rms(within_fragment(gap, np.array([f for f, _, _ in both])))),
    }


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _round(value: float) -> float:
    return float(f"{value:.3g}")


def main(out: Path) -> None:
    """Measure the table of the semiempirical levels and write it."""
    configurations = sample_of(load_split("cath", verify=False))
    labels = {
        name: {c.config_id: label_one(find_level(name), c) for c in configurations}
        for name in SEMIEMPIRICAL
    }
    table = {"sample": [c.config_id for c in configurations], **compare_levels(configurations, labels)}
    out.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
