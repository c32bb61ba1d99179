"""Does it matter which configurations are labelled? ``mfbench active`` beside random selection.

    OMP_NUM_THREADS=1 python scripts/active_table.py --molecules 1 --minutes 30 \\
        --out runs/active --json results/active.json

On molecules of the test fold with hundreds of stored labels at one level, so that nothing has to be
computed: a quarter of the trajectories is kept to measure on; from the others a pool is drawn by the seed,
and labelled batch by batch by each selector. Errors are those of the committee of ``mfbench active``. A
cell (molecule, seed, selector) is one file in OUT; a stopped run goes on. At the end, a table in Markdown,
and the record as JSON.

Exit code 0: all done; 3: time was over.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mfbench
from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration
from mfbench.errors import DataError, MfbenchError
from mfbench.learned.engine import Engine
from mfbench.own.active import SELECTORS, ActiveSettings, run_active
from mfbench.own.fit import Member
from mfbench.own.starts import Start, find_start
from mfbench.protocol.cost import hardware
from mfbench.protocol.loading import load_engine
from mfbench.work.files import write_text
from mfbench.work.journal import open_journal


@dataclass(frozen=True, eq=False)
class Deep:
    """A molecule with many labels: what may be chosen from, and other trajectories to measure on."""

    name: str
    pool: tuple[Configuration, ...]
    asked: tuple[Configuration, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cells that are missing, then report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--split", default="levels")
    parser.add_argument("--level", default="pm7")
    parser.add_argument("--molecules", type=int, default=2)
    parser.add_argument("--pool", type=int, default=150)
    parser.add_argument("--asked", type=int, default=60, help="configurations to measure on")
    parser.add_argument("--budget", type=int, default=32)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--start", default="cath-mini/pretrain")
    parser.add_argument("--backend", default="jax")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    try:
        record, whole = run(given)
    except MfbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(table(record["rows"]))
    if given.json:
        write_text(given.json, json.dumps(record, indent=1) + "\n")
    return 0 if whole else 3


def run(given: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """The record of the cells that are finished, and whether those are all."""
    split = mfbench.load_split(given.split, level=given.level)
    molecules = deep_molecules(split, given.molecules, given.pool, given.asked)
    everything = [c for m in molecules for c in (*m.pool, *m.asked)]
    start = find_start(given.start, everything)
    engine = load_engine(given.backend).sized_for(everything, start.config)
    names = ("level", "pool", "asked", "budget", "batch", "steps", "start", "backend")
    request = {"data": {split.name: split.manifest.data_hash}} | {n: getattr(given, n) for n in names}
    cells = list(itertools.product(range(given.seeds), molecules, SELECTORS))
    end = time.monotonic() + 60.0 * given.minutes
    with open_journal(given.out, request, resume=True, suffix=".run.json") as journal:
        for seed, molecule, selector in cells:
            key = f"{molecule.name}-{selector}-seed{seed}"
            if journal.holds(key) or time.monotonic() > end:
                continue
            rows = curve(molecule, selector, seed, engine, start, given)
            journal.add(key, json.dumps(rows).encode())
            print(f"{key}: {rows[-1]['force_rmse']:.2f} kcal/mol/Å", flush=True)
        kept = journal.read(json.loads)
    keys = [f"{molecule.name}-{selector}-seed{seed}" for seed, molecule, selector in cells]
    found = {key: kept[key] for key in keys if key in kept}  # the folder may hold more seeds and molecules
    rows = [row for _, cell in sorted(found.items()) for row in cell]
    return {**request, "hardware": hardware(), "rows": rows}, len(found) == len(cells)


def deep_molecules(split: mfbench.Split, count: int, pool: int, asked: int) -> list[Deep]:
    """Those with the most labels; every fourth trajectory is measured on.

    Raises:
        DataError: fewer than ``count`` hold a pool and enough others.
    """
    groups: dict[str, list[Configuration]] = defaultdict(list)
    for task in split.test:
        for c in task.support:
            groups[c.fragment_id].append(c)
    found = []
    for name, mine in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        kept = set(sorted({c.trajectory_id for c in mine})[::4])
        others = [c for c in mine if c.trajectory_id not in kept]
        measured = [c for c in mine if c.trajectory_id in kept]
        if len(others) >= pool and len(measured) >= asked:
            rows = np.linspace(0, len(measured) - 1, asked).astype(int)
            found.append(Deep(name, tuple(others), tuple(measured[i] for i in rows)))
    if len(found) < count:
        raise DataError(
            f"{len(found)} molecules of {split.name} hold {pool} + {asked} labels: ask for fewer"
        )
    return found[:count]


def curve(
    molecule: Deep, selector: str, seed: int, engine: Engine, start: Start, given: argparse.Namespace
) -> list[dict[str, Any]]:
    """Errors after every batch."""
    drawn = np.random.default_rng([seed, 47]).permutation(len(molecule.pool))[: given.pool]
    pool = [molecule.pool[i] for i in sorted(drawn)]
    known = {c.config_id: c.label for c in pool}

    def label(asked: Sequence[Configuration]) -> Iterator[tuple[float, np.ndarray, str]]:
        for c in asked:
            yield *known[c.config_id], ""

    rows: list[dict[str, Any]] = []

    def look(labels: int, members: tuple[Member, ...]) -> None:
        facts = {"molecule": molecule.name, "selector": selector, "seed": seed, "labels": labels}
        rows.append(facts | errors(engine, members, molecule.asked))

    settings = ActiveSettings(given.budget, given.batch, selector, seed=seed, steps=given.steps)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_journal(Path(folder) / "journal", {}, resume=False, suffix=".json") as journal,
    ):
        run_active(pool, label, start, engine, settings, journal, look=look)
    return rows


def errors(engine: Engine, members: Sequence[Member], asked: Sequence[Configuration]) -> dict[str, float]:
    """Of the committee's mean: kcal/mol/Å, and kcal/mol less the mean error."""
    found = [member.predict(engine, asked) for member in members]
    energies = np.mean([e for e, _ in found], axis=0) - np.array([c.label[0] for c in asked])
    forces = [np.mean([f[i] for _, f in found], axis=0) - c.label[1] for i, c in enumerate(asked)]
    flat = np.concatenate([f.ravel() for f in forces])
    return {
        "force_rmse": float(np.sqrt(np.mean(flat**2))) * EV_TO_KCAL_MOL,
        "within_rmse": float(np.std(energies)) * EV_TO_KCAL_MOL,
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: means over molecules and seeds; ratios to ``random`` on the same ones, and their range."""
    values = {(r["molecule"], r["seed"], r["labels"], r["selector"]): r for r in rows}
    lines = [
        "| labels | selector | forces, kcal/mol/Å | ÷ random | energies, kcal/mol | ÷ random | pairs |",
        "|---|---|---|---|---|---|---|",
    ]
    for labels, selector in sorted({(r["labels"], r["selector"]) for r in rows}):
        pairs = [
            (row, line)
            for (molecule, seed, at, name), row in sorted(values.items())
            if (at, name) == (labels, selector)
            and (line := values.get((molecule, seed, labels, "random"))) is not None
        ]
        if not pairs:
            continue
        cells = []
        for metric in ("force_rmse", "within_rmse"):
            mean = np.mean([mine[metric] for mine, _ in pairs])
            ratios = [mine[metric] / line[metric] for mine, line in pairs]
            middle = np.exp(np.mean(np.log(ratios)))
            cells += [f"{mean:.2f}", f"{middle:.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"]
        lines.append(f"| {labels} | `{selector}` | {' | '.join(cells)} | {len(pairs)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
