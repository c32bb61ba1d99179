"""Search how each method adapts, on the validation families of a split.

    OMP_NUM_THREADS=1 python scripts/tune.py --split levels --track converged --minutes 9 \\
        --starts 'runs/long/levels-{method}/mace-{method}.safetensors' --methods pretrain,fomaml,scratch

Random search over optimiser, rate, energy weight, average, schedule and the weights that move: the same
number of trials for every method, scratch included. A call goes on where the last one stopped. The record,
with every trial, best, median and what is at the edge of its range, is written to results/searches.
--install also puts the chosen settings into tuning.json beside the embedded checkpoints, from where
``mfbench evaluate`` takes them.

Exit code 0: all done; 3: time was over.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mfbench.errors import MfbenchError
from mfbench.learned.checkpoint import EMBEDDED
from mfbench.methods.public_models import PUBLIC_MODELS
from mfbench.protocol.catalogue import METHODS
from mfbench.protocol.protocol import Track
from mfbench_campaign.tuning.search import Search, run_search

__all__ = ["main"]

RECORDS = Path(__file__).parents[3] / "results" / "searches"


def main(arguments: list[str] | None = None) -> int:
    """The command ``tune.py``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--split", required=True)
    parser.add_argument("--track", default=str(Track.STANDARD), choices=("standard", "converged"))
    parser.add_argument("--methods", help="default: all of ours that take recipes and run on closed tracks")
    parser.add_argument("--starts", default="", help="checkpoints; {method} stands for the method's start")
    parser.add_argument("--arch", default="mace")
    parser.add_argument("--backend", default="jax")
    parser.add_argument("--trials", type=int, default=12, help="per method and round")
    parser.add_argument("--rounds", type=int, default=2, help="ranges move between them")
    parser.add_argument("--ks", default="10,50")
    parser.add_argument("--draws", type=int, default=1)
    parser.add_argument("--families", type=int, default=0, help="so many; 0: all")
    parser.add_argument("--steps", type=int, default=0, help="fewer than the track allows, to try it out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--journal", type=Path, help="default: runs/searches/NAME")
    parser.add_argument("--record", type=Path, help="default: results/searches/NAME.json")
    parser.add_argument("--install", action="store_true")
    given = parser.parse_args(arguments)
    ours = [spec for spec in METHODS if spec.recipes and not spec.open_only]
    every = [spec.name for spec in ours if spec.name not in PUBLIC_MODELS]
    search = Search(
        split=given.split,
        track=Track(given.track),
        methods=tuple(given.methods.split(",") if given.methods else every),
        arch=given.arch,
        backend=given.backend,
        starts=given.starts,
        trials=given.trials,
        rounds=given.rounds,
        ks=tuple(int(k) for k in given.ks.split(",")),
        draws=given.draws,
        families=given.families,
        steps=given.steps,
        seed=given.seed,
    )
    name = f"adapt-{Path(given.split).name}-{given.arch}-{given.track}"
    try:
        record, done = run_search(search, given.journal or Path("runs/searches") / name, given.minutes)
    except MfbenchError as error:
        parser.error(str(error))
    path = given.record or RECORDS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for method, found in record["methods"].items():
        edge = f"  at the edge: {found['edges']}" if found["edges"] else ""
        print(f"{method}: {len(found['trials'])} trials, best {found['best']}{edge}", flush=True)
    if given.install and done:
        _install(record, search)
    return 0 if done else 3


def _install(record: dict[str, Any], search: Search) -> None:
    """The chosen settings, where methods look for them."""
    path = EMBEDDED / record["split"] / "tuning.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    mark = "@converged" if search.track is Track.CONVERGED else ""
    for method, entry in record["methods"].items():
        kept = {"chosen": entry["chosen"], "trials": entry["trials"]}
        found[f"{search.arch}-{method}{mark}"] = {"data_hash": record["data_hash"], **kept}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found) + "\n", encoding="utf-8")
