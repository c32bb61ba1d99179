"""The campaign: trains, tunes and evaluates what campaign.yaml names, and keeps a record of every run.

python scripts/campaign.py list                  # every run: done, or not run
python scripts/campaign.py run                   # days of one core; resumes; start it twice for two cores
python scripts/campaign.py run --only 'cath/*/seed0,transfer'  # some runs, or a block
"""

import argparse
from fnmatch import fnmatchcase
from pathlib import Path

from campaign_parts.plan import read_campaign
from campaign_parts.units import work_through
from campaign_parts.work import Workplace, units

ROOT = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=["list", "run"])
    parser.add_argument("--plan", type=Path, default=ROOT / "scripts" / "campaign.yaml")
    parser.add_argument("--only", default="", help="blocks, or patterns of names, separated by commas")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "campaign")
    parser.add_argument("--results", type=Path, default=ROOT / "results" / "campaign")
    arguments = parser.parse_args()
    place = Workplace(read_campaign(arguments.plan), arguments.runs, arguments.results)
    wanted = arguments.only.split(",") if arguments.only else ["*"]
    runs = [
        run
        for run in place.campaign.expand()
        if any(run.block == name or fnmatchcase(run.name, name) for name in wanted)
    ]
    if arguments.command == "list":
        for run in runs:
            print(f"{'done' if place.record(run).is_file() else 'not run':8} {run.block:15} {run.name}")
        return
    failed = work_through(units(place, runs), arguments.runs / "locks")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
