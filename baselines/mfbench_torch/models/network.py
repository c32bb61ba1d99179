"""mace-torch's own networks: the reference that ours is tested against, and what is deployed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from mfbench.errors import CheckpointError
from mfbench.learned.architectures.mace import MaceConfig
from mfbench_torch.libraries import default_dtype, e3nn_options, mace_modules, o3
from mfbench_torch.models.graphs import GraphBatch

__all__ = ["build", "heads_of", "mace_inputs", "read_model"]


def build(
    config: MaceConfig,
    dtype: torch.dtype,
    atomic_energies: Mapping[int, float] | None = None,
    *,
    eager: bool = True,
) -> torch.nn.Module:
    """A ScaleShiftMACE with random weights; ``atomic_energies`` (eV) are zero where not given.

    Eager is as fast as TorchScript here, and other packages' higher-order gradients need it; what is
    deployed is scripted, as mace saves it.
    """
    block = mace_modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
    e0 = np.array([(atomic_energies or {}).get(z, 0.0) for z in config.elements])
    c = config.channels
    with default_dtype(torch.float64), e3nn_options(jit_script_fx=not eager), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript's, about mace's annotations
        model = mace_modules.ScaleShiftMACE(
            atomic_inter_scale=config.scale,
            atomic_inter_shift=config.shift,
            r_max=config.r_max,
            num_bessel=config.num_bessel,
            num_polynomial_cutoff=config.cutoff_power,
            max_ell=config.max_ell,
            interaction_cls=block,
            interaction_cls_first=block,
            num_interactions=config.num_interactions,
            num_elements=len(config.elements),
            hidden_irreps=o3.Irreps(f"{c}x0e+{c}x1o"),
            MLP_irreps=o3.Irreps(f"{config.readout_width}x0e"),
            atomic_energies=e0,
            avg_num_neighbors=config.avg_num_neighbors,
            atomic_numbers=list(config.elements),
            correlation=config.correlation,
            gate=torch.nn.functional.silu,
            radial_MLP=list(config.radial_mlp),
            use_reduced_cg=False,
        )
    return model.to(dtype)


def heads_of(model: torch.nn.Module) -> list[str]:
    """Names of a mace-torch network's heads; older networks have one without a name."""
    return [str(name) for name in getattr(model, "heads", None) or ["Default"]]


def mace_inputs(batch: GraphBatch, head: int = 0) -> dict[str, torch.Tensor]:
    """What the forward pass of a mace-torch model reads; ``head``: which one, where there are several."""
    zero = batch.positions.new_zeros(batch.edges.shape[1], 3)
    atoms = torch.bincount(batch.configuration, minlength=len(batch))
    return {
        # mace calls requires_grad_ on the positions it is given: hand it a fresh tensor.
        "positions": batch.positions.detach().clone(),
        "node_attrs": batch.elements,
        "edge_index": batch.edges,
        "shifts": zero,
        "unit_shifts": zero,
        "cell": zero.new_zeros(3 * len(batch), 3),
        "batch": batch.configuration,
        "head": atoms.new_full((len(batch),), head),
        "ptr": torch.cat([atoms.new_zeros(1), atoms.cumsum(0)]),
    }


def read_model(path: Path, *, trust_pickle: bool) -> torch.nn.Module:
    """A mace-torch network from a ``.model`` file, on the CPU.

    Raises:
        CheckpointError: it is missing or damaged, holds something else, or is not trusted.
    """
    if not trust_pickle:
        raise CheckpointError(
            f"{path} is a pickle, and reading one runs the code in it: "
            "if you trust where it comes from, add --trust-pickle"
        )
    try:
        model = torch.load(path, map_location="cpu", weights_only=False)
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist") from None
    except Exception as error:
        raise CheckpointError(f"{path} cannot be read as a .model ({type(error).__name__})") from None
    if not isinstance(model, mace_modules.ScaleShiftMACE):
        raise CheckpointError(f"{path} holds a {type(model).__name__}, not a ScaleShiftMACE")
    return model
