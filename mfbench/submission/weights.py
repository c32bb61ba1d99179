"""Deposited weights: a safetensors file, whose header is read here without trusting it."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from mfbench.errors import SubmissionError

__all__ = ["MAX_BYTES", "check_weights", "count_parameters"]

MAX_BYTES = 256 * 2**20
_SIZES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}


def check_weights(weights: bytes, card_text: bytes, sha256: str | None) -> None:
    """Check deposited weights and the JSON card beside them.

    Raises:
        SubmissionError: kind ``weights``: not safetensors (a pickle, say), not what the card's hash
            commits to, or no JSON object beside them.
    """
    found = hashlib.sha256(weights).hexdigest()
    if found != sha256:
        raise SubmissionError(
            "weights", f"weights.safetensors is not the file of weights_sha256 (it is {found[:12]})"
        )
    _header(weights)
    try:
        card = json.loads(card_text) if len(card_text) <= 2**20 else None
    except (ValueError, RecursionError):
        card = None
    if not isinstance(card, dict):
        raise SubmissionError("weights", "weights.json is no JSON object of at most 1 MiB")


def count_parameters(weights: bytes) -> int:
    """Numbers in the file, less those that only scale the inner loop (``precondition/``, ``rates/``).

    Raises:
        SubmissionError: kind ``weights``: not safetensors.
    """
    return sum(
        math.prod(entry["shape"])
        for name, entry in _header(weights).items()
        if not name.startswith(("precondition/", "rates/"))
    )


def _header(weights: bytes) -> dict[str, dict[str, Any]]:
    """Tensors by name. The format: length of the header, JSON header, then exactly the tensors."""
    if len(weights) > MAX_BYTES:
        raise SubmissionError("weights", f"weights.safetensors is larger than {MAX_BYTES >> 20} MiB")
    length = int.from_bytes(weights[:8], "little")
    try:
        if not 2 <= length <= min(len(weights) - 8, 16 * 2**20):
            raise ValueError
        header: dict[str, dict[str, Any]] = json.loads(weights[8 : 8 + length])
        header.pop("__metadata__", None)
        for entry in header.values():
            start, end = entry["data_offsets"]
            if not 0 <= start <= end <= len(weights) - 8 - length:
                raise ValueError
            if math.prod(int(n) for n in entry["shape"]) * _SIZES[entry["dtype"]] != end - start:
                raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SubmissionError(
            "weights", "weights.safetensors is no safetensors file; pickles are not accepted"
        ) from None
    return header
