"""The reference runs on a mini split, and the tables that results/ shows.

python scripts/reference.py run --split cath-mini     # hours; resumes where it stopped
python scripts/reference.py table --split cath-mini   # results/SPLIT.json, results/SPLIT.md
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import mfbench
from mfbench.results.compact_json import line_per_key
from mfbench_campaign.folders import RESULTS
from mfbench_campaign.folders import RUNS as RUN_FOLDERS
from mfbench_campaign.reference.runs import RUNS, collect, run
from mfbench_campaign.reference.tables import long_table

__all__ = ["main"]


def main() -> None:
    """The command ``reference.py``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=["run", "table"])
    parser.add_argument("--split", default="cath-mini", choices=sorted(RUNS))
    parser.add_argument("--only", default="", help="names of runs, separated by commas")
    parser.add_argument("--runs", type=Path, default=RUN_FOLDERS / "reference")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    split = mfbench.load_split(arguments.split)
    if arguments.command == "run":
        names = [name for name in arguments.only.split(",") if name]
        run(arguments.split, names, arguments.runs / split.name, arguments.workers)
        return
    stored = RESULTS / f"{split.name}.json"
    # Runs that were made elsewhere stay, as long as they are of this data.
    kept = json.loads(stored.read_text()) if stored.is_file() else {}
    found = {**kept, **collect(split.name, arguments.runs / split.name)}
    known = [item.name for item in RUNS[split.name] if item.name in found]
    found = {n: found[n] for n in known if found[n]["data_hash"] == split.manifest.data_hash}
    stored.parent.mkdir(exist_ok=True)
    stored.write_text(line_per_key(found))
    stored.with_suffix(".md").write_text(long_table(found, split))
