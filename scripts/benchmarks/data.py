"""Do labels and evaluations cost what tblite and the model cost? ``python scripts/bench_data.py --json F``.

Labels: labels/s of the pipeline's label stage, fanned out over its executor, against bare tblite on the
same geometries. The pipeline's side does all that a build does around a label: it sends fragments to
workers, rounds to the grids, applies the gates, makes configurations, sends them back, writes the journal.
Bare tblite runs both alone and in as many processes at once as the pipeline has workers, because busy
cores share memory and clock. The pipeline runs over its process pool and over a Dask cluster of as many
workers, each a process of its own; scheduler, nannies and client share the cores with them and are charged.
All take turns, so that other load on the machine meets them alike; the efficiency per CPU second, of the
workers and this process together, hardly feels it. A turn is ten seconds where a build is hours: what it
loses before the last worker starts and after the first one runs dry is in the efficiency, and printed. A
task is a fragment's labels alone, a few times over, where a build's also samples: an executor weighs more
here.

Evaluation: the share of ``mfbench.evaluate``'s wall time that is not spent in a method's ``adapt`` and
``predict``; K = 10, one draw, in this process, after a warm-up run that takes the compilation.

All figures are medians over the repeats.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

import mfbench
from mfbench.data.parquet import read_table
from mfbench.protocol.loading import load_method
from mfbench.protocol.method import MethodContext
from mfbench.work.executor import Executor
from mfbench.work.journal import Journal
from mfbench.work.open_executor import open_executor

SPLIT = "cath-mini"


# --- labels ---------------------------------------------------------------------------------------------


def fragments_of_split(count: int) -> list[tuple]:
    """(row of the fragment table, its configurations) of pool fragments spread over the split, the largest
    first, as a build has them."""
    split = mfbench.load_split(SPLIT)
    table = read_table(mfbench.data.split.EMBEDDED / SPLIT / "fragments.parquet").to_pylist()
    rows = {row["fragment_id"]: row for row in table}
    pool = sorted({c.fragment_id for task in split.tasks for c in task.support})
    chosen = pool[:: len(pool) // count][:count]
    found = {name: [] for name in chosen}
    for task in split.tasks:
        for c in (*task.support, *task.query):
            if c.fragment_id in found:
                found[c.fragment_id].append(c)
    chosen.sort(key=lambda name: -len(rows[name]["atomic_numbers"]))
    return [(rows[name], found[name]) for name in chosen]


def bare_tblite(fragments: list[tuple]) -> np.ndarray:
    """Labels per second and per CPU second of tblite by itself: cold single points at the labels'
    accuracy, results read."""
    from mfbench_tasks.labelling.tblite import load_openblas

    load_openblas()  # as in the pipeline: the faster BLAS
    from tblite.interface import Calculator

    done = 0
    start, cpu = time.perf_counter(), time.process_time()
    for _, configurations in fragments:
        calculator = None
        for c in configurations * ROUNDS:
            bohr = c.positions / 0.529177210903
            if calculator is None:
                calculator = Calculator("GFN2-xTB", c.atomic_numbers, bohr, float(c.total_charge))
                calculator.set("verbosity", 0)
                calculator.set("accuracy", 0.1)
            calculator.update(bohr)
            result = calculator.singlepoint()
            result.get("energy")
            result.get("gradient")
            done += 1
    return done / np.array([time.perf_counter() - start, time.process_time() - cpu])


ROUNDS = 4
"""How often a task labels its fragment's 49 geometries: it then takes 1.3 s. A build's slot samples too and
takes 3.5 s (38 configurations of a protein fragment at 0.094 CPU s, see the data card) or more."""


class Shift(NamedTuple):
    """Who worked, from when to when."""

    worker: int
    begin: float
    end: float


def label_stage(row: dict, configurations: list, job: str):
    """The pipeline's label stage on a fragment's stored geometries; its outcome and shift, as a worker
    returns them."""
    from mfbench.data.molecular_graph import bonds
    from mfbench_tasks.build.job import Outcome
    from mfbench_tasks.fragments.cut import Fragment
    from mfbench_tasks.labelling.tblite import Gfn2
    from mfbench_tasks.recipes.recipe import Gates
    from mfbench_tasks.sampling.label_trajectory import LabelledFragment, label_trajectory
    from mfbench_tasks.sampling.role import stored_role
    from mfbench_tasks.sampling.trajectories import Trajectory

    begin, cpu = time.time(), time.process_time()
    numbers = np.array(row["atomic_numbers"], dtype=np.int32)
    relaxed = np.array(row["relaxed_positions"]).reshape(-1, 3)
    fragment = Fragment(
        kind=row["kind"],
        motif="bench:bench",
        pdb_id=row["pdb_id"],
        chain=row["chain"],
        residues=row["residues"],
        atomic_numbers=numbers,
        positions=relaxed,
        bonds=bonds(numbers, relaxed),
        total_charge=row["total_charge"],
        n_unpaired=row["n_unpaired"],
    )
    engine = Gfn2(numbers, row["total_charge"], row["n_unpaired"])
    # The relaxed energy is not stored: the lowest configuration stands in, with a bound to match.
    lowest = min(c.energy for c in configurations)
    labelled = LabelledFragment(fragment, row["fragment_id"], relaxed, lowest, row["sampler"])
    for number in range(ROUNDS):
        for name, part in groupby(configurations, key=lambda c: c.trajectory_id):
            frames = list(part)
            trajectory = Trajectory(
                f"{name.rsplit('/', 1)[1]}-{number}",
                frames[0].sampler,
                frames[0].temperature_K,
                len(frames),
                stored_role(name),
            )
            label_trajectory(engine, labelled, trajectory, (c.positions for c in frames), Gates(strain=6.0))
    outcome = Outcome(job, "bench", 0, False, labelled, [], 0.0, time.process_time() - cpu)
    return outcome, Shift(os.getpid(), begin, time.time())


def _label_unit(unit: tuple) -> tuple:
    return label_stage(*unit)


def pipeline(pool: Executor, workers: int, fragments: list[tuple]) -> np.ndarray:
    """Labels per second, and per CPU second of the workers and this process, of the label stage; seconds
    until all workers compute, and from when the first has nothing left. Every fragment once per worker."""
    from mfbench_tasks.build.outcome_file import encode

    with tempfile.TemporaryDirectory() as folder:
        start, own = time.time(), time.process_time()
        book = Journal(Path(folder), {"bench": 1}, resume=False)
        units = [
            (row, configurations, f"bench-{i}-{copy}")
            for i, (row, configurations) in enumerate(fragments)
            for copy in range(workers)  # side by side: no worker waits at the end for a larger fragment
        ]
        done, cpu, shifts = 0, 0.0, defaultdict(list)
        for _, (outcome, shift) in pool.run(_label_unit, units):
            book.add(outcome.job, encode(outcome))
            done += len(outcome.labelled.configurations)
            cpu += outcome.cpu_seconds
            shifts[shift.worker].append(shift)
        end, cpu = time.time(), cpu + time.process_time() - own
    first = max(min(s.begin for s in found) for found in shifts.values())
    last = min(max(s.end for s in found) for found in shifts.values())
    return np.array([done / (end - start), done / cpu, first - start, end - last])


@contextlib.contextmanager
def dask_pool(workers: int) -> Iterator[Executor]:
    """The executor of ``--scheduler``, over a cluster on this machine. Scheduler and nannies look at their
    own health once a second instead of 50 times, also while others have their turn."""
    import dask
    from distributed import LocalCluster

    options = {"n_workers": workers, "threads_per_worker": 1, "processes": True, "memory_limit": 0}
    with (
        dask.config.set({"distributed.admin.tick.interval": "1s"}),
        LocalCluster(dashboard_address=None, **options) as cluster,
        open_executor(scheduler=cluster.scheduler_address) as pool,
    ):
        yield pool


def measure_labels(workers: int, repeats: int, fragments: list[tuple]) -> dict:
    """All rates by turns, and their ratios turn by turn."""
    rates: dict[str, list[np.ndarray]] = {"alone": [], "together": [], "pipeline": [], "dask": []}
    with open_executor(workers, here=False) as pool, dask_pool(workers) as cluster:
        sides = {
            "alone": lambda: pool.call(bare_tblite, fragments),
            "together": lambda: np.mean(list(pool.map(bare_tblite, [fragments] * workers)), axis=0),
            "pipeline": lambda: pipeline(pool, workers, fragments),
            "dask": lambda: pipeline(cluster, workers, fragments),
        }
        for side in sides.values():  # imports and caches
            side()
        for turn in range(repeats):
            names = list(sides)
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                rates[name].append(sides[name]())

    fixed = {name: np.median(np.array(rates[name])[:, 2:], axis=0) for name in ("pipeline", "dask")}
    per_second = {name: np.array(found)[:, 0] for name, found in rates.items()}
    per_cpu_second = {name: np.array(found)[:, 1] for name, found in rates.items()}
    whole, dask = per_second["pipeline"] / workers, per_second["dask"] / workers
    return {
        "label_workers": workers,
        "labels_per_turn": workers * ROUNDS * sum(len(found) for _, found in fragments),
        "pipeline_labels_per_second": float(np.median(per_second["pipeline"])),
        "raw_alone_labels_per_second": float(np.median(per_second["alone"])),
        "raw_together_labels_per_second_per_process": float(np.median(per_second["together"])),
        "label_efficiency_vs_raw_alone": float(np.median(whole / per_second["alone"])),
        "label_efficiency_vs_raw_together": float(np.median(whole / per_second["together"])),
        "dask_labels_per_second": float(np.median(per_second["dask"])),
        "dask_efficiency_vs_raw_alone": float(np.median(dask / per_second["alone"])),
        "dask_efficiency_vs_raw_together": float(np.median(dask / per_second["together"])),
        **{f"{n}_start_seconds": float(v[0]) for n, v in fixed.items()},
        **{f"{n}_tail_seconds": float(v[1]) for n, v in fixed.items()},
        "dask_efficiency_per_cpu_second": float(
            np.median(per_cpu_second["dask"] / per_cpu_second["together"])
        ),
        "label_efficiency_per_cpu_second": float(
            np.median(per_cpu_second["pipeline"] / per_cpu_second["together"])
        ),
    }


# --- evaluation -----------------------------------------------------------------------------------------


class Stopwatch:
    """A method that counts the seconds spent in another one's ``adapt`` and ``predict``."""

    def __init__(self, method):
        self.name, self.method, self.seconds = method.name, method, 0.0
        self.card = getattr(method, "card", None)

    def adapt(self, support, *, budget, seed):
        with self.running():
            self.predictor = self.method.adapt(support, budget=budget, seed=seed)
        self.usage = getattr(self.predictor, "usage", None)
        return self

    def predict(self, configurations):
        with self.running():
            return self.predictor.predict(configurations)

    @contextlib.contextmanager
    def running(self):
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - start


def measure_evaluate(name: str, repeats: int) -> dict:
    """Share of ``evaluate`` outside the model, with and without writing a run folder."""
    start = time.perf_counter()
    split = mfbench.load_split(SPLIT)
    loading = time.perf_counter() - start
    watch = Stopwatch(load_method(name, MethodContext(split)))
    walls: dict[str, list[float]] = {"memory": [], "folder": []}
    shares: dict[str, list[float]] = {"memory": [], "folder": []}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(repeats + 1):
            for kind in walls:
                out = Path(folder) / str(turn) if kind == "folder" else None
                watch.seconds = 0.0
                start = time.perf_counter()
                results = mfbench.evaluate(watch, split, ks=[10, 50], draws=1, out=out)
                wall = time.perf_counter() - start
                if results.failures:
                    raise SystemExit(f"error: {name} failed: {results.failures[0]}")
                if turn:
                    walls[kind].append(wall)
                    shares[kind].append(1.0 - watch.seconds / wall)
    return {
        "evaluate_method": name,
        "load_split_seconds": loading,
        "evaluate_seconds": statistics.median(walls["folder"]),
        "evaluate_share_outside_model": statistics.median(shares["folder"]),
        "evaluate_share_outside_model_without_run_folder": statistics.median(shares["memory"]),
    }


# --- both -----------------------------------------------------------------------------------------------

AIMS = {
    "label_efficiency_vs_raw_alone": ">= 0.9",
    "label_efficiency_vs_raw_together": ">= 0.9",
    "dask_efficiency_vs_raw_alone": ">= 0.9",
    "dask_efficiency_vs_raw_together": ">= 0.9",
    "evaluate_share_outside_model": "<= 0.05",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--fragments", type=int, default=8, help="196 labels each, per worker and turn")
    parser.add_argument("--method", default="maml", help="method to evaluate")
    options = parser.parse_args()
    # Other processes on the machine make every figure worse: they are told, not hidden.
    load = os.getloadavg()[0]
    result = {
        "repeats": options.repeats,
        "cores": len(os.sched_getaffinity(0)),
        "load_average_before": load,
        **measure_labels(options.workers, options.repeats, fragments_of_split(options.fragments)),
        **measure_evaluate(options.method, options.repeats),
    }
    options.json.write_text(json.dumps(result, indent=1) + "\n")
    for key, value in result.items():
        shown = f"{value:.3f}" if isinstance(value, float) else str(value)
        print(f"{key:52s}{shown:>12s}  {AIMS.get(key, '')}")


if __name__ == "__main__":
    main()
