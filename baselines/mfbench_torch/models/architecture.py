"""What every architecture offers, whatever lies inside: energies, forces, and scalar features of atoms.

A module of an architecture has two functions. ``start(params, config, geometry)`` gives its ``Leaves``:
all tensors that depend on the positions, and how forces follow from derivatives in them.
``network(params, config, batch, leaves)`` gives energies of atoms [N] in eV (without isolated atoms) and
scalar features [F, N], those that its readouts see.

Leaves are made afresh at every call. It matters: mace's own forward calls ``requires_grad_`` on the
positions that it is given, and two inner steps on the same tensor would differentiate θ₁(x) as well,
silently.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from mfbench.learned.architectures.composed import composed
from mfbench.learned.architectures.registry import Config, initial_weights, network_of
from mfbench_torch.models.graphs import GraphBatch
from mfbench_torch.models.leaves import Leaves

__all__ = [
    "atom_energies",
    "energy",
    "energy_forces",
    "feature_forces",
    "features_of",
    "forces_of",
    "init",
    "leaves_of",
]

Params = dict[str, torch.Tensor]


def init(config: Config, seed: int) -> Params:
    """Random float32 weights; the same in every backend."""
    return {k: torch.from_numpy(v) for k, v in initial_weights(config, seed).items()}


def energy(params: Params, config: Config, batch: GraphBatch) -> torch.Tensor:
    """Interaction energy of each configuration, eV, [B]; energies of isolated atoms are not included."""
    return _per_configuration(atom_energies(params, config, batch), batch)


def atom_energies(params: Params, config: Config, batch: GraphBatch) -> torch.Tensor:
    """What each atom contributes to the energy, eV, [N]."""
    params, module = composed(params), network_of(config, "torch")
    return module.network(params, config, batch, module.start(params, config, batch.geometry))[0]


def energy_forces(
    params: Params,
    config: Config,
    batch: GraphBatch,
    head: torch.Tensor | None = None,
    *,
    differentiable: bool = True,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Energies [B] in eV and forces [N, 3] in eV/Å.

    ``differentiable`` keeps the graph, so that both can be differentiated in ``params``, repeatedly.
    ``head`` [F] adds its product with the features.
    """
    params = composed(params)
    with torch.enable_grad():
        leaves = leaves_of(params, config, batch)
        atoms, seen = network_of(config, "torch").network(params, config, batch, leaves)
        atoms = atoms if head is None else atoms + head @ seen
        total = _per_configuration(atoms, batch)
        forces = forces_of(total.sum(), leaves, batch, create_graph=differentiable)
    return (total, forces) if differentiable else (total.detach(), forces.detach())


def feature_forces(
    params: Params, config: Config, batch: GraphBatch, *, forces: bool = True
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Features summed over atoms [B, F], and minus their derivatives in the positions [F, N, 3].

    One backward pass per feature, one after another; None without ``forces``.
    """
    params = composed(params)
    with torch.enable_grad():
        leaves = leaves_of(params, config, batch)
        seen = features_of(params, config, batch, leaves)
        totals = seen.new_zeros(len(seen), len(batch)).index_add(1, batch.configuration, seen)
        if not forces:
            return totals.detach().T, None
        pulls = [forces_of(row.sum(), leaves, batch, create_graph=False, retain=True) for row in totals]
    return totals.detach().T, torch.stack(pulls)


def leaves_of(params: Params, config: Config, batch: GraphBatch) -> Leaves:
    """Fresh leaves that forces can be asked of."""
    return network_of(config, "torch").start(params, config, batch.geometry, forces=True)


def features_of(params: Params, config: Config, batch: GraphBatch, leaves: Leaves) -> torch.Tensor:
    """Scalar features of atoms [F, N]."""
    return network_of(config, "torch").network(params, config, batch, leaves)[1]


def forces_of(
    value: torch.Tensor,
    leaves: Leaves,
    batch: GraphBatch,
    *,
    create_graph: bool,
    retain: bool | None = None,
) -> torch.Tensor:
    """Minus the derivative of a scalar in the positions, [N, 3]."""
    pulls: Sequence[torch.Tensor] = torch.autograd.grad(
        value, leaves.tensors, create_graph=create_graph, retain_graph=retain, materialize_grads=True
    )
    per_pair = leaves.to_pairs(pulls)
    first, second = batch.edges[1].chunk(2)
    forces = torch.zeros_like(batch.positions)
    return forces.index_add(0, second, per_pair.T).index_add(0, first, -per_pair.T)


def _per_configuration(atoms: torch.Tensor, batch: GraphBatch) -> torch.Tensor:
    return atoms.new_zeros(len(batch)).index_add(0, batch.configuration, atoms)
