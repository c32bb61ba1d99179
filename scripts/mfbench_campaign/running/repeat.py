"""Training, tuning and evaluating one row again, from nothing, to see whether its errors come again."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from mfbench.compare.record import RECORDED, Record, read_records
from mfbench.protocol.cost import code_version, hardware
from mfbench_campaign.headline import MANY
from mfbench_campaign.plan import Run
from mfbench_campaign.running.campaign_jobs import CampaignFolders, campaign_jobs
from mfbench_campaign.running.jobs import run_jobs

__all__ = ["means_at_50", "repeat"]


def repeat(folders: CampaignFolders, run: Run) -> None:
    """Do everything that a run needs in an empty folder, and keep both errors in ``repeat.json``."""
    folder = folders.runs / "repeat"
    other = replace(folders, runs=folder, results=folder / "results")
    began = time.monotonic()
    if failed := run_jobs(campaign_jobs(other, [run]), folder / "locks"):
        raise SystemExit(f"failed: {', '.join(failed)}")
    content = {
        "run": run.name,
        "command": f"python scripts/campaign.py repeat --only {run.name}",
        "seconds": round(time.monotonic() - began),
        "code_version": code_version(),
        "hardware": hardware(),
        "first": means_at_50(_record(folders.record(run))),
        "again": means_at_50(_record(other.record(run))),
    }
    (folders.results / "repeat.json").write_text(json.dumps(content, indent=1) + "\n")


def _record(path: Path) -> Record:
    (found,) = (r for r in read_records(path.parent) if path.name == f"{r.name.replace('/', '~')}.json")
    return found


def means_at_50(record: Record) -> dict[str, float]:
    """error → mean over families at K = 50, four decimals."""
    values = {m: list(record.per_family(m, MANY).values()) for m in RECORDED}
    return {metric: round(float(np.mean(found)), 4) for metric, found in values.items()}
