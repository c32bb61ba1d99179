"""``scratch`` beside ``mace_run_train``: can anybody call our training from scratch weak?

    OMP_NUM_THREADS=1 python scripts/bench_scratch.py --minutes 9 \\
        --json results/searches/scratch.json

On molecules of different families (the fragments with the most support; ``--molecules``), at K = 10 and 50:
the same labels, the same fifth held back, networks of the same size and precision, as many steps of as many
configurations, and the same errors on the same query. Ours adapts by the recipe ``converged``; theirs is
mace-torch's own command with its own defaults for loss, rate and schedule, with the average of weights and
the best validation epoch. What both learn is the energy beyond the shared baseline, less its mean over the
labels; energies are compared within the molecule. A call goes on where the last one stopped.

Exit code 0: all done; 3: time was over.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

import mfbench
from benchmarks.mace_run_train import train
from mfbench.cli.options import parse_numbers
from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration
from mfbench.data.split import Split, Task
from mfbench.learned.adaptation.initial_model import scratch_recipe
from mfbench.learned.methods.scratch import Scratch
from mfbench.learned.training.prepare import config_for
from mfbench.protocol.cost import hardware
from mfbench.protocol.energy_baseline import EnergyBaseline, fit_baseline
from mfbench.protocol.loading import load_engine
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget, Track
from mfbench.work.journal import open_journal

__all__ = ["main"]

OURS, THEIRS = "scratch", "mace_run_train"


@dataclass(frozen=True, eq=False)
class Molecule:
    """Labels of one fragment of a split: support in the order in which it is given, and what is asked."""

    split: Split
    name: str
    support: tuple[Configuration, ...]
    query: tuple[Configuration, ...]


def molecules_of(splits: Sequence[Split], count: int, most: int, seed: int) -> list[Molecule]:
    """Fragments with at least ``most`` labels, at most one per family, from the splits in turn."""
    found = [[m for t in split.test if (m := _molecule(split, t, most, seed))] for split in splits]
    turns = [m for row in zip_longest(*found) for m in row if m is not None]
    return turns[:count]


def _molecule(split: Split, task: Task, most: int, seed: int) -> Molecule | None:
    name, size = Counter(c.fragment_id for c in task.support).most_common(1)[0]
    query = tuple(c for c in task.query if c.fragment_id == name)
    if size < most or not query:
        return None
    own = [c for c in task.support if c.fragment_id == name]
    order = np.random.default_rng([seed, 11]).permutation(size)
    return Molecule(
        split, f"{split.name}/{task.family_id}/{name}", tuple(own[i] for i in order[:most]), query
    )


def centred(
    support: list[Configuration], query: list[Configuration], baseline: EnergyBaseline
) -> tuple[list[Configuration], list[Configuration]]:
    """Energies beyond the baseline, less their mean over the support."""
    beyond = np.array([c.label[0] for c in support]) - baseline.energies(support)
    shift = float(beyond.mean())

    def moved(c: Configuration) -> Configuration:
        return c.with_label(c.label[0] - float(baseline.energies([c])[0]) - shift, c.label[1])

    return [moved(c) for c in support], [moved(c) for c in query]


def errors(energies: np.ndarray, forces: list[np.ndarray], query: list[Configuration]) -> dict[str, float]:
    """kcal/mol within the molecule, kcal/mol/Å."""
    left = energies - np.array([c.label[0] for c in query])
    pulls = np.concatenate([(f - c.label[1]).ravel() for f, c in zip(forces, query, strict=True)])
    within, force = np.sqrt(np.mean((left - left.mean()) ** 2)), np.sqrt(np.mean(pulls**2))
    return {
        "energy_rmse_within": round(float(within) * EV_TO_KCAL_MOL, 4),
        "force_rmse": round(float(force) * EV_TO_KCAL_MOL, 4),
    }


def ours(
    split: Split, support: list[Configuration], query: list[Configuration], steps: int, seed: int
) -> dict[str, Any]:
    """``scratch`` by the recipe ``converged``."""
    options = {"recipe": "converged", "steps": steps, "check": max(min(100, steps // 4), 1)}
    config = config_for(split, "mace")
    engine = load_engine("jax").sized_for([*support, *query], config)
    settings = scratch_recipe(MethodContext(split, options=options))
    method = Scratch(engine, EnergyBaseline({}), config, settings)
    predictor = method.adapt(support, budget=Budget(steps, 4), seed=seed)
    found = predictor.predict([c.blind() for c in query])
    energies = np.array([p.energy for p in found])
    gradients = predictor.usage.gradient_evaluations
    return errors(energies, [p.forces for p in found], query) | {"gradients": gradients}


def theirs(
    split: Split, support: list[Configuration], query: list[Configuration], steps: int, seed: int
) -> dict[str, Any]:
    """mace-torch's command, on the same four fifths, choosing its epoch by the same fifth.

    Raises:
        TrainingError: the command failed; with the end of what it wrote.
    """
    with tempfile.TemporaryDirectory() as name:
        done = train(Path(name) / "run", support, config_for(split, "mace"), seed, steps=steps, zero="none")
        calculator = done.calculator()
    found = [_asked(calculator, c) for c in query]
    energies = np.array([energy for energy, _ in found])
    return errors(energies, [forces for _, forces in found], query) | {"gradients": done.gradients}


def _asked(calculator: Any, c: Configuration) -> tuple[float, np.ndarray]:
    from ase import Atoms

    atoms = Atoms(c.atomic_numbers, c.positions)
    atoms.calc = calculator
    return float(atoms.get_potential_energy()), atoms.get_forces()


def main(arguments: list[str] | None = None) -> int:
    """Run what is missing; the record is written after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--splits", default="chemistry,levels", help="the molecules come from them in turn")
    parser.add_argument("--json", type=Path, required=True, help="the record")
    parser.add_argument("--journal", type=Path, help="default: beside the record")
    parser.add_argument("--molecules", type=int, default=3)
    parser.add_argument("--ks", default="10,50")
    parser.add_argument("--steps", type=int, default=(Track.CONVERGED.budget or Budget()).steps)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    given = parser.parse_args(arguments)
    splits, ks = (
        [mfbench.load_split(name) for name in given.splits.split(",")],
        parse_numbers(given.ks) or [],
    )
    molecules = molecules_of(splits, given.molecules, max(ks), given.seed)
    if len(molecules) < given.molecules:
        parser.error(f"there are {len(molecules)} molecules with {max(ks)} labels: ask for fewer")
    request = {
        "data": {split.name: split.manifest.data_hash for split in splits}, "steps": given.steps,
        "molecules": [m.name for m in molecules], "ks": ks, "seed": given.seed,
    }  # fmt: skip
    end = time.monotonic() + 60.0 * given.minutes
    folder = given.journal or given.json.with_suffix(".journal")
    plan = [(m, k, who) for m in molecules for k in ks for who in (OURS, THEIRS)]
    with open_journal(folder, request, resume=True, suffix=".run.json") as journal:
        for molecule, k, who in plan:
            key = f"{molecule.name}/{k}/{who}"
            if journal.holds(key):
                continue
            if time.monotonic() > end:
                break
            split = molecule.split
            baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
            support, query = centred(list(molecule.support[:k]), list(molecule.query), baseline)
            began = time.monotonic()
            run = ours if who == OURS else theirs
            found = run(split, support, query, given.steps, given.seed)
            row = {"molecule": molecule.name, "k": k, "who": who, **found}
            row["seconds"] = round(time.monotonic() - began, 1)
            journal.add(key, json.dumps(row).encode())
            print(json.dumps(row), flush=True)
        rows = [row for _, row in sorted(journal.read(json.loads).items())]
    given.json.parent.mkdir(parents=True, exist_ok=True)
    record = {**request, "hardware": hardware(), "rows": rows, "ratios": _ratios(rows)}
    given.json.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record["ratios"]), flush=True)
    return 0 if len(rows) == len(plan) else 3


def _ratios(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Ours ÷ theirs, geometric mean over molecules that both have run; below 1 ours is better."""
    found: dict[str, float] = {}
    for k in sorted({row["k"] for row in rows}):
        for metric in ("force_rmse", "energy_rmse_within"):
            value = {(r["molecule"], r["who"]): r[metric] for r in rows if r["k"] == k}
            names = [m for m, who in value if who == OURS and (m, THEIRS) in value]
            if names:
                logs = [np.log(value[m, OURS] / value[m, THEIRS]) for m in names]
                found[f"{metric}@{k}"] = round(float(np.exp(np.mean(logs))), 4)
    return found
