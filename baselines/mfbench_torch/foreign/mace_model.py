"""Networks of mace-torch: MACE-OFF, MACE-MP and any other ``.model`` file with a ScaleShiftMACE in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from mfbench.errors import UnknownNameError
from mfbench.methods.public_models import ModelCard
from mfbench_torch.device import device
from mfbench_torch.foreign.model import EnergyForces, ForeignModel
from mfbench_torch.models.graphs import GraphBatch
from mfbench_torch.models.network import heads_of, mace_inputs, read_model

__all__ = ["MaceModel", "read_mace"]

Params = dict[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class MaceModel(ForeignModel):
    """See ``ForeignModel``; ``index``: of the head that is used, where there are several levels of theory.

    The network's own energies of isolated atoms belong to another level of theory: they are left out.
    """

    head: tuple[str, ...] = ("readouts.",)
    upper: tuple[str, ...] = ("products.", "readouts.")
    index: int = 0

    def energy_forces(self, weights: Params, batch: GraphBatch, training: bool) -> EnergyForces:
        """With ``weights`` in place of the module's own."""
        inputs = mace_inputs(batch, self.index)
        found = torch.func.functional_call(self.module, weights, (inputs,), {"training": training})
        return found["interaction_energy"], found["forces"]


def read_mace(
    path: Path, card: ModelCard, dtype: torch.dtype, *, head: str | None, trust_pickle: bool
) -> MaceModel:
    """The network in a ``.model`` file, on this process's device.

    Args:
        path: of the file.
        card: what its user says of it.
        dtype: of all computations.
        head: name of the head that is used, of a network with several levels of theory.
        trust_pickle: reading it runs the code in it.

    Raises:
        CheckpointError: the file is missing, damaged or not trusted.
        UnknownNameError: the network has several heads and none of them is named.
    """
    module: Any = read_model(path, trust_pickle=trust_pickle)
    heads = heads_of(module)
    index = _head(path, heads, head)
    name = path.name if len(heads) == 1 else f"{path.name}, head {heads[index]}"
    found = replace(
        card,
        name=name,
        elements=tuple(int(z) for z in module.atomic_numbers),
        parameters=sum(value.numel() for value in module.parameters()),
    )
    module = module.to(device(), dtype).requires_grad_(False)
    return MaceModel(found, module, float(module.r_max), index=index)


def _head(path: Path, heads: Sequence[str], wanted: str | None) -> int:
    """Index of the head to use: each was trained on another level of theory, and none is the default."""
    if wanted is None and len(heads) == 1:
        return 0
    if wanted is None or wanted not in heads:
        said = f"has no head '{wanted}'" if wanted is not None else f"has {len(heads)} heads"
        raise UnknownNameError(
            f"{path.name} {said}: choose one with --option head=NAME, of {', '.join(heads)}"
        )
    return list(heads).index(wanted)
