"""Does the pipeline's label stage keep its workers busy? ``python scripts/bench_data.py --json F``.

``label_efficiency``: labels/s of the label stage with all workers, divided by workers × the labels/s of
bare tblite in the same processes. Both are measured by turns, so that other load on the machine meets both
alike; medians of the repeats. The stage's side does all that the pipeline does around a label: rounding to
the grids, the bond and near-twin gates, bounds on energy and forces, making the configuration.

``evaluate_overhead``: share of the wall time of ``mfbench.evaluate`` (maml, cath-mini, K = 10 and 50) that
is not spent in calls of the method. A first run warms up, so that compiling does not hide the overhead.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from mfbench.tables import read_table
from mfbench_tasks.build import process_pool

SPLIT = Path(__file__).parents[1] / "mfbench" / "embedded" / "data" / "cath-mini"


def load(seed: int, labels: int) -> tuple:
    """A fragment of the embedded split and geometries near its relaxed one (the same for both sides)."""
    from mfbench.graph import bonds
    from mfbench_tasks.cut import Fragment

    row = read_table(SPLIT / "fragments.parquet").slice(seed, 1).to_pylist()[0]
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
    )
    rng = np.random.default_rng(seed)
    return fragment, relaxed, relaxed + rng.normal(0.0, 0.02, (labels, *relaxed.shape))


def raw(seed: int, labels: int) -> float:
    """Labels/s of bare tblite: nothing but single points and reading their results."""
    fragment, _, geometries = load(seed, labels)
    from mfbench_tasks.label import ANGSTROM_TO_BOHR, Gfn2

    Gfn2(fragment.atomic_numbers, fragment.total_charge).label(geometries[0])  # loads the BLAS
    from tblite.interface import Calculator

    calculator = Calculator(
        "GFN2-xTB",
        fragment.atomic_numbers,
        geometries[0] * ANGSTROM_TO_BOHR,
        float(fragment.total_charge),
    )
    calculator.set("verbosity", 0)
    calculator.set("accuracy", 0.1)
    start = time.perf_counter()
    for positions in geometries:
        calculator.update(positions * ANGSTROM_TO_BOHR)
        result = calculator.singlepoint()
        result.get("energy")
        result.get("gradient")
    return labels / (time.perf_counter() - start)


def stage(seed: int, labels: int) -> int:
    """Run the pipeline's own label stage on the same geometries; returns how many it labelled."""
    from mfbench_tasks.label import Gfn2
    from mfbench_tasks.recipe import Gates
    from mfbench_tasks.sample import Trajectory
    from mfbench_tasks.stage import Made, label_trajectory

    fragment, relaxed, geometries = load(seed, labels)
    engine = Gfn2(fragment.atomic_numbers, fragment.total_charge)
    made = Made(fragment, f"bench{seed}", relaxed, engine.label(relaxed).energy, "{}")
    bounds = Gates(near_twin=0.0, dropped_share=1.0)
    half = labels // 2
    for name, part in (("s0", geometries[:half]), ("q0", geometries[half:])):
        trajectory = Trajectory(name, "displaced", 300.0, len(part))
        label_trajectory(engine, made, trajectory, iter(part), bounds)
    return len(made.configurations)


def measure(pool: ProcessPoolExecutor, workers: int, repeats: int, labels: int) -> dict:
    """Both rates, by turns."""
    raw_rates, stage_rates = [], []
    for repeat in range(repeats + 1):
        seeds = [repeat] * workers  # one fragment a turn: no worker waits for a larger one
        one_thread = list(pool.map(raw, seeds, [labels] * workers))
        start = time.perf_counter()
        made = sum(pool.map(stage, seeds, [labels] * workers))
        seconds = time.perf_counter() - start
        if repeat:  # the first turn warms up: imports, caches
            raw_rates.append(statistics.mean(one_thread))
            stage_rates.append(made / seconds)
    ratios = [s / (workers * r) for s, r in zip(stage_rates, raw_rates, strict=True)]
    return {
        "workers": workers,
        "repeats": repeats,
        "labels_per_turn": labels * workers,
        "raw_labels_per_second_per_thread": statistics.median(raw_rates),
        "pipeline_labels_per_second": statistics.median(stage_rates),
        "label_efficiency": statistics.median(ratios),
    }


class Timed:
    """A method whose calls are timed, the harness's own checks with them."""

    def __init__(self, method) -> None:
        self.method, self.name, self.card = method, method.name, method.card
        self.seconds = 0.0

    def _timed(self, call, *args, **kwargs):
        start = time.perf_counter()
        try:
            return call(*args, **kwargs)
        finally:
            self.seconds += time.perf_counter() - start

    def adapt(self, support, *, budget, seed):
        predictor = self._timed(self.method.adapt, support, budget=budget, seed=seed)
        inner = predictor.predict
        predictor.predict = lambda configurations: self._timed(inner, configurations)
        return predictor


def evaluate_overhead(repeats: int) -> dict:
    """Shares of ``repeats`` runs after a warm-up, and their median."""
    import mfbench
    from mfbench.method import load_method

    split = mfbench.load_split("cath-mini")
    method = load_method("maml", mfbench.MethodContext(split))
    shares = []
    for repeat in range(repeats + 1):
        timed = Timed(method)
        start = time.perf_counter()
        mfbench.evaluate(timed, split, ks=(10, 50), draws=1)
        wall = time.perf_counter() - start
        if repeat:
            shares.append(1 - timed.seconds / wall)
    return {"evaluate_overhead": statistics.median(shares), "evaluate_overheads": shares}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--labels", type=int, default=200, help="per worker and turn")
    options = parser.parse_args()
    with process_pool(options.workers) as pool:
        result = measure(pool, options.workers, options.repeats, options.labels)
    result |= evaluate_overhead(options.repeats)
    options.json.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
