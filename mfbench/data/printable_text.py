"""Text from anywhere, made fit to be shown: one line, no terminal codes, nothing that cannot be encoded."""

from __future__ import annotations

import re

__all__ = ["UNPRINTABLE", "printable"]

UNPRINTABLE = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ud800-\udfff\ufffe\uffff"
)
"""A regular expression's class: control characters, marks that turn the direction of writing, halves of
surrogate pairs."""
_CODES = re.compile(
    "\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[ -/]*[0-~])?|\x9b[0-?]*[@-~]"
)
"""Terminal sequences: colours, titles, links, cursor moves."""


def printable(text: object, longest: int | None = None) -> str:
    """Text in one line: terminal sequences go, white space becomes a blank, and other characters that
    show nothing are spelled out (``\\x00``).

    Args:
        text: whatever ``str`` is made of; what has no text is named by its type.
        longest: characters; what is longer ends with ``...``.
    """
    try:
        found = str(text)
    except Exception:  # an object of a method's own making
        found = type(text).__name__
    found = " ".join(_CODES.sub("", found).split())
    found = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in found)
    if longest is not None and len(found) > longest:
        found = found[: longest - 3].rstrip() + "..."
    return found
