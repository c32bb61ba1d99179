"""Checkpoints: parameters as safetensors, and beside them a JSON card that says where they come from."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from mfbench.errors import CheckpointError
from mfbench.learned.architectures.registry import Config, config_from, config_record
from mfbench.learned.training.settings import as_recorded
from mfbench.work.files import written

__all__ = ["EMBEDDED", "Checkpoint", "embedded_checkpoint", "load_checkpoint", "save_checkpoint"]

EMBEDDED = Path(__file__).parents[1] / "embedded" / "checkpoints"
_PRECONDITION = "precondition/"
_RATES = "rates/"
_EACH = "each/"
_OF_PHASE = ("name", "done", "gradients", "displacement")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A trained initialisation.

    Attributes:
        config: architecture.
        params: name → array (of any backend; NumPy when read).
        precondition: name → array, the diagonal P of the inner loop (ones where none was learned).
        card: data hash, seed, gradient count, losses, tuned adaptation settings.
        rates: name → [inner steps], the learned step sizes of MAML++ in units of the inner rate; empty
            where none were learned.
        each: name → [groups, ...], weights of each group's own, whose mean is in ``params``; the card
            names the ``groups``. Mostly empty, see ``mfbench.learned.adaptation.per_group``.
    """

    config: Config
    params: dict[str, Any]
    precondition: dict[str, Any]
    card: dict[str, Any]
    rates: dict[str, Any] = field(default_factory=dict)
    each: dict[str, Any] = field(default_factory=dict)

    @property
    def groups_of_arrays(self) -> dict[str, dict[str, Any]]:
        """All arrays, by what the file puts before their names."""
        return {"": self.params, _PRECONDITION: self.precondition, _RATES: self.rates, _EACH: self.each}

    @property
    def phases_in_brief(self) -> list[dict[str, Any]]:
        """Of every phase of training: name, steps (``done``), gradients, and how far it moved the weights
        relative to their norm. The card has its curve."""
        return [{k: phase.get(k) for k in _OF_PHASE} for phase in self.card.get("phases", [])]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write ``path`` (safetensors, float32) and ``path`` with suffix ``.json``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    groups = checkpoint.groups_of_arrays
    arrays = {p + k: np.asarray(v, np.float32) for p, group in groups.items() for k, v in group.items()}
    card = {**checkpoint.card, "config": config_record(checkpoint.config)}
    # Both are on disk before either appears. As bytes: the library's own writer raises no OSError.
    with written(path) as weights, written(path.with_suffix(".json")) as text:
        weights.write_bytes(save(arrays))
        text.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint and its card, as NumPy arrays.

    Raises:
        CheckpointError: a file is missing or damaged.
    """
    try:
        arrays = load_file(path)
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        config = config_from(card.pop("config"))
        if "settings" in card:
            card["settings"] = as_recorded(card["settings"])
    except FileNotFoundError as error:
        missing = error.filename or path
        raise CheckpointError(
            f"checkpoint {missing} does not exist: train it with 'mfbench train'"
        ) from None
    except (SafetensorError, json.JSONDecodeError, UnicodeDecodeError, KeyError, ValueError) as error:
        raise CheckpointError(f"checkpoint {path} is damaged ({error}): train it again") from None
    prefixes = (_PRECONDITION, _RATES, _EACH)
    scales, rates, each = (
        {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
        for prefix in prefixes
    )
    for name, value in arrays.items():
        if not np.isfinite(value).all():
            raise CheckpointError(f"checkpoint {path} is damaged ('{name}' is not finite): train it again")
    params = {k: v for k, v in arrays.items() if not k.startswith(prefixes)}
    return Checkpoint(config, params, scales, card, rates, each)


def embedded_checkpoint(split: str, arch: str, name: str) -> Path:
    """Where the checkpoint that ships for (split, architecture, method) lies."""
    return EMBEDDED / split / f"{arch}-{name}.safetensors"
