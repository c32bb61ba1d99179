"""One finished label as data, and as the bytes that a journal keeps."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

import numpy as np

__all__ = ["SUFFIX", "Entry", "decode_entry", "encode_entry"]

SUFFIX = ".label"
"""Of a journal's files of labels."""


@dataclass(frozen=True, eq=False)
class Entry:
    """A label, or why there is none.

    Attributes:
        key: names the configuration, e.g. its ``config_id``.
        energy: eV; None where the label failed.
        forces: [n, 3], eV/Å; None where the label failed.
        failure: why there is no label, in one line; empty where there is one.
        seconds: CPU time that it took.
        start_gap: by how many eV the two starts of an open shell's SCF differ.
    """

    key: str
    energy: float | None
    forces: np.ndarray | None
    failure: str = ""
    seconds: float = 0.0
    start_gap: float = 0.0


def encode_entry(entry: Entry) -> bytes:
    """JSON; forces as little-endian doubles in base64, bit by bit."""
    row: dict[str, object] = {"key": entry.key, "seconds": round(entry.seconds, 3)}
    if entry.forces is None or entry.energy is None:
        row["failure"] = entry.failure
    else:
        row["energy"] = float(entry.energy)
        row["forces"] = base64.b64encode(np.ascontiguousarray(entry.forces, "<f8").tobytes()).decode()
        if entry.start_gap:
            row["start_gap"] = float(entry.start_gap)
    return json.dumps(row).encode() + b"\n"


def decode_entry(data: bytes) -> Entry:
    """What ``encode_entry`` wrote.

    Raises:
        ValueError, KeyError, TypeError: the bytes are damaged.
    """
    row = json.loads(data)
    if "failure" in row:
        return Entry(row["key"], None, None, row["failure"], row["seconds"])
    forces = np.frombuffer(base64.b64decode(row["forces"], validate=True), "<f8").reshape(-1, 3)
    return Entry(row["key"], row["energy"], forces, "", row["seconds"], row.get("start_gap", 0.0))
