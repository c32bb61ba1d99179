"""``compare.json`` beside a store's submissions: what ``mfbench compare`` says of whole constructions."""

from __future__ import annotations

import json

from pydantic import ValidationError

from mfbench.compare.comparison import Comparison
from mfbench.store.store import Store

__all__ = ["Comparison", "read_comparison"]


def read_comparison(store: Store) -> Comparison | None:
    """The comparison of a store; None where there is none.

    Raises:
        ValueError: the file is damaged, in one line.
    """
    try:
        data = store.files.read("compare.json")
    except (OSError, KeyError):
        return None
    try:
        return Comparison.model_validate(json.loads(data))
    except (ValueError, ValidationError) as error:
        raise ValueError(" ".join(str(error).split())[:200]) from None
