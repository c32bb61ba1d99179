"""The submissions that ship with the board: runs of the reference methods on the mini splits.

python scripts/reference_submissions.py                 # evaluates or resumes, then files
python scripts/reference_submissions.py --runs FOLDER   # where the runs are, or will be
"""

from __future__ import annotations

import argparse
from pathlib import Path

import mfbench
from mfbench.protocol.protocol import Budget
from mfbench_campaign.filing.descriptions import AUTHORS, description
from mfbench_campaign.filing.file_row import file_row
from mfbench_campaign.folders import RUNS, STORE

__all__ = ["ROWS", "main"]

METHODS = ("constant", "offset", "ridge", "pretrain", "maml", "maml++", "anil", "fomaml", "reptile")
ROWS = (
    *(("cath-mini", "mace", method) for method in METHODS),
    *(("cath-mini", arch, method) for arch in ("nequip", "allegro") for method in ("pretrain", "maml")),
    *(("chemistry-mini", "mace", m) for m in ("constant", "offset", "ridge", "pretrain", "maml", "fomaml")),
)
"""Split, architecture and method; every K of the standard protocol, one draw: five take five times the
room, and stand in results/SPLIT.md. MAML on cath-mini is on the board with predictions, by
``mfbench submit``."""


def main() -> None:
    """The command ``reference_submissions.py``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=Path, default=RUNS / "submissions")
    parser.add_argument("--to", default=str(STORE))
    parser.add_argument(
        "--only", default="", help="runs such as cath-mini/maml-nequip, separated by commas"
    )
    arguments = parser.parse_args()
    wanted = [name for name in arguments.only.split(",") if name]
    for split, arch, method in ROWS:
        name = f"{split}/{method}" + f"-{arch}" * (arch != "mace")
        if wanted and name not in wanted:
            continue
        run = arguments.runs / name
        if not (run / "results.json").is_file():
            resume = (run / "run.json").is_file()
            mfbench.evaluate(method, split, arch=arch, draws=1, out=run, resume=resume, progress=True)
        text = f"{description(method, arch, Budget().steps)} Reference run on {split}."
        print(file_row(run, arguments.to, {"description": text, "authors": AUTHORS}))
