"""What a built-in method starts from, whatever the backend: checkpoint, tuned settings, options."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from mfbench.data.split import Split, load_split
from mfbench.errors import CheckpointError, MfbenchError, UnknownNameError
from mfbench.learned.adaptation.recipe import CONVERGED, AdaptSettings, ScratchSettings
from mfbench.learned.adaptation.tuned import tuned_settings
from mfbench.learned.architectures.composed import CONTEXT
from mfbench.learned.checkpoint import Checkpoint, embedded_checkpoint, load_checkpoint
from mfbench.learned.training.losses import FORMER_LOSS
from mfbench.protocol.correction_prior import prior_of
from mfbench.protocol.energy_baseline import EnergyBaseline, split_baseline
from mfbench.protocol.method import MethodContext

__all__ = ["RECIPES", "baseline_of", "initialisation", "overridden", "recipe_of", "scratch_recipe"]

Settings = TypeVar("Settings")

RECIPES = ("tuned", "converged")
"""What the option ``recipe`` may name: few steps, tuned with the checkpoint; many, as practitioners do."""


def initialisation(name: str, context: MethodContext) -> Checkpoint:
    """The checkpoint that the context names, else the embedded one of that name, as NumPy arrays.

    Raises:
        CheckpointError: it is missing, damaged, or embedded for another version of the data.
    """
    path = context.checkpoint or embedded_checkpoint(context.split.name, context.arch, name)
    checkpoint = load_checkpoint(Path(path))
    if not context.checkpoint and not _trained_on(checkpoint.card, context.split):
        raise CheckpointError(f"checkpoint {path} was trained on another version of {context.split.name}")
    return checkpoint


def _trained_on(card: dict[str, Any], split: Split) -> bool:
    """Is the card's training data that of ``split``? Its test tasks may have changed since."""
    if card["data_hash"] == split.manifest.data_hash:
        return True
    return "training_digest" in card and card["training_digest"] == split.training_digest


def recipe_of(name: str, context: MethodContext, checkpoint: Checkpoint) -> AdaptSettings:
    """How a method adapts: its recipe, with the user's options.

    Weights that move, and the loss: those of the trained inner loop, unless others are tuned or asked for.

    Raises:
        MfbenchError: an option or the recipe does not exist.
    """
    trained = checkpoint.card.get("settings", {})
    adapt = "head" if name == "anil" else trained.get("adapt", "all")
    own: dict[str, Any] = {"adapt": adapt}
    if adapt == CONTEXT:  # a few numbers, that have no preconditioner
        own |= {"optimizer": "adam", "rate": 0.1}
    if _recipe(context) == "converged":
        defaults, found = {**asdict(CONVERGED), **own}, f"{name}@converged"
    else:
        defaults, found = {**own, **_loss_of(trained)}, name
    settings = tuned_settings(context.split.name, context.arch, found, AdaptSettings, **defaults)
    return overridden(settings, _without_recipe(context.options))


def scratch_recipe(context: MethodContext) -> ScratchSettings:
    """The same for training from scratch.

    Raises:
        MfbenchError: an option or the recipe does not exist.
    """
    defaults: dict[str, Any] = {}
    found = "scratch"
    if _recipe(context) == "converged":
        shared = {item.name for item in fields(ScratchSettings)} & set(asdict(CONVERGED))
        defaults = {name: getattr(CONVERGED, name) for name in shared} | {"steps": CONVERGED.max_steps}
        found = "scratch@converged"
    settings = tuned_settings(context.split.name, context.arch, found, ScratchSettings, **defaults)
    return overridden(settings, _without_recipe(context.options))


def _recipe(context: MethodContext) -> str:
    name: str = context.options.get("recipe", RECIPES[0])
    if name not in RECIPES:
        raise UnknownNameError(f"unknown recipe '{name}': choose {' or '.join(RECIPES)}")
    return name


def _without_recipe(options: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in options.items() if k != "recipe"}


def _loss_of(trained: dict[str, Any]) -> dict[str, Any]:
    """Loss, energy weight and bound of the training; nothing for squares: filed numbers have no bound."""
    loss = trained.get("loss", FORMER_LOSS)
    if loss == FORMER_LOSS:
        return {}
    return {"loss": loss, "energy_weight": trained["energy_weight"], "bound": trained["inner_bound"]}


def baseline_of(checkpoint: Checkpoint, split: Split) -> EnergyBaseline:
    """The energies that the network was trained on top of, on the zero of ``split``.

    A split whose isolated atoms differ from those of the split it was trained on is of another level, or
    another program: its elements are shifted by what the atoms differ. The prior of the correction is the
    split's. Cards from before they kept baseline and atoms are of checkpoints that ship: theirs are
    looked up in the split that they name.

    Raises:
        CheckpointError: the card names no split either.
        UnknownNameError: that split is not here.
    """
    card = checkpoint.card
    same = _trained_on(card, split)

    def trained_on() -> Split:
        if not same and "split" not in card:
            raise CheckpointError(
                "the checkpoint's card has neither isolated_atom_energies_eV nor split: "
                "say what its energies are relative to"
            )
        return split if same else load_split(card["split"], verify=False)

    record, atoms = card.get("baseline"), card.get("isolated_atom_energies_eV")
    baseline = EnergyBaseline.from_dict(record) if record else split_baseline(trained_on())
    here = split.isolated_atom_energies
    there = {int(z): float(e) for z, e in atoms.items()} if atoms else trained_on().isolated_atom_energies
    shifted = {
        z: e + (here[z] - there[z] if z in here and z in there else 0.0)
        for z, e in baseline.elements.items()
    }
    return replace(baseline, elements=shifted, prior=prior_of(split))


def overridden(settings: Settings, options: dict[str, Any]) -> Settings:
    """``settings`` with the user's options.

    Raises:
        MfbenchError: an option does not exist.
    """
    try:
        return replace(settings, **options)  # type: ignore[type-var]
    except TypeError:
        known = ", ".join(asdict(settings))  # type: ignore[call-overload]
        raise MfbenchError(f"unknown option in {', '.join(options)}: this method has {known}") from None
