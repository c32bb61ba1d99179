"""How often the 90 % intervals of ``mfbench adapt`` hold on trajectories that it did not see, per level.

    python scripts/own_coverage.py --levels gfn2,gfn1,pm7 --molecules 3 --out runs/own-coverage

Of each level, the smallest test molecules, one per family: adapted to --k configurations of the support,
then asked about the query's. Each molecule is one file in OUT/LEVEL, so that a killed run goes on; one of
other labels, K, steps or start is refused.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mfbench
from mfbench.data.configuration import Configuration
from mfbench.errors import MfbenchError
from mfbench.own.adapt import adapt_with_record
from mfbench.own.uncertainty import UNCERTAINTIES
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
    asked = parser.parse_args(arguments)
    try:
        rows = run(asked)
    except MfbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for level in dict.fromkeys(r["level"] for r in rows):
        mine = [r for r in rows if r["level"] == level]
        forces = np.average([r["forces"] for r in mine], weights=[r["n_forces"] for r in mine])
        energies = np.average([r["energies"] for r in mine], weights=[r["n_energies"] for r in mine])
        print(
            f"{level:9} {len(mine)} molecules: forces {100 * forces:.0f} % of "
            f"{sum(r['n_forces'] for r in mine):,}, energies {100 * energies:.0f} % of "
            f"{sum(r['n_energies'] for r in mine)}"
        )
    return 0


def run(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Every molecule that is not measured yet; the rows of all."""
    rows: list[dict[str, Any]] = []
    for level in asked.levels.split(","):
        split = mfbench.load_split(asked.split, level=None if level == "gfn2" else level)
        request = {
            "data": {split.name: split.manifest.data_hash}, "k": asked.k, "steps": asked.steps,
            "start": asked.start, "backend": asked.backend, "uncertainty": asked.uncertainty,
        }  # fmt: skip
        with open_journal(asked.out / level, request, resume=True, suffix=".run.json") as journal:
            chosen = molecules(split, asked.molecules, asked.k)
            everything = [c for _, support, query in chosen for c in (*support, *query)]
            for name, support, query in chosen:
                if not journal.holds(name):
                    found = measured(support, query, everything, asked)
                    row = {"level": level, "molecule": name, **found}
                    journal.add(name, (json.dumps(row) + "\n").encode())
            rows += journal.read(json.loads).values()
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
