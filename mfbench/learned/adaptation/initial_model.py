"""What a built-in method starts from, whatever the backend: checkpoint, tuned settings, options."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mfbench.data.split import Split
from mfbench.errors import CheckpointError, MfbenchError
from mfbench.learned.checkpoint import Checkpoint, embedded_checkpoint, load_checkpoint
from mfbench.methods.energy_baseline import EnergyBaseline, fit_baseline
from mfbench.protocol.method import MethodContext

__all__ = ["adapts", "baseline_of", "initialisation", "overridden"]


def initialisation(name: str, context: MethodContext) -> Checkpoint:
    """The checkpoint that the context names, else the embedded one of that name, as NumPy arrays.

    Raises:
        CheckpointError: it is missing, damaged, or embedded for another version of the data.
    """
    path = context.checkpoint or embedded_checkpoint(context.split.name, context.arch, name)
    checkpoint = load_checkpoint(Path(path))
    if checkpoint.card["data_hash"] != context.split.manifest.data_hash and not context.checkpoint:
        raise CheckpointError(f"checkpoint {path} was trained on another version of {context.split.name}")
    return checkpoint


def adapts(name: str, checkpoint: Checkpoint) -> str:
    """Weights that move unless something else is tuned or asked for: those of the trained inner loop."""
    return "head" if name == "anil" else checkpoint.card.get("settings", {}).get("adapt", "all")


def baseline_of(checkpoint: Checkpoint, split: Split) -> EnergyBaseline:
    """The energies that the network was trained on top of. Cards from before they kept them are of
    checkpoints that are used on the split they were trained on."""
    if record := checkpoint.card.get("baseline"):
        return EnergyBaseline.from_dict(record)
    return fit_baseline(split.train_configurations, split.isolated_atom_energies)


def overridden(settings: Any, options: dict[str, Any]) -> Any:
    """``settings`` with the user's options.

    Raises:
        MfbenchError: an option does not exist.
    """
    try:
        return replace(settings, **options)
    except TypeError:
        known = ", ".join(asdict(settings))
        raise MfbenchError(f"unknown option in {', '.join(options)}: this method has {known}") from None
