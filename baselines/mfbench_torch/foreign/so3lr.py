"""SO3LR (Kabylda et al. 2025): the weights that the package ``so3krates-torch`` ships.

The calculator of the package evaluates one molecule at a time; here its network is given batches.
"""

from __future__ import annotations

import io
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import resources

import torch

from mfbench.errors import MfbenchError
from mfbench.methods.public_models import PUBLIC_MODELS
from mfbench_torch.device import device
from mfbench_torch.foreign.model import EnergyForces, ForeignModel
from mfbench_torch.libraries import default_dtype
from mfbench_torch.models.graphs import GraphBatch

__all__ = ["LONG_RANGE", "So3lr", "read_so3lr"]

Params = dict[str, torch.Tensor]
LONG_RANGE = 12.0
"""Å: the package's own default for electrostatics and dispersion."""
_DAMPING = 2.0
"""Å before that cutoff over which dispersion fades, as in the package's calculator."""
_ELEMENTS = 118
"""Of the network's one-hot inputs; most were never trained."""


@dataclass(frozen=True, eq=False)
class So3lr(ForeignModel):
    """See ``ForeignModel``; ``long_range``: Å, cutoff of electrostatics and dispersion."""

    head: tuple[str, ...] = ("atomic_energy_output_block.",)
    upper: tuple[str, ...] = ("euclidean_transformers.2.", "atomic_energy_output_block.")
    fixed: tuple[str, ...] = ("atomic_energy_output_block.energy_shifts",)
    stacked: tuple[str, ...] = ("W_q_inv", "W_k_inv", "W_v_inv", "W_q_ev", "W_k_ev")
    long_range: float = LONG_RANGE

    def energy_forces(self, weights: Params, batch: GraphBatch, training: bool) -> EnergyForces:
        """With ``weights`` in place of the module's own."""
        inputs = _inputs(batch, self.card.elements, self.long_range)
        with default_dtype(batch.positions.dtype):
            found = torch.func.functional_call(self.module, weights, (inputs,), {"training": training})
        return found["energy"], found["forces"]


def read_so3lr(dtype: torch.dtype, long_range: float = LONG_RANGE) -> So3lr:
    """The network with its weights, on this process's device.

    Raises:
        MfbenchError: the package is not installed.
    """
    public = PUBLIC_MODELS["so3lr"]
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # of other people's modules
            place = resources.files("so3krates_torch") / "pretrained" / "so3lr" / "so3lr.model"
            with resources.as_file(place) as path:
                module = torch.load(path, map_location="cpu", weights_only=False)
    except ModuleNotFoundError as error:
        raise MfbenchError(
            f"so3lr needs the module '{error.name}', which is not installed ({public.install})"
        ) from None
    module.r_max_lr, module.dispersion_energy_cutoff_lr_damping = long_range, _DAMPING
    module = module.to(device(), dtype).requires_grad_(False)
    return So3lr(public.card, module, float(module.r_max), long_range=long_range)


def _inputs(batch: GraphBatch, elements: tuple[int, ...], long_range: float) -> dict[str, torch.Tensor]:
    """What the network's forward pass reads."""
    positions = batch.positions.detach().clone()  # it calls requires_grad_ on them
    numbers = torch.tensor(elements, device=positions.device)[batch.elements.argmax(-1)]
    far = _pairs(positions, batch.configuration, long_range)
    atoms = torch.bincount(batch.configuration, minlength=len(batch))
    return {
        "positions": positions,
        "atomic_numbers": numbers,
        "node_attrs": torch.nn.functional.one_hot(numbers - 1, _ELEMENTS).to(positions),
        "edge_index": batch.edges,
        "shifts": positions.new_zeros(batch.edges.shape[1], 3),
        "edge_index_lr": far,
        "shifts_lr": positions.new_zeros(far.shape[1], 3),
        "cell": positions.new_zeros(3 * len(batch), 3),
        "batch": batch.configuration,
        "ptr": torch.cat([atoms.new_zeros(1), atoms.cumsum(0)]),
        "head": atoms.new_zeros(len(batch)),
        "total_charge": batch.charges[:, 0],
        "total_spin": batch.charges[:, 1] / 2,
    }


def _pairs(positions: torch.Tensor, configuration: torch.Tensor, r_max: float) -> torch.Tensor:
    """[2, E] all ordered pairs within a configuration that are closer than ``r_max``."""
    near = torch.cdist(positions, positions, compute_mode="donot_use_mm_for_euclid_dist") < r_max
    near &= configuration[:, None] == configuration
    return near.fill_diagonal_(False).nonzero().T
