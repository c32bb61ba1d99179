"""Tune how each method adapts, on the validation families of a split that has embedded checkpoints.

python scripts/tune.py --split cath-mini

Writes tuning.json beside the checkpoints: every trial with its errors and its gradient count, and the
setting that was chosen.
"""

from __future__ import annotations

import argparse
import json

import mfbench
from mfbench.learned.checkpoint import EMBEDDED
from mfbench_campaign.tuning.trials import TRIALS, tuned

__all__ = ["main"]


def main() -> None:
    """The command ``tune.py``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--split", default="cath-mini")
    parser.add_argument("--arch", default="mace")
    parser.add_argument("--methods", default=",".join(TRIALS))
    parser.add_argument("--draws", type=int, default=2)
    arguments = parser.parse_args()
    split = mfbench.load_split(arguments.split)
    path = EMBEDDED / split.name / "tuning.json"
    for method in arguments.methods.split(","):
        draws = 1 if "-" in method or method == "scratch" else arguments.draws
        found = tuned(method, split, draws=draws, arch=arguments.arch)
        record = json.loads(path.read_text()) if path.is_file() else {}
        record[f"{arguments.arch}-{method}"] = found
        path.write_text(json.dumps(record, indent=1) + "\n")
        for row in found["trials"]:
            print(method, "*" if row["settings"] == found["chosen"] else " ", row, flush=True)
