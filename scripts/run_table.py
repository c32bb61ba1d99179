"""A table of runs: what was run, its errors, and what adapting gained.

    python scripts/run_table.py RUN... --out results/public-models.md --title "Public models" --about TEXT

RUN are folders that ``mfbench evaluate`` wrote. Beside the table goes a JSON file with the same numbers.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mfbench_campaign.run_table.page import run_page, run_record
from mfbench_campaign.run_table.runs import Run


def main() -> None:
    """Write the page and its numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--title", required=True)
    parser.add_argument("--about", default="", help="a sentence on how the methods were trained and tuned")
    given = parser.parse_args()
    record = run_record([Run.read(folder) for folder in given.runs])
    given.out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    given.out.write_text(run_page(record, given.title, given.about), encoding="utf-8")


if __name__ == "__main__":
    main()
