"""``--option KEY=VALUE``, for every command that takes settings."""

from __future__ import annotations

import json
from typing import Any

from mfbench.errors import ProtocolError

__all__ = ["parse_option"]


def parse_option(text: str) -> tuple[str, Any]:
    """``rate=0.01`` → ("rate", 0.01): JSON where it is JSON, else text.

    Raises:
        ProtocolError: there is no key or no ``=``.
    """
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ProtocolError(f"--option takes KEY=VALUE, not '{text}'")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
