"""Options that several commands take: ``--option KEY=VALUE``, ``--k K,K,...``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from mfbench.errors import ProtocolError

__all__ = ["SplitName", "parse_numbers", "parse_option", "parse_options"]

SplitName = Annotated[str, typer.Argument(help="A name from 'mfbench data list', or a folder.")]


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


def parse_options(texts: Sequence[str] | None) -> dict[str, Any]:
    """``["rate=0.01", "steps=5"]`` as a mapping.

    Raises:
        ProtocolError: one has no key or no ``=``, or a key is given twice.
    """
    found: dict[str, Any] = {}
    for key, value in map(parse_option, texts or []):
        if key in found:
            raise ProtocolError(f"--option {key} is given twice")
        found[key] = value
    return found


def parse_numbers(text: str | None, option: str = "--k") -> list[int] | None:
    """``0,5,10`` → [0, 5, 10]; None stays None.

    Raises:
        ProtocolError: one is no whole number.
    """
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ProtocolError(f"{option} takes whole numbers separated by commas, not '{text}'") from None
