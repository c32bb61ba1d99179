"""Any PyTorch module with energies: ``--model module:make`` names a function that makes one.

The module is called with a dictionary of tensors: ``atomic_numbers`` [N], ``positions`` [N, 3] in Å,
``edge_index`` [2, E] (ordered pairs closer than its ``r_max``), ``batch`` [N] (the molecule of an atom),
``charge`` and ``n_unpaired`` [B]. It returns one with ``energy`` [B] in eV and, if it likes, ``forces``
[N, 3] in eV/Å; without them, forces are minus the gradient of the energy. ``elements`` (atomic numbers) and
``r_max`` (Å) are its attributes; ``head``, ``upper`` and ``fixed`` may be, see ``ForeignModel``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from mfbench.errors import CheckpointError, UnknownNameError
from mfbench.methods.public_models import ModelCard
from mfbench.work.own_code import find_object
from mfbench_torch.device import device
from mfbench_torch.foreign.model import EnergyForces, ForeignModel
from mfbench_torch.models.graphs import GraphBatch

__all__ = ["TorchModule", "minus_gradient", "read_torch_module"]

Params = dict[str, torch.Tensor]


class TorchModule(ForeignModel):
    """See ``ForeignModel``."""

    def energy_forces(self, weights: Params, batch: GraphBatch, training: bool) -> EnergyForces:
        """With ``weights`` in place of the module's own."""

        def evaluate(positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
            numbers = torch.tensor(self.card.elements, device=positions.device)
            inputs = {
                "atomic_numbers": numbers[batch.elements.argmax(-1)],
                "positions": positions,
                "edge_index": batch.edges,
                "batch": batch.configuration,
                "charge": batch.charges[:, 0],
                "n_unpaired": batch.charges[:, 1],
            }
            found = torch.func.functional_call(self.module, weights, (inputs,))
            return found["energy"], found.get("forces")

        return minus_gradient(evaluate, batch.positions, training)


def minus_gradient(
    evaluate: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor | None]],
    positions: torch.Tensor,
    training: bool,
) -> EnergyForces:
    """Energies [B], and forces [N, 3]: those of ``evaluate``, or minus the gradient where it gives None."""
    with torch.enable_grad():
        positions = positions.detach().clone().requires_grad_(True)
        energy, forces = evaluate(positions)
        if forces is None:
            (gradient,) = torch.autograd.grad(energy.sum(), positions, create_graph=training)
            forces = -gradient
    return energy, forces


def read_torch_module(target: str, card: ModelCard, dtype: torch.dtype) -> TorchModule:
    """What ``module:make`` makes, on this process's device.

    Raises:
        UnknownNameError: it cannot be imported.
        CheckpointError: it makes no module, or one without ``elements`` and ``r_max``.
    """
    module = _made(target)
    elements, r_max = getattr(module, "elements", None), getattr(module, "r_max", None)
    if not isinstance(module, torch.nn.Module) or not elements or not r_max:
        raise CheckpointError(
            f"{target} makes a {type(module).__name__}: it has to be a torch.nn.Module with elements "
            "(atomic numbers) and r_max (Å)"
        )
    found = replace(
        card,
        name=target.rpartition(":")[2],
        elements=tuple(sorted(int(z) for z in elements)),
        parameters=sum(value.numel() for value in module.parameters()),
    )
    own = {key: tuple(getattr(module, key, ())) for key in ("head", "upper", "fixed")}
    module = module.to(device(), dtype).requires_grad_(False)
    return TorchModule(found, module, float(r_max), **own)


def _made(target: str) -> Any:
    module, colon, attribute = target.partition(":")
    if not (module and colon and attribute):
        raise UnknownNameError(f"'{target}' names no module: give --model module:make")
    try:
        make = find_object(target)
        if not callable(make):
            raise CheckpointError(f"'{target}' makes no module: it is of type {type(make).__name__}")
        return make()
    except ModuleNotFoundError as error:
        raise UnknownNameError(f"'{target}': the module '{error.name}' is not installed") from None
