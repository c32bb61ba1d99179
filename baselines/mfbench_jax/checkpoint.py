"""Checkpoints (``mfbench.learned.checkpoint``) with JAX arrays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp

from mfbench.learned import checkpoint as shared
from mfbench.learned.checkpoint import Checkpoint, embedded_checkpoint, save_checkpoint

__all__ = ["Checkpoint", "embedded_checkpoint", "load_checkpoint", "save_checkpoint", "with_arrays"]


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint and its card.

    Raises:
        CheckpointError: a file is missing or damaged.
    """
    return with_arrays(shared.load_checkpoint(path))


def with_arrays(checkpoint: Checkpoint) -> Checkpoint:
    """The same checkpoint with JAX arrays."""
    params = {k: jnp.asarray(v) for k, v in checkpoint.params.items()}
    scales = {k: jnp.asarray(v) for k, v in checkpoint.precondition.items()}
    return replace(checkpoint, params=params, precondition=scales)
