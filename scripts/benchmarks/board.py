"""Speed of the board on 1,000 synthetic submissions: first table, filter, memory; and one scored.

python scripts/bench_board.py [--json bench.json] [--submissions 1000]

Cold is a new process up to its first table; warm is a running server that reads the store anew, so that
nothing but code is in memory. Filters and scoring are medians of five.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

ROOT = Path(__file__).resolve().parents[2]
BOUNDS = {"cold_s": 5.0, "warm_s": 2.0, "filter_s": 0.5, "score_s": 2.0, "memory_GB": 1.0}
FAMILIES = 24


def build(folder, count):
    """A store of ``count`` submissions on 24 families: folders hash soundly, scores are made up."""
    from mfbench.protocol.protocol import STANDARD_DRAWS, STANDARD_K
    from mfbench.store.open import open_store
    from mfbench.store.rows import Summary, write_part
    from mfbench.store.store import submission_id
    from mfbench.submission.card import Card, DeclaredRun, write_card

    rng = np.random.default_rng(0)
    store = open_store(folder)
    families = [f"family-{i:02d}" for i in range(FAMILIES)]
    run = DeclaredRun(split="synthetic-24", data_hash="0" * 64, ks=list(STANDARD_K), draws=STANDARD_DRAWS)
    base, spread = _skeleton(run, families)
    summaries, tables = [], []
    difficulty = rng.lognormal(0, 0.4, size=FAMILIES)
    for number in range(count):
        card = Card(
            method=f"method {number}",
            arch=("mace", "nequip", "allegro")[number % 3],
            backend="jax",
            run=run,
        )
        files = {"submission.yaml": write_card(card).encode(), "predictions.parquet": rng.bytes(200)}
        name = submission_id(card.method, files)
        store.files.add_folder(f"submissions/{name}", files, "")
        stamp = store.files.stamp(f"submissions/{name}")
        summaries.append(
            Summary(
                id=name, card=card, families=families, groups=list(range(FAMILIES)), findings=[], failed=0,
                episodes=26 * FAMILIES, stamp=stamp,
            )
        )  # fmt: skip
        errors = (
            spread
            * rng.lognormal(0, 0.3)
            * difficulty
            * rng.lognormal(0, 0.2, size=(len(spread), FAMILIES))
        )
        means = errors.mean(axis=1)
        tables.append(_rows(base, name, means, errors))
    table = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    order = np.argsort([s.id for s in summaries])
    store.files.write("index.parquet", write_part([summaries[i] for i in order], table, {"records": {}}))


def _skeleton(run, families):
    from mfbench.metrics.errors import METRICS

    keys = [(m, k, q) for m in METRICS for k in run.ks for q in ("all", "seen", "unseen", "novel")]
    return keys, np.array([[5.0 / (1 + k) ** 0.2] for _, k, _ in keys])


def _rows(keys, name, means, errors):
    from mfbench.store.rows import ROWS

    n = len(keys)
    columns = {
        "submission": [name] * n,
        "split": ["synthetic-24"] * n,
        "k": [k for _, k, _ in keys],
        "query": [q for _, _, q in keys],
        "metric": [m for m, _, _ in keys],
        "value": means,
        "lo": means * 0.9,
        "hi": means * 1.1,
        "n_families": [errors.shape[1]] * n,
        "constant": [20.0] * n,
        "families": list(errors.astype(np.float32)),
        "sketch": [None] * n,
    }
    return pa.table({f.name: pa.array(columns[f.name], f.type) for f in ROWS})


def app(store):
    """The app on a store, without a browser: everything that a server does for a session."""
    from streamlit.testing.v1 import AppTest

    sys.argv = ["app", str(store)]
    path = ROOT / "leaderboard" / "mfbench_leaderboard" / "app.py"
    return AppTest.from_file(str(path), default_timeout=60)


def first_table(store):
    found = app(store).run()
    assert not found.exception, found.exception
    return found


class _Clock:
    """Seconds of wall time and of this process's processor time since it was made."""

    def __init__(self):
        self._start = time.perf_counter(), time.process_time()

    def read(self):
        return time.perf_counter() - self._start[0], time.process_time() - self._start[1]


def serve(store, began):
    """In a process of its own: the first table, a second session after a change, filters; prints JSON."""
    first_table(store)
    cold = time.time() - began, time.process_time()
    import streamlit as st

    st.cache_resource.clear()
    clock = _Clock()
    session = first_table(store)
    warm = clock.read()
    filters = []
    for k in ("5", "10", "20", "100", "0"):
        clock = _Clock()
        session.button_group(key="k").set_value(k).run()
        assert not session.exception
        filters.append(clock.read())
    several = tuple(statistics.median(values) for values in zip(*filters, strict=True))
    # Of this program alone: ru_maxrss would count the process that started it, too.
    status = Path("/proc/self/status").read_text()
    memory = int(status.partition("VmHWM:")[2].split()[0]) / 2**20
    found = {"memory_GB": memory}
    for name, (wall, processor) in {"cold_s": cold, "warm_s": warm, "filter_s": several}.items():
        found |= {name: wall, f"{name}_cpu": processor}
    print(json.dumps(found))


def score():
    """Seconds to check and score a full submission of cath-mini: 6 K, 5 draws; the split is in memory."""
    import mfbench
    from mfbench.submission import check_run

    with tempfile.TemporaryDirectory() as folder:
        mfbench.evaluate("random", "cath-mini", out=Path(folder) / "run")
        check_run(Path(folder) / "run")
        seconds = []
        for _ in range(5):
            clock = _Clock()
            check_run(Path(folder) / "run")
            seconds.append(clock.read())
    return tuple(statistics.median(values) for values in zip(*seconds, strict=True))


def measure(count):
    """All numbers; the app runs in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        build(folder, count)
        command = [sys.executable, __file__, "--serve", folder, "--began", repr(time.time())]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        found = json.loads(done.stdout.splitlines()[-1])
    wall, processor = score()
    return {**found, "score_s": wall, "score_s_cpu": processor, "submissions": count}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--submissions", type=int, default=1000)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--began", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.began)
        return
    found = measure(arguments.submissions)
    for name, bound in BOUNDS.items():
        processor = f"   processor time {found[f'{name}_cpu']:5.2f}" if f"{name}_cpu" in found else ""
        print(f"{name:10s} {found[name]:6.2f}   bound {bound:.1f}{processor}")
    print(f"load average {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
