"""Which store is meant when none is named."""

from __future__ import annotations

import os
from pathlib import Path

from mfbench.errors import StoreError

__all__ = ["default_store", "store_to_write"]

_CHECKOUT = Path(__file__).parents[2] / "leaderboard" / "submissions"


def default_store() -> str:
    """$MFBENCH_STORE, else the reference submissions of a source checkout.

    Raises:
        StoreError: there is neither.
    """
    if named := os.environ.get("MFBENCH_STORE"):
        return named
    if _CHECKOUT.is_dir():
        return str(_CHECKOUT)
    raise StoreError("no store: name a folder or URL, or set MFBENCH_STORE")


def store_to_write(named: str | None) -> str:
    """Where a submission is filed: the store that is named, or $MFBENCH_STORE; never a checkout's own,
    which is tracked.

    Raises:
        StoreError: none is named.
    """
    if found := named or os.environ.get("MFBENCH_STORE"):
        return found
    raise StoreError(
        "no store: name one with --to (a folder, a URL, or hf://datasets/OWNER/NAME), or set MFBENCH_STORE"
    )
