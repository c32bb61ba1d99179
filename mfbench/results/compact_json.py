"""JSON with one line per key: a third smaller than indented, and its differences can still be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["line_per_key"]


def line_per_key(content: Mapping[str, Any]) -> str:
    """The text of a file; numbers that JSON lacks (NaN) raise ``ValueError``."""
    lines = (
        f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'), allow_nan=False)}"
        for k, v in content.items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"
