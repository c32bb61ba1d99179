"""mace-torch's ScaleShiftMACE for one of our configurations, built by its own constructor, eager."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import torch

from mfbench.learned.mace_weights import MaceConfig
from mfbench_torch.libraries import default_dtype, e3nn_options, mace_modules, o3

__all__ = ["Interaction", "build", "network"]


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


class Interaction(torch.nn.Module):
    """The part of a ScaleShiftMACE between the tables of the edges and the interaction energy."""

    def __init__(self, mace: torch.nn.Module) -> None:
        super().__init__()
        self.mace = mace

    def forward(
        self,
        harmonics: torch.Tensor,
        radial: torch.Tensor,
        elements: torch.Tensor,
        edges: torch.Tensor,
        configuration: torch.Tensor,
        count: int,
    ) -> torch.Tensor:
        """Interaction energies [count] in eV; shapes as in ``GraphBatch``."""
        mace = self.mace
        heads = torch.zeros_like(configuration)
        features = mace.node_embedding(elements)
        outputs = 0.0
        for interaction, product, readout in zip(
            mace.interactions, mace.products, mace.readouts, strict=True
        ):
            message, own = interaction(
                node_attrs=elements,
                node_feats=features,
                edge_attrs=harmonics,
                edge_feats=radial,
                edge_index=edges,
                first_layer=interaction is mace.interactions[0],
            )
            features = product(node_feats=message, sc=own, node_attrs=elements)
            outputs = outputs + readout(features, heads)[:, 0]
        atoms = mace.scale_shift(outputs, heads)
        return torch.zeros(count, dtype=atoms.dtype).index_add(0, configuration, atoms)


@lru_cache(maxsize=8)
def network(config: MaceConfig, dtype: torch.dtype) -> Interaction:
    """Built once per architecture and dtype; only its structure is used, weights come with each call."""
    return Interaction(build(config, dtype)).requires_grad_(False)
