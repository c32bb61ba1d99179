"""Between our checkpoints (safetensors and a JSON card) and mace-torch's ``.model`` files.

A ``.model`` is a whole pickled ScaleShiftMACE, as ASE (``MACECalculator``), LAMMPS and OpenMM tools take
it. Weights keep their names. Energies of isolated atoms (E0s) travel like this:

- to ``.model``: the E0s are the per-element part of mfbench's energy baseline, fitted on meta-train of the
  split that the card names (or the E0s that the card holds, for weights that came from a ``.model``).
  The baseline's terms for charged molecules have no place there: energies of ions are off by a constant
  for each charge, forces are not affected. What a support set would correct is not included either.
- from ``.model``: the E0s go into the card (``atomic_energies``, eV). Evaluating in mfbench uses the
  baseline that all methods share, not these.

The scales of the inner loop and the training record stay in our checkpoint: a ``.model`` has no place
for them, so coming back the scales are ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mfbench.data.configuration import Configuration
from mfbench.data.split import load_split
from mfbench.errors import CheckpointError, MfbenchError
from mfbench.learned.architectures.composed import composed
from mfbench.learned.architectures.mace import MaceConfig
from mfbench.learned.architectures.mace_torch_state import from_mace_state, to_mace_state
from mfbench.learned.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mfbench.own.model import load_model
from mfbench.protocol.energy_baseline import EnergyBaseline, fit_baseline
from mfbench.work.files import written
from mfbench_torch.checkpoint import tensors
from mfbench_torch.models.architecture import energy
from mfbench_torch.models.graphs import GraphBatch, GraphTable
from mfbench_torch.models.network import build, heads_of, mace_inputs, read_model

__all__ = ["convert", "convert_adapted", "mace_energies", "mace_model"]

TOLERANCE = 1e-6
"""A foreign model is accepted when its energies come out the same, relative to their size."""


def convert(
    source: Path, target: Path, *, trust_pickle: bool = False, split: str | None = None
) -> list[Path]:
    """Write ``target`` from ``source``; the suffixes say which is which. Returns what was written.

    Args:
        source, target: a ``.safetensors`` checkpoint and a ``.model`` file, in either order; or the folder
            of an adapted model and a ``.model``, see ``convert_adapted``.
        trust_pickle: reading a ``.model`` runs the code in it.
        split: whose meta-train the E0s are fitted on; default: the one that the card names.

    Raises:
        CheckpointError: a file cannot be read, or holds something else.
        MfbenchError: the suffixes do not fit.
    """
    kinds = (source.suffix, target.suffix)
    if source.is_dir() and target.suffix == ".model":
        return convert_adapted(source, target)
    if kinds == (".safetensors", ".model"):
        checkpoint = load_checkpoint(source)
        model = mace_model(checkpoint, _atomic_energies(checkpoint.card, split))
        target.parent.mkdir(parents=True, exist_ok=True)
        torch.save(model, target)
    elif kinds == (".model", ".safetensors"):
        save_checkpoint(target, _from_model(source, trust_pickle))
    else:
        raise MfbenchError(
            "convert goes from .safetensors (or an adapted model's folder) to .model, or from .model to "
            ".safetensors: name the files so"
        )
    return [target]


def convert_adapted(folder: Path, target: Path) -> list[Path]:
    """Write the members of an adapted model (``mfbench adapt``) as ``.model`` files.

    Energies are total energies in the zero of the labels: E0s hold it, with what the support corrects. The
    mean over all files, which ``MACECalculator(model_paths=[...])`` gives, is the model's prediction.

    Args:
        folder: of the model.
        target: ``NAME.model``; the members are ``NAME-1.model``, ``NAME-2.model``, ...

    Raises:
        CheckpointError: no model there, another architecture, or charges that elements cannot stand in for.
    """
    found = []
    for number, member in enumerate(load_model(folder, backend="torch").members, start=1):
        if member.atoms is None:
            raise CheckpointError(
                f"{folder} was made from one composition with several charges, which a .model cannot tell "
                "apart: adapt to one charge at a time"
            )
        model = mace_model(Checkpoint(member.config, member.params, {}, {}), member.atoms)
        found.append(target.with_name(f"{target.stem}-{number}{target.suffix}"))
        target.parent.mkdir(parents=True, exist_ok=True)
        with written(found[-1]) as path:
            torch.save(model, path)
    return found


def mace_model(checkpoint: Checkpoint, atomic_energies: Mapping[int, float]) -> torch.nn.Module:
    """A float64 ScaleShiftMACE with the checkpoint's weights; ``atomic_energies`` in eV.

    Raises:
        CheckpointError: the checkpoint is of another architecture.
    """
    if not isinstance(checkpoint.config, MaceConfig):
        raise CheckpointError("a .model holds a MACE, this checkpoint another architecture: convert a mace")
    model = build(checkpoint.config, torch.float64, atomic_energies, eager=False)
    state = to_mace_state(composed(checkpoint.params), checkpoint.config)
    model.load_state_dict({k: torch.as_tensor(v) for k, v in state.items()}, strict=False)
    return model


def mace_energies(model: torch.nn.Module, batch: GraphBatch) -> torch.Tensor:
    """Interaction energies [B] in eV of mace's own forward pass."""
    return model(mace_inputs(batch), compute_force=False)["interaction_energy"].detach()


def _atomic_energies(card: Mapping[str, Any], split: str | None) -> dict[int, float]:
    if split is None and "atomic_energies" in card:
        return {int(z): float(e) for z, e in card["atomic_energies"].items()}
    if split is None and "baseline" in card:
        return dict(EnergyBaseline.from_dict(card["baseline"]).elements)
    try:
        loaded = load_split(split or card.get("split") or "")
    except MfbenchError as error:
        raise CheckpointError(f"no split to take atomic energies from ({error}): give --split") from None
    return dict(fit_baseline(loaded.train_configurations, loaded.isolated_atom_energies).elements)


def _from_model(source: Path, trust_pickle: bool) -> Checkpoint:
    model: Any = read_model(source, trust_pickle=trust_pickle)
    if len(heads := heads_of(model)) > 1:
        raise CheckpointError(
            f"{source} has {len(heads)} heads ({', '.join(heads)}): a checkpoint has one; fine-tune it as "
            "it is with 'evaluate -m finetune --option head=NAME'"
        )
    model = model.double()
    try:
        config = _config_of(model)
        state = {k: v.numpy() for k, v in model.state_dict().items()}
        params = from_mace_state(state, config)
    except (AttributeError, ValueError) as error:
        raise CheckpointError(f"{source} has an architecture that mfbench does not have: {error}") from None
    _check_same(source, model, params, config)
    e0 = np.atleast_1d(model.atomic_energies_fn.atomic_energies.numpy().squeeze())
    card: dict[str, Any] = {
        "schema": 1,
        "split": None,
        "data_hash": None,
        "source": source.name,
        "gradients": None,
        "phases": [],
        "atomic_energies": {str(z): float(e) for z, e in zip(config.elements, e0, strict=True)},
    }
    ones = {name: np.ones_like(value) for name, value in params.items()}
    return Checkpoint(config, params, ones, card)


def _config_of(model: Any) -> MaceConfig:  # mace-torch gives its attributes no types
    return MaceConfig(
        elements=tuple(int(z) for z in model.atomic_numbers),
        r_max=float(model.r_max),
        num_bessel=model.radial_embedding.out_dim,
        cutoff_power=int(model.radial_embedding.cutoff_fn.p),
        channels=model.node_embedding.linear.irreps_out.dim,
        num_interactions=len(model.interactions),
        radial_mlp=tuple(model.interactions[0].conv_tp_weights.hs[1:-1]),
        readout_width=model.readouts[-1].hidden_irreps.dim,
        avg_num_neighbors=float(model.interactions[0].avg_num_neighbors),
        scale=float(model.scale_shift.scale),
        shift=float(model.scale_shift.shift),
    )


def _check_same(source: Path, model: torch.nn.Module, params: dict[str, Any], config: MaceConfig) -> None:
    """Weights may fit a network that computes something else (another cutoff, a repulsion term)."""
    rng = np.random.default_rng(0)
    numbers = np.array([*config.elements, *config.elements[:3]], np.int32)
    grid = np.stack(np.meshgrid(*[np.arange(5)] * 3, indexing="ij"), -1).reshape(-1, 3)[: len(numbers)]
    positions = 1.3 * grid + rng.uniform(-0.2, 0.2, (len(numbers), 3))
    batch = GraphTable([Configuration(numbers, positions)], config).take([0], torch.float64)
    theirs, ours = mace_energies(model, batch), energy(tensors(params, torch.float64), config, batch)
    if not torch.allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE):
        raise CheckpointError(
            f"{source} computes something that mfbench's MACE does not have "
            f"(a test molecule has {theirs.item():.6f} eV there, {ours.item():.6f} eV here)"
        )
