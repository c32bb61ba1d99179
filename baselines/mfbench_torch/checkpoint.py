"""Checkpoints (``mfbench.learned.checkpoint``) with tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mfbench.learned import checkpoint as shared
from mfbench.learned.checkpoint import Checkpoint, embedded_checkpoint, save_checkpoint

__all__ = ["Checkpoint", "embedded_checkpoint", "load_checkpoint", "save_checkpoint", "tensors"]


def tensors(arrays: Mapping[str, Any], dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """Arrays by name as tensors of one dtype."""
    return {name: torch.as_tensor(value).to(dtype) for name, value in arrays.items()}


def load_checkpoint(path: Path, dtype: torch.dtype = torch.float32) -> Checkpoint:
    """Read a checkpoint and its card.

    Raises:
        CheckpointError: a file is missing or damaged.
    """
    found = shared.load_checkpoint(path)
    params, scales = tensors(found.params, dtype), tensors(found.precondition, dtype)
    return replace(found, params=params, precondition=scales)
