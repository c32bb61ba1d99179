"""What a loop of active learning depends on, and what it leaves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.errors import WorkError
from mfbench.own.active.explore import ExploreSettings
from mfbench.own.active.loop import ActiveResult, ActiveSettings
from mfbench.work.files import write_text
from mfbench.work.request import as_json, difference

__all__ = ["read_finished", "request_of", "write_rounds"]

RECORD = "active.json"


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


def read_finished(folder: Path, request: Mapping[str, object], *, resume: bool) -> dict[str, Any] | None:
    """The record of a loop that has ended in a folder, which is written last; None where none has.

    Raises:
        WorkError: there is one, and of another request, or not to be resumed.
    """
    path = folder / RECORD
    if not path.is_file():
        return None
    if not resume:
        raise WorkError(f"{folder} holds a finished loop: choose another folder")
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        reason = difference(record["request"], as_json(request))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WorkError(f"{path} is damaged, or of an earlier version: choose another folder") from None
    if reason:
        raise WorkError(f"{folder} holds a finished loop: {reason}; choose another folder")
    return record


def write_rounds(result: ActiveResult, request: Mapping[str, object], folder: Path) -> None:
    """``active.json``: rounds, failures, why the loop ended, and of what it was."""
    record = {
        "request": as_json(request),
        "rounds": [asdict(r) for r in result.rounds],
        "failures": {str(k): v for k, v in result.failures.items()},
        "labels": len(result.labelled),
        "reason": result.reason,
    }
    write_text(folder / RECORD, json.dumps(record, indent=1) + "\n")
