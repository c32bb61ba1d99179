"""Training, tuning and evaluating one row again, from nothing, to see whether its errors come again."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from campaign_parts.plan import Run
from campaign_parts.select import Records
from campaign_parts.tables import NAMES
from campaign_parts.units import work_through
from campaign_parts.work import Workplace, units
from mfbench.compare.record import METRICS, Record, read_records
from mfbench.compare.text import markdown
from mfbench.protocol.cost import code_version, hardware

__all__ = ["repeat", "repeat_table"]


def repeat(place: Workplace, run: Run) -> None:
    """Do everything that a run needs in an empty folder, and keep both errors in ``repeat.json``."""
    folder = place.runs / "repeat"
    other = replace(place, runs=folder, results=folder / "results")
    began = time.monotonic()
    if failed := work_through(units(other, [run]), folder / "locks"):
        raise SystemExit(f"failed: {', '.join(failed)}")
    content = {
        "run": run.name,
        "command": f"python scripts/campaign.py repeat --only {run.name}",
        "seconds": round(time.monotonic() - began),
        "code_version": code_version(),
        "hardware": hardware(),
        "first": _means(_record(place.record(run))),
        "again": _means(_record(other.record(run))),
    }
    (place.results / "repeat.json").write_text(json.dumps(content, indent=1) + "\n")


def _record(path: Path) -> Record:
    (found,) = (r for r in read_records(path.parent) if path.name == f"{r.name.replace('/', '~')}.json")
    return found


def _means(record: Record) -> dict[str, float]:
    values = {m: list(record.per_family(m, 50).values()) for m in METRICS}
    return {metric: round(float(np.mean(found)), 4) for metric, found in values.items()}


def repeat_table(content: dict[str, Any], records: Records) -> str:
    """Both errors at K = 50, beside the spread over meta-training seeds."""
    where, method = content["run"].split("/")[:2]
    seeds = [_means(record) for record in records.seeds(where, method)]
    rows = []
    for metric, name in NAMES.items():
        values = [seed[metric] for seed in seeds]
        spread = f"{max(values) - min(values):.3f}" if len(values) > 1 else "one seed"
        first, again = content["first"][metric], content["again"][metric]
        rows.append([name, f"{first:.3f}", f"{again:.3f}", f"{abs(again - first):.3f}", spread])
    return markdown(["K = 50", "first", "again", "difference", f"range of {len(seeds)} seeds"], rows)
