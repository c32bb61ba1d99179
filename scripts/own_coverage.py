"""How often the 90 % intervals of ``mfbench adapt`` hold on trajectories that it did not see, per level.

    python scripts/own_coverage.py --levels gfn2,pm7:15,wb97x-d:15 --molecules 12 --out runs/own-coverage

Of each level, the smallest test molecules, one per family: adapted to --k configurations of the support (or
as many as stand behind the level's name), then asked about the query's. Each molecule is one file in
OUT/LEVEL, so that a killed run goes on; one of other labels, K, steps or start is refused.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mfbench
from mfbench.data.configuration import Configuration
from mfbench.errors import MfbenchError
from mfbench.own.adapt import adapt_with_record
from mfbench.own.uncertainty import UNCERTAINTIES
from mfbench.protocol.cost import code_version, hardware
from mfbench.work.files import write_text
from mfbench.work.journal import open_journal


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--split", default="cath")
    parser.add_argument("--levels", default="gfn2", help="gfn2 is the split's own")
    parser.add_argument("--molecules", type=int, default=3)
    parser.add_argument("--k", type=int, default=24)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--start", default="cath-mini/pretrain")
    parser.add_argument("--uncertainty", choices=UNCERTAINTIES, default=UNCERTAINTIES[0])
    parser.add_argument("--backend", default="jax")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--json", type=Path, help="write the record here, e.g. results/own-coverage.json")
    asked = parser.parse_args(arguments)
    try:
        rows = run(asked)
    except MfbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    measured_at = {level: [r for r in rows if r["level"] == level] for level in levels_of(asked)}
    for level in (level for level, mine in measured_at.items() if not mine):
        print(f"{level:9} no test molecule has {levels_of(asked)[level]} labels there")
    levels = {level: _pooled(mine) for level, mine in measured_at.items() if mine}
    print(table(levels))
    if asked.json:
        settings = {n: v for n, v in vars(asked).items() if n not in ("out", "json", "levels")}
        record = {
            **settings, "code": code_version(), "hardware": hardware(), "levels": levels, "rows": rows,
        }  # fmt: skip
        write_text(asked.json, json.dumps(record, indent=1) + "\n")
    return 0


def table(levels: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown: what lies inside, per level."""
    lines = [
        "| level | molecules | labels of each | forces inside | energies inside |",
        "|---|---|---|---|---|",
    ]
    for level, found in levels.items():
        shares = f"{100 * found['forces']:.0f} % of {found['n_forces']:,}"
        shares += f" | {100 * found['energies']:.0f} % of {found['n_energies']}"
        lines.append(f"| {level} | {found['molecules']} | {found['labels']} | {shares} |")
    return "\n".join(lines)


def _pooled(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Shares over all that was asked of all molecules."""
    counts = {n: sum(r[f"n_{n}"] for r in rows) for n in ("forces", "energies")}
    shares = {n: sum(r[n] * r[f"n_{n}"] for r in rows) / counts[n] for n in counts}
    labels = max(r["n_support"] for r in rows)
    return {
        "molecules": len(rows),
        "labels": labels,
        **shares,
        **{f"n_{n}": count for n, count in counts.items()},
    }


def levels_of(asked: argparse.Namespace) -> dict[str, int]:
    """Level → labels of a molecule, from ``NAME`` or ``NAME:K``."""
    parts = [name.partition(":") for name in asked.levels.split(",")]
    return {level: int(k or asked.k) for level, _, k in parts}


def run(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Every molecule that is not measured yet; the rows of all."""
    rows: list[dict[str, Any]] = []
    for level, k in levels_of(asked).items():
        split = mfbench.load_split(asked.split, level=None if level == "gfn2" else level)
        request = {
            "data": {split.name: split.manifest.data_hash}, "k": k, "steps": asked.steps,
            "start": asked.start, "backend": asked.backend, "uncertainty": asked.uncertainty,
        }  # fmt: skip
        with open_journal(asked.out / level, request, resume=True, suffix=".run.json") as journal:
            chosen = molecules(split, asked.molecules, k)
            everything = [c for _, support, query in chosen for c in (*support, *query)]
            for name, support, query in chosen:
                if not journal.holds(name):
                    found = measured(support, query, everything, asked)
                    row = {"level": level, "data_hash": split.manifest.data_hash, "molecule": name, **found}
                    journal.add(name, (json.dumps(row) + "\n").encode())
            kept = journal.read(json.loads)  # it may hold more molecules
            rows += [kept[name] for name, _, _ in chosen]
    return rows


def molecules(
    split: mfbench.Split, count: int, k: int
) -> list[tuple[str, list[Configuration], list[Configuration]]]:
    """The smallest test molecule of each family with K labels: name, K of its support, query.

    Trajectories take turns in giving the K, so that what is learned from is of all the kinds (temperatures,
    dynamics and displacements) that are asked about: intervals are promised for like data.
    """
    found = []
    for task in split.test:
        groups: dict[str, tuple[list[Configuration], list[Configuration]]] = defaultdict(lambda: ([], []))
        for pool, configurations in enumerate((task.support, task.query)):
            for c in configurations:
                groups[c.fragment_id][pool].append(c)
        usable = [(len(s[0]), n, s, q) for n, (s, q) in groups.items() if len(s) >= k and q]
        found += sorted(usable, key=lambda row: row[:2])[:1]
    found.sort(key=lambda row: row[:2])
    return [(name, _in_turn(support)[:k], query) for _, name, support, query in found[:count]]


def _in_turn(support: Sequence[Configuration]) -> list[Configuration]:
    """First frames of all trajectories, then second ones, and so on."""
    seen: Counter[str] = Counter()
    places = []
    for c in support:
        places.append(seen[c.trajectory_id])
        seen[c.trajectory_id] += 1
    return [support[i] for i in np.argsort(places, kind="stable")]


def measured(
    support: Sequence[Configuration],
    query: Sequence[Configuration],
    everything: Sequence[Configuration],
    asked: argparse.Namespace,
) -> dict[str, float]:
    """Shares of energies and force components within their intervals; ``everything``: of all molecules."""
    model = adapt_with_record(
        support,
        asked.start,
        backend=asked.backend,
        steps=asked.steps,
        uncertainty=asked.uncertainty,
        asked=everything,
    ).model
    energies, forces = [], []
    for (prediction, bars), c in zip(model.predict_with_uncertainty(query), query, strict=True):
        energies.append(abs(prediction.energy - c.label[0]) <= bars.energy)
        forces.append((np.abs(prediction.forces - c.label[1]) <= bars.forces).ravel())
    inside = np.concatenate(forces)
    return {
        "forces": float(inside.mean()),
        "n_forces": len(inside),
        "energies": float(np.mean(energies)),
        "n_energies": len(energies),
        "n_support": len(support),
        "independent": model.calibration.independent_energies,
    }


if __name__ == "__main__":
    sys.exit(main())
