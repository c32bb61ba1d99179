"""The texts and numbers that a card holds: bounded, printable, and each pattern in words."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from mfbench.data.printable_text import UNPRINTABLE

__all__ = [
    "PATTERNS", "Count", "Episode", "Id", "Link", "Name", "Person", "Reason", "Rows", "Seconds", "Sha256",
    "SplitName", "Text40", "Text60", "Text80", "Text120", "Text200", "Text500", "Text2000",
]  # fmt: skip

_LINK = r"^https?://[A-Za-z0-9][^\s<>\"'`\\]*$"
_SHA256 = r"^[0-9a-f]{64}$"
_PLAIN_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_EPISODE = r"^(0|[1-9]\d*)/(0|[1-9]\d*)$"
_ROWS = r"^\d+( \d+)*$"
PATTERNS = {
    _LINK: "must be an address that begins with http:// or https://",
    _SHA256: "must be a SHA-256: 64 digits of 0-9 and a-f",
    _PLAIN_NAME: "takes letters, digits, '.', '_' and '-', and begins with a letter or a digit",
    _EPISODE: "must be K/draw, e.g. 10/0",
    _ROWS: "must be row numbers with a blank between them, e.g. '3 14 15'",
}
"""What a text of each pattern looks like."""

_CONTROL = re.compile(f"[{UNPRINTABLE}]")


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("holds control characters")
    return text


def _limits(longest: int, pattern: str | None = None, shortest: int = 0) -> StringConstraints:
    return StringConstraints(
        strip_whitespace=True, min_length=shortest, max_length=longest, pattern=pattern
    )


_PRINTABLE = AfterValidator(_printable)
Name = Annotated[str, _limits(80, shortest=1), _PRINTABLE]
SplitName = Annotated[str, _limits(60, pattern=_PLAIN_NAME), _PRINTABLE]
Link = Annotated[str, _limits(300, pattern=_LINK), _PRINTABLE]
Sha256 = Annotated[str, _limits(64, pattern=_SHA256), _PRINTABLE]
Id = Annotated[str, _limits(120, pattern=_PLAIN_NAME), _PRINTABLE]
Person = Annotated[str, _limits(120, shortest=1), _PRINTABLE]
Reason = Annotated[str, _limits(400, shortest=3), _PRINTABLE]
Text40 = Annotated[str, _limits(40), _PRINTABLE]
Text60 = Annotated[str, _limits(60), _PRINTABLE]
Text80 = Annotated[str, _limits(80), _PRINTABLE]
Text120 = Annotated[str, _limits(120), _PRINTABLE]
Text200 = Annotated[str, _limits(200), _PRINTABLE]
Text500 = Annotated[str, _limits(500), _PRINTABLE]
Text2000 = Annotated[str, _limits(2000), _PRINTABLE]
Episode = Annotated[str, _limits(20, pattern=_EPISODE), _PRINTABLE]
Rows = Annotated[str, _limits(40_000, pattern=_ROWS), _PRINTABLE]
Count = Annotated[int, Field(ge=0, le=10**15)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
