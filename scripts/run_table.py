"""A table of runs: what was run, its errors, and what adapting gained.

    python scripts/run_table.py RUN... --out results/public-models.md --title "Public models" --about TEXT
    python scripts/run_table.py results/runs/levels/*.parquet runs/new --keep results/runs/levels ...

RUN are folders that ``mfbench evaluate`` wrote, or what an earlier call kept of them. Beside the table goes
a JSON file with the same numbers.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mfbench_campaign.run_table.kept import KEPT, keep
from mfbench_campaign.run_table.page import run_page, run_record
from mfbench_campaign.run_table.runs import Run


def main() -> None:
    """Write the page and its numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--title", required=True)
    parser.add_argument("--about", default="", help="a sentence on how the methods were trained and tuned")
    parser.add_argument(
        "--keep", type=Path, help="a folder: for every run folder, what the table needs of it"
    )
    given = parser.parse_args()
    runs = [Run.read(path) for path in given.runs]
    record = run_record(runs)
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
        folders = {
            path.name: run for run, path in zip(runs, given.runs, strict=True) if path.suffix != KEPT
        }
        if len(folders) < sum(path.suffix != KEPT for path in given.runs):
            parser.error("two run folders have one name, by which they would be kept")
        for name, run in folders.items():
            keep(run.record, run.episodes, given.keep / f"{name}{KEPT}")
    given.out.with_suffix(".json").write_text(_by_row(record), encoding="utf-8")
    given.out.write_text(run_page(record, given.title, given.about), encoding="utf-8")


def _by_row(record: dict[str, Any]) -> str:
    """JSON with a line for each row of a list: differences can be read."""

    def text(value: Any) -> str:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    parts = []
    for key, value in record.items():
        lines = ",\n".join(map(text, value)) if isinstance(value, list) else ""
        parts.append(f"{text(key)}: [\n{lines}\n]" if lines else f"{text(key)}: {text(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    main()
