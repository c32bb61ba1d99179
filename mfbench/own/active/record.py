"""What a loop of active learning depends on, and what it leaves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.own.active.explore import ExploreSettings
from mfbench.own.active.loop import ActiveResult, ActiveSettings
from mfbench.work.files import write_text

__all__ = ["request_of", "write_rounds"]


def request_of(
    pool: Sequence[Configuration], start: str, level: str, settings: ActiveSettings | ExploreSettings
) -> dict[str, object]:
    """Everything that the loop's entries depend on, for the journal."""
    digest = hashlib.sha256()
    for c in pool:
        digest.update(np.ascontiguousarray(c.atomic_numbers, "<i4").tobytes())
        digest.update(np.ascontiguousarray(c.positions, "<f8").tobytes())
        digest.update(f"{c.total_charge} {c.n_unpaired}".encode())
    return {"pool": digest.hexdigest(), "start": start, "level": level, "settings": asdict(settings)}


def write_rounds(result: ActiveResult, path: Path) -> None:
    """``active.json``: rounds, failures, and why the loop ended."""
    record = {
        "rounds": [asdict(r) for r in result.rounds],
        "failures": {str(k): v for k, v in result.failures.items()},
        "labels": len(result.labelled),
        "reason": result.reason,
    }
    write_text(path, json.dumps(record, indent=1) + "\n")
