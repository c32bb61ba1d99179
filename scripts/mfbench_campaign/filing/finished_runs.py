"""Finished runs of the reference methods as rows of the board.

    python scripts/file_runs.py RUN... --to leaderboard/submissions

RUN are folders that ``mfbench evaluate`` wrote. Rows are compact; weights are deposited once.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mfbench.errors import MfbenchError
from mfbench.learned.checkpoint import EMBEDDED
from mfbench.submission.card import Tuning
from mfbench_campaign.filing.descriptions import AUTHORS, description
from mfbench_campaign.filing.file_row import file_row
from mfbench_campaign.folders import STORE
from mfbench_campaign.run_table.runs import Run

__all__ = ["card_of", "main"]


def main() -> int:
    """The command ``file_runs.py``; 2 if a run could not be filed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--to", default=str(STORE))
    arguments = parser.parse_args()
    failed = False
    for folder in arguments.runs:
        try:
            print(file_row(folder, arguments.to, card_of(Run.read(folder))))
        except (MfbenchError, OSError) as error:
            print(f"error: {folder}: {error}", file=sys.stderr)
            failed = True
    return 2 if failed else 0


def card_of(run: Run) -> dict[str, Any]:
    """What the card says beyond what the run recorded: name, description, authors, tuning."""
    return {
        "method": run.name,
        "description": " ".join(_sentences(run)),
        "authors": AUTHORS,
        **_tuning(run.request),
    }


def _sentences(run: Run) -> list[str]:
    asked = run.request
    found = [description(asked["method"], asked["arch"] or "", asked["budget"]["steps"])]
    strategy = run.card.get("strategy") or {}
    if (name := strategy.get("strategy", "none")) != "none":
        found.append(f"Fine-tuned on the support: strategy {name}, {strategy['moving']:,} numbers move.")
    if run.phases:
        steps = ", ".join(f"{phase['name']} {phase['done']:,}" for phase in run.phases)
        found.append(f"Steps of training before: {steps}.")
    return found


def _tuning(asked: dict[str, Any]) -> dict[str, Any]:
    """How many trials chose the recipe that ships, where the run took it as it is."""
    path = EMBEDDED / asked["split"] / "tuning.json"
    record = json.loads(path.read_text()) if path.is_file() else {}
    found = record.get(f"{asked['arch']}-{asked['method']}")
    if found is None or asked["options"]:
        return {}
    note = "Random search; the record is in tuning.json beside the checkpoints."
    return {"tuning": Tuning(trials=len(found["trials"]), families="validation", note=note)}
