"""Finished runs of the reference methods as rows of the board.

    python scripts/file_runs.py RUN... --to leaderboard/submissions

RUN are folders that ``mfbench evaluate`` wrote. Rows are compact; weights are deposited once.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mfbench.learned.checkpoint import EMBEDDED
from mfbench.protocol.catalogue import start_of
from mfbench.submission.card import Tuning
from mfbench_campaign.filing.descriptions import AUTHORS, description
from mfbench_campaign.filing.file_row import file_row
from mfbench_campaign.folders import STORE
from mfbench_campaign.run_table.runs import Run

__all__ = ["main"]


def main() -> None:
    """The command ``file_runs.py``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--to", default=str(STORE))
    parser.add_argument("--note", default="", help="a sentence behind the description")
    arguments = parser.parse_args()
    for folder in arguments.runs:
        print(file_row(folder, arguments.to, _card(Run.read(folder), arguments.note)))


def _card(run: Run, note: str) -> dict[str, Any]:
    asked = run.request
    text = description(asked["method"], asked["arch"] or "", asked["budget"]["steps"])
    card = {"method": run.name, "description": f"{text} {note}".strip(), "authors": AUTHORS}
    return card | _tuning(asked)


def _tuning(asked: dict[str, Any]) -> dict[str, Any]:
    """How many trials chose the recipe that ships; nothing where none did."""
    path = EMBEDDED / asked["split"] / "tuning.json"
    record = json.loads(path.read_text()) if path.is_file() else {}
    found = record.get(f"{asked['arch']}-{start_of(asked['method'])}")
    if found is None:
        return {}
    note = "Random search on validation families; the record is in results/searches."
    return {"tuning": Tuning(trials=len(found["trials"]), families="validation", note=note)}
