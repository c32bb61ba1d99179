"""``mfbench adapt`` beside training from nothing and beside mace-torch's own training, on the same labels.

    python scripts/own_table.py --split cath --level wb97x-d --k 10 --out runs/own-10
    python scripts/own_table.py --split cath --level wb97x-d --k 50 --more MORE.xyz --out runs/own-50
    python scripts/own_table.py --files a.xyz b.xyz c.xyz --out runs/own-table      # eV, eV/Å; REF_ keys

``--more`` adds labels to the molecules of a split, by the ``fragment_id`` of each frame; ``own_labels.py``
makes them. ``--report --also runs/own-10`` puts the cells of another run into the same table.

Each cell (molecule, K, seed, method) is one file in OUT/cells; a killed run goes on with the cells that are
missing, and one of other labels, seconds or ps is refused. Every method gets the same K configurations and
the same wall time. At the end, and with --report alone, OUT/table.md says errors on the molecule's other
configurations (force RMSE in kcal/mol/Å, energy RMSE less the mean error in kcal/mol) and whether a
trajectory at 300 K stays whole.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import mfbench
from benchmarks.mace_run_train import train
from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration
from mfbench.data.parquet import sha256
from mfbench.errors import DataError, MfbenchError
from mfbench.metrics.statistics import groups_of, ratio
from mfbench.own.starts import SCRATCH, find_start
from mfbench.work.files import write_text
from mfbench.work.journal import Journal, open_journal

METHODS = ("auto", "scratch", "mace")
FEWEST_TESTS = 7
"""Configurations of a molecule to measure on: as many as the first pass of the DFT queue labels."""
CELL = ".run.json"


@dataclass(frozen=True, eq=False)
class Molecule:
    """What may be learned from, and what is asked about: other trajectories."""

    name: str
    support: tuple[Configuration, ...]
    query: tuple[Configuration, ...]
    clusters: tuple[str, ...]
    """Molecules that share one are not independent."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cells that are missing, then report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--split", default="levels")
    parser.add_argument("--level", help="of the labels; default: the split's own")
    parser.add_argument("--files", nargs="+", type=Path, help="labelled structures instead of a split")
    parser.add_argument("--more", type=Path, help="labelled structures to learn from beside the split's")
    parser.add_argument("--by", choices=("fragment", "family"), default="fragment")
    parser.add_argument("--molecules", type=int, default=3)
    parser.add_argument("--only", nargs="+", help="run these of the molecules alone")
    parser.add_argument("--k", default="10,50")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--seconds", type=float, default=90.0, help="wall time of one adaptation")
    parser.add_argument("--ps", type=float, default=10.0, help="of a trajectory; 0: none")
    parser.add_argument("--trajectories", type=int, default=99, help="run dynamics for so many seeds")
    parser.add_argument("--backend", default="jax")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--also", nargs="*", type=Path, default=[], help="OUT of other runs, for the table")
    parser.add_argument("--json", type=Path, help="write all cells here, e.g. results/own-dft.json")
    parser.add_argument("--report", action="store_true", help="run nothing")
    asked = parser.parse_args(arguments)
    ks = [int(k) for k in asked.k.split(",")]
    try:
        if not asked.report:
            molecules = (
                from_files(asked.files)
                if asked.files
                else from_split(asked.split, asked.level, asked.by, asked.molecules, max(ks), asked.more)
            )
            molecules = [m for m in molecules if not asked.only or m.name in asked.only]
            with open_journal(asked.out / "cells", request_of(asked), resume=True, suffix=CELL) as journal:
                run(molecules, ks, asked, journal)
        cells = read_cells([asked.out, *asked.also])
    except MfbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    text = report(cells)
    write_text(asked.out / "table.md", text)
    if asked.json:
        write_text(asked.json, json.dumps({"cells": cells}, indent=1) + "\n")
    print(text)
    return 0


def from_split(
    split: str, level: str | None, by: str, count: int, k: int, more: Path | None = None
) -> list[Molecule]:
    """The molecules (or families) of the test fold with the most labels.

    Args:
        more: a file with further labels to learn from, which does not change who is chosen first.

    Raises:
        DataError: fewer than ``count`` hold K labels and enough others.
    """
    found: dict[str, tuple[list[Configuration], list[Configuration]]] = defaultdict(lambda: ([], []))
    clusters: dict[str, tuple[str, ...]] = {}
    added = _by_molecule(more) if more else {}
    for task in mfbench.load_split(split, level=level).test:
        for pool, configurations in enumerate((task.support, task.query)):
            for c in configurations:
                name = c.fragment_id if by == "fragment" else task.family_id
                found[name][pool].append(c)
                clusters[name] = (f"family {task.family_id}", *task.clusters)
    for name, configurations in added.items():
        found[name][0].extend(configurations)
    usable = [n for n, (s, q) in found.items() if len(s) >= k and len(q) >= FEWEST_TESTS]
    if len(usable) < count:
        most = max((min(len(s), len(q)) for s, q in found.values()), default=0)
        raise DataError(
            f"{len(usable)} of {split}'s test {by} groups hold {k} + {FEWEST_TESTS} labels (the fullest "
            f"{most} of each role): choose smaller --k, or --by family"
        )
    chosen = sorted(usable, key=lambda n: (-sum(map(len, found[n])), n))[:count]
    return [Molecule(name, *map(tuple, found[name]), clusters[name]) for name in chosen]


def _by_molecule(path: Path) -> dict[str, list[Configuration]]:
    """``fragment_id`` → labelled configurations of a file that ``mfbench label`` wrote.

    Frames that say why they have no label (``label_failure``) are left out.

    Raises:
        DataError: another frame has no label, or does not name its molecule.
    """
    import ase.io

    found: dict[str, list[Configuration]] = defaultdict(list)
    for number, atoms in enumerate(ase.io.iread(path)):
        info, name = atoms.info, atoms.info.get("fragment_id")
        if "label_failure" in info:
            continue
        if not name or atoms.calc is None:
            raise DataError(f"frame {number} of {path} has no {'label' if name else 'fragment_id'}")
        unlabelled = Configuration(
            np.asarray(atoms.numbers, np.int32),
            atoms.positions,
            int(info["total_charge"]),
            int(info["spin"]) - 1,
            fragment_id=name,
            trajectory_id=info["trajectory_id"],
        )
        found[name].append(unlabelled.with_label(atoms.get_potential_energy(), atoms.get_forces()))
    return found


def from_files(paths: Sequence[Path]) -> list[Molecule]:
    """One molecule per file: its first half is learned from, its second half asked about."""
    from mfbench.own.formats import read_frames
    from mfbench.own.preflight import Choices, preflight

    units = Choices(energy_unit="eV", forces_unit="eV/Å", sign="forces")
    found = []
    for path in paths:
        read = preflight(read_frames(path), None, units).configurations
        found.append(Molecule(path.stem, read[: len(read) // 2], read[len(read) // 2 :], (path.stem,)))
    return found


def request_of(asked: argparse.Namespace) -> dict[str, Any]:
    """What a cell depends on beside its name."""
    if asked.files:
        data = {path.name: sha256(path) for path in asked.files}
    else:
        split = mfbench.load_split(asked.split, level=asked.level)
        data = {"split": split.name, "level": asked.level, "hash": split.manifest.data_hash, "by": asked.by}
        if asked.more:
            data["more"] = sha256(asked.more)
    return {"data": data, "seconds": asked.seconds, "ps": asked.ps, "backend": asked.backend}


def run(
    molecules: Sequence[Molecule], ks: Sequence[int], asked: argparse.Namespace, journal: Journal
) -> None:
    """Every cell that has no file yet."""
    cells = list(itertools.product(molecules, ks, range(asked.seeds), asked.methods.split(",")))
    for number, (molecule, k, seed, method) in enumerate(cells, start=1):
        name = f"{molecule.name}-K{k}-seed{seed}-{method}"
        if journal.holds(name):
            continue
        print(f"{number} of {len(cells)}: {name}", flush=True)
        rows = np.random.default_rng([seed, 41]).permutation(len(molecule.support))[:k]
        support = [molecule.support[i] for i in sorted(rows)]
        fitted = mace(support, seed, asked) if method == "mace" else adapted(method, support, seed, asked)
        cell = {"molecule": molecule.name, "k": k, "seed": seed, "method": method}
        cell |= {
            "clusters": molecule.clusters,
            "seconds": fitted.seconds,
            "limit": asked.seconds,
            "made_of": fitted.made_of,
            **scores(fitted, molecule.query),
        }
        if asked.ps and seed < asked.trajectories:
            cell |= dynamics(fitted, molecule.query[0], asked.ps, seed)
        journal.add(name, (json.dumps(cell, indent=1) + "\n").encode())


@dataclass(frozen=True, eq=False)
class Fitted:
    """An ASE calculator for errors, one for dynamics, what they were made of, and the wall time of that."""

    calculator: Any
    quick: Any
    made_of: str
    seconds: float


def adapted(start: str, support: Sequence[Configuration], seed: int, asked: argparse.Namespace) -> Fitted:
    """``mfbench adapt``: the committee for errors, its first member for dynamics."""
    began = time.monotonic()
    model = mfbench.adapt(support, start, backend=asked.backend, seconds=asked.seconds, seed=seed)
    made_of = f"{model.card['start']}, {model.card['recipe']['name']}"
    spent = time.monotonic() - began
    return Fitted(model.calculator(), model.calculator(uncertainty=False), made_of, spent)


def mace(support: Sequence[Configuration], seed: int, asked: argparse.Namespace) -> Fitted:
    """``mace_run_train`` of a network as large as ``scratch``'s, in the same wall time."""
    with tempfile.TemporaryDirectory() as name:
        config = find_start(SCRATCH, support).config
        done = train(Path(name) / "run", support, config, seed, seconds=asked.seconds)
        calculator = done.calculator()
    return Fitted(calculator, calculator, f"{done.epochs} epochs", done.seconds)


def scores(fitted: Fitted, query: Sequence[Configuration]) -> dict[str, float]:
    """Errors on configurations that were not learned from."""
    energies, forces = [], []
    for c in query:
        atoms = _atoms(fitted.calculator, c)
        energies.append(atoms.get_potential_energy() - c.label[0])
        forces.append((atoms.get_forces() - c.label[1]).ravel())
    left = np.array(energies)
    for fragment in {c.fragment_id for c in query}:
        same = np.array([c.fragment_id == fragment for c in query])
        left[same] -= left[same].mean()
    return {
        "force_rmse": float(np.sqrt(np.mean(np.concatenate(forces) ** 2))) * EV_TO_KCAL_MOL,
        "within_rmse": float(np.sqrt(np.mean(left**2))) * EV_TO_KCAL_MOL,
    }


def dynamics(fitted: Fitted, start: Configuration, ps: float, seed: int) -> dict[str, Any]:
    """Whether the molecule survives, and until when."""
    from mfbench.own.dynamics import DynamicsSettings, simulate

    with tempfile.TemporaryDirectory() as folder:
        settings = DynamicsSettings(ps=ps, seed=seed, record_fs=min(10.0, 1000 * ps))
        try:
            found = simulate(_atoms(fitted.quick, start), settings, Path(folder))
        except MfbenchError as error:  # numbers that are not finite
            return {"stable": False, "first_break_ps": None, "first_break": str(error), "ps": ps}
        first = found.first_break_ps
        return {"stable": found.stable, "first_break_ps": first, "first_break": found.first_break, "ps": ps}


def _atoms(calculator: Any, c: Configuration) -> Any:
    from ase import Atoms

    atoms = Atoms(c.atomic_numbers, c.positions, info={"charge": c.total_charge})
    atoms.calc = calculator
    return atoms


def read_cells(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """Every finished cell, with what its run was asked for.

    Raises:
        DataError: a folder holds none.
    """
    cells = []
    for folder in folders:
        paths = sorted((folder / "cells").glob(f"*{CELL}"))
        if not paths:
            raise DataError(f"{folder} holds no finished cell: run without --report")
        data = json.loads((folder / "cells" / "request.json").read_text())["data"]
        cells += [{**json.loads(p.read_text()), "data": data} for p in paths]
    return cells


def report(cells: Sequence[dict[str, Any]]) -> str:
    """Markdown: molecules together, each molecule (means over seeds), then ratios to ``scratch``."""
    groups: dict[tuple[str, int, str], list[dict[str, Any]]] = defaultdict(list)
    for cell in cells:
        groups[cell["molecule"], cell["k"], cell["method"]].append(cell)
    lines = [
        *_in_short(cells),
        "",
        "| molecule | K | method | forces | energies within | stable | seconds | made of |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (molecule, k, method), found in sorted(groups.items()):
        errors = [
            f"{np.mean(v):.2f} [{min(v):.2f}, {max(v):.2f}]"
            for v in ([c[m] for c in found] for m in ("force_rmse", "within_rmse"))
        ]
        spent = f"{np.mean([c['seconds'] for c in found]):.0f}"
        made = "; ".join(sorted({c["made_of"] for c in found}))
        lines.append(
            f"| {molecule} | {k} | `{method}` | {' | '.join(errors)} | {_whole(found)} | {spent} | {made} |"
        )
    lines += ["", *_ratios(cells)]
    return "\n".join(lines) + "\n"


def _in_short(cells: Sequence[dict[str, Any]]) -> list[str]:
    """A row per K and method: means over molecules and seeds, and whole trajectories."""
    lines = ["| K | method | forces | energies within | whole |", "|---|---|---|---|---|"]
    for k, method in sorted({(c["k"], c["method"]) for c in cells}):
        mine = [c for c in cells if (c["k"], c["method"]) == (k, method)]
        forces, within = (f"{np.mean([c[m] for c in mine]):.2f}" for m in ("force_rmse", "within_rmse"))
        lines.append(f"| {k} | `{method}` | {forces} | {within} | {_whole(mine)} |")
    return lines


def _whole(cells: Sequence[dict[str, Any]]) -> str:
    ran = [c for c in cells if "stable" in c]
    return f"{sum(c['stable'] for c in ran)} of {len(ran)}" if ran else "–"


def _ratios(cells: Sequence[dict[str, Any]]) -> list[str]:
    lines = []
    for (method, k, metric), value in ratios_to_scratch(cells).items():
        title = {"force_rmse": "forces", "within_rmse": "energies within"}[metric]
        interval = (
            f"[{value.lo:.2f}, {value.hi:.2f}]" if np.isfinite(value.lo) else "[one group: no interval]"
        )
        left = f", {value.unfinished} unfinished left out" if value.unfinished else ""
        lines.append(
            f"- K = {k}, {title}: `{method}` ÷ `scratch` {value.value:.2f} {interval} over "
            f"{value.molecules} molecules × {value.seeds} seeds{left}."
        )
    return lines


class Beside(NamedTuple):
    """Errors ÷ those of ``scratch``: geometric mean, its 95 % interval, and over what."""

    value: float
    lo: float
    hi: float
    molecules: int
    seeds: int
    unfinished: int


def ratios_to_scratch(cells: Sequence[dict[str, Any]]) -> dict[tuple[str, int, str], Beside]:
    """(method, K, metric) → errors ÷ those of ``scratch`` on the same labels, intervals over molecules.

    Seeds of a molecule, and molecules that share a cluster, are not independent. Molecules for which a seed
    is missing are left out, and counted.
    """
    by_cell = {(c["molecule"], c["k"], c["seed"], c["method"]): c for c in cells}
    clusters = {c["molecule"]: c["clusters"] for c in cells}
    ratios = {}
    for method, k in sorted({(c["method"], c["k"]) for c in cells if c["method"] != "scratch"}):
        pairs = {
            (molecule, seed): (mine, line)
            for (molecule, at, seed, name), mine in by_cell.items()
            if (name, at) == (method, k) and (line := by_cell.get((molecule, at, seed, "scratch")))
        }
        seeds, begun = sorted({seed for _, seed in pairs}), sorted({molecule for molecule, _ in pairs})
        whole = [m for m in begun if all((m, seed) in pairs for seed in seeds)]
        groups = groups_of([clusters[m] for m in whole])
        for metric in ("force_rmse", "within_rmse") if whole else ():
            both = np.array([[[c[metric] for c in pairs[m, seed]] for m in whole] for seed in seeds])
            found = ratio(both[..., 0], both[..., 1], groups)
            missing = len(begun) - len(whole)
            ratios[method, k, metric] = Beside(*found, len(whole), len(seeds), missing)
    return ratios


if __name__ == "__main__":
    sys.exit(main())
