"""Splits, each read once in a process."""

from __future__ import annotations

from functools import cache

from mfbench import Split, load_split

__all__ = ["split_called"]


@cache
def split_called(name: str) -> Split:
    """As ``mfbench.load_split``; what it returns is shared."""
    return load_split(name)
