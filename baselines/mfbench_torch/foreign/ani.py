"""ANI networks (Devereux et al. 2020): weights from a state-dict file, the networks from torchani.

torchani's wheel holds no weights, and nothing is downloaded here: the user has a ``…_state_dict.pt`` of
torchani 2, and says of which model it is (``--option model=ani2x``).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from mfbench.errors import CheckpointError, MfbenchError, UnknownNameError
from mfbench.methods.public_models import PUBLIC_MODELS, ModelCard, TrainingData
from mfbench_torch.device import device
from mfbench_torch.foreign.model import EnergyForces, ForeignModel
from mfbench_torch.foreign.torch_module import minus_gradient
from mfbench_torch.libraries import default_dtype
from mfbench_torch.models.graphs import GraphBatch

__all__ = ["KINDS", "Ani", "ani_network", "read_ani"]

Params = dict[str, torch.Tensor]
_HARTREE = 27.211386245988
"""eV (CODATA 2018)."""
_MEMBERS = 8
_DFT = "wB97X/6-31G(d)"


@dataclass(frozen=True)
class _Kind:
    """A published network.

    Attributes:
        symbols: of the elements, in the network's order.
        shape: of descriptors and layers.
        atoms: name of the energies of its atoms.
        level, data: of its training labels.
    """

    symbols: tuple[str, ...]
    shape: str
    atoms: str
    level: str
    data: str


_FOUR = ("H", "C", "N", "O")
KINDS: Mapping[str, _Kind] = {
    "ani1x": _Kind(_FOUR, "ani1x", "wb97x-631gd", _DFT, "ANI-1x"),
    "ani1ccx": _Kind(_FOUR, "ani1x", "ccsd(t)star-cbs", "CCSD(T)*/CBS", "ANI-1ccx"),
    "ani2x": _Kind((*_FOUR, "S", "F", "Cl"), "ani2x", "wb97x-631gd", _DFT, "ANI-2x"),
}


class Ani(ForeignModel):
    """See ``ForeignModel``. Energies of atoms are left out: they belong to another level of theory."""

    def energy_forces(self, weights: Params, batch: GraphBatch, training: bool) -> EnergyForces:
        """With ``weights`` in place of the module's own."""
        places = torch.arange(len(batch.configuration), device=batch.positions.device)
        atoms = torch.bincount(batch.configuration, minlength=len(batch))
        column = places - (atoms.cumsum(0) - atoms)[batch.configuration]
        shape = len(batch), int(atoms.max())
        known = torch.tensor(self.card.elements, device=places.device)
        numbers = known.new_full(shape, -1)
        numbers[batch.configuration, column] = known[batch.elements.argmax(-1)]

        def evaluate(positions: torch.Tensor) -> tuple[torch.Tensor, None]:
            padded = positions.new_zeros(*shape, 3)
            padded = padded.index_put((batch.configuration, column), positions)
            found = torch.func.functional_call(self.module, weights, ((numbers, padded),))
            return found.energies * _HARTREE, None

        with default_dtype(batch.positions.dtype):
            return minus_gradient(evaluate, batch.positions, training)


def ani_network(kind: str) -> Any:
    """torchani's network of a kind, with random weights.

    Raises:
        MfbenchError: torchani is not installed.
        UnknownNameError: there is no such kind.
    """
    if kind not in KINDS:
        raise UnknownNameError(f"say which network it is with --option model=NAME: {', '.join(KINDS)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of extensions that are not built
            from torchani.arch import Assembler
    except ModuleNotFoundError as error:
        install = PUBLIC_MODELS["ani"].install
        raise MfbenchError(
            f"ani needs the module '{error.name}', which is not installed ({install})"
        ) from None
    wanted = KINDS[kind]
    parts = Assembler(periodic_table_index=True)
    parts.set_symbols(wanted.symbols)
    parts.set_global_cutoff_fn("cosine")
    parts.set_aev_computer(radial=wanted.shape, angular=wanted.shape, strategy="pyaev")
    parts.set_atomic_networks(ctor=wanted.shape)
    parts.set_neighborlist("all_pairs")
    parts.set_gsaes_as_self_energies(wanted.atoms)
    return parts.assemble(_MEMBERS)


def read_ani(path: Path, kind: str, card: ModelCard, dtype: torch.dtype) -> Ani:
    """The network with the weights of a file, on this process's device.

    Raises:
        CheckpointError: the file is missing or damaged, or holds another network.
        MfbenchError, UnknownNameError: see ``ani_network``.
    """
    module = ani_network(kind)
    try:
        module.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist") from None
    except Exception as error:
        said = " ".join(str(error).split())[:80]
        raise CheckpointError(
            f"{path} holds no weights of {kind} ({type(error).__name__}: {said})"
        ) from None
    module.set_enabled("energy_shifter", False)
    module = module.to(device(), dtype).requires_grad_(False)
    layers = [name.rpartition(".")[0] + "." for name, _ in module.named_parameters()]
    last = tuple(name for name in layers if name.endswith(".final_layer."))
    upper = tuple(name for name in layers if name.endswith((".final_layer.", ".layers.2.")))
    found = replace(
        card,
        name=KINDS[kind].data,
        elements=tuple(sorted(int(z) for z in module.atomic_numbers)),
        level=card.level or KINDS[kind].level,
        training=card.training or (TrainingData(KINDS[kind].data),),
        parameters=sum(value.numel() for value in module.parameters()),
    )
    return Ani(found, module, float(module.cutoff), head=last, upper=upper)
