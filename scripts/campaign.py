"""The campaign: trains, tunes and evaluates what campaign.yaml names, and keeps a record of every run.

python scripts/campaign.py list                  # every run: done, or not run
python scripts/campaign.py run                   # days of one core; resumes; start it twice for two cores
python scripts/campaign.py run --only 'cath/*/seed0,transfer'  # some runs, or a block
python scripts/campaign.py collect               # results/campaign/training.json: cards of all checkpoints
python scripts/campaign.py repeat --only cath/pretrain/seed0      # once more from nothing: same errors?
python scripts/campaign.py submit --to STORE     # the K = 50 part of every row's first seed
"""

import argparse
import json
from fnmatch import fnmatchcase
from pathlib import Path

from campaign_parts.convergence import collect_trainings
from campaign_parts.filing import can_be_filed, file_run
from campaign_parts.plan import read_campaign
from campaign_parts.repeat import repeat
from campaign_parts.units import work_through
from campaign_parts.work import Workplace, units

from mfbench.results.compact_json import as_lines

ROOT = Path(__file__).resolve().parent.parent


def chosen(runs, patterns):
    """Runs that a pattern or the name of a block fits, in the order of the patterns."""
    found = [r for p in patterns for r in runs if r.block == p or fnmatchcase(r.name, p)]
    return list(dict.fromkeys(found))


def known(results):
    """What was collected before: checkpoints need not be here any more."""
    path = results / "training.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=["list", "run", "collect", "submit", "repeat"])
    parser.add_argument("--plan", type=Path, default=ROOT / "scripts" / "campaign.yaml")
    parser.add_argument("--only", default="", help="blocks, or patterns of names, separated by commas")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "campaign")
    parser.add_argument(
        "--to", default=str(ROOT / "leaderboard" / "submissions"), help="store to submit to"
    )
    parser.add_argument("--results", type=Path, default=ROOT / "results" / "campaign")
    arguments = parser.parse_args()
    place = Workplace(read_campaign(arguments.plan), arguments.runs, arguments.results)
    runs = chosen(place.campaign.expand(), arguments.only.split(",") if arguments.only else ["*"])
    if arguments.command == "list":
        for run in runs:
            print(f"{'done' if place.record(run).is_file() else 'not run':8} {run.block:15} {run.name}")
        return
    if arguments.command == "collect":
        trainings = {**known(place.results), **collect_trainings(place.runs)}
        (place.results / "training.json").write_text(as_lines(dict(sorted(trainings.items()))))
        return
    if arguments.command == "submit":
        for run in filter(can_be_filed, runs):
            done = (place.evaluation(run) / "results.json").is_file()
            print(file_run(place, run, arguments.to) if done else f"not run: {run.name}", flush=True)
        return
    if arguments.command == "repeat":
        for run in runs:
            repeat(place, run)
        return
    failed = work_through(units(place, runs), arguments.runs / "locks")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
