"""The campaign: trains, tunes and evaluates what campaign.yaml names, and keeps a record of every run.

python scripts/campaign.py list                  # every run: done, or not run
python scripts/campaign.py run                   # days of one core; resumes; start it twice for two cores
python scripts/campaign.py run --only 'cath/*/seed0,transfer'  # some runs, or a block
python scripts/campaign.py collect               # results/campaign/training.json: cards of all checkpoints
python scripts/campaign.py repeat --only cath/pretrain/seed0      # once more from nothing: same errors?
python scripts/campaign.py submit --to STORE     # every row's first seed, as compact rows
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mfbench.results.compact_json import line_per_key
from mfbench_campaign.filing.file_run import can_be_filed, file_run
from mfbench_campaign.folders import CAMPAIGN, PLAN, RUNS, STORE
from mfbench_campaign.plan import Run, read_campaign
from mfbench_campaign.running.campaign_jobs import CampaignFolders, campaign_jobs
from mfbench_campaign.running.jobs import run_jobs
from mfbench_campaign.running.repeat import repeat
from mfbench_campaign.running.trainings import collect_trainings

__all__ = ["main"]


def chosen(runs: Sequence[Run], patterns: Sequence[str]) -> list[Run]:
    """Runs that a pattern or the name of a block fits, in the order of the patterns."""
    found = [r for p in patterns for r in runs if r.block == p or fnmatchcase(r.name, p)]
    return list(dict.fromkeys(found))


def known_trainings(results: Path) -> dict[str, Any]:
    """What was collected before: checkpoints need not be here any more."""
    path = results / "training.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found


def main() -> None:
    """The command ``campaign.py``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=["list", "run", "collect", "submit", "repeat"])
    parser.add_argument("--plan", type=Path, default=PLAN)
    parser.add_argument("--only", default="", help="blocks, or patterns of names, separated by commas")
    parser.add_argument("--runs", type=Path, default=RUNS / "campaign")
    parser.add_argument("--to", default=str(STORE), help="store to submit to")
    parser.add_argument("--results", type=Path, default=CAMPAIGN)
    arguments = parser.parse_args()
    folders = CampaignFolders(read_campaign(arguments.plan), arguments.runs, arguments.results)
    runs = chosen(folders.campaign.expand(), arguments.only.split(",") if arguments.only else ["*"])
    if arguments.command == "list":
        for run in runs:
            print(f"{'done' if folders.record(run).is_file() else 'not run':8} {run.block:15} {run.name}")
    elif arguments.command == "collect":
        trainings = {**known_trainings(folders.results), **collect_trainings(folders.runs)}
        (folders.results / "training.json").write_text(line_per_key(dict(sorted(trainings.items()))))
    elif arguments.command == "submit":
        for run in filter(can_be_filed, runs):
            done = (folders.evaluation(run) / "results.json").is_file()
            print(file_run(folders, run, arguments.to) if done else f"not run: {run.name}", flush=True)
    elif arguments.command == "repeat":
        for run in runs:
            repeat(folders, run)
    elif failed := run_jobs(campaign_jobs(folders, runs), arguments.runs / "locks"):
        raise SystemExit(f"failed: {', '.join(failed)}")
