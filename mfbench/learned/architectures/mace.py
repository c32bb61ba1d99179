"""Architecture and weights of a MACE model: configuration, names and shapes, random initial values."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mfbench.learned.architectures.shared_config import BaseConfig

__all__ = ["MaceConfig", "initial_weights", "parameter_shapes"]


@dataclass(frozen=True)
class MaceConfig(BaseConfig):
    """Architecture of one model; plain numbers and tuples, so ``dataclasses.asdict`` is JSON.

    Attributes:
        channels: multiplicity of hidden scalars and of hidden vectors.
        max_l_hidden, max_ell, correlation: only 1, 2 and 2 are implemented.
        num_interactions: message-passing layers, at least 2.
        radial_mlp: widths of the hidden layers of the radial network.
        readout_width: scalars in the last readout (mace's MLP_irreps).
        avg_num_neighbors: messages are divided by it.
        charge_inputs: whether the network is told the total charge and the number of unpaired electrons:
            each adds, in proportion, a learned vector per element to the atoms' first features. The
            ScaleShiftMACE of mace-torch has no such inputs, so these networks do not convert.
    """

    max_l_hidden: int = 1
    max_ell: int = 2
    correlation: int = 2
    num_interactions: int = 2
    radial_mlp: tuple[int, ...] = (32, 32)
    charge_inputs: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.max_l_hidden, self.max_ell, self.correlation) != (1, 2, 2):
            raise ValueError("only max_l_hidden=1, max_ell=2, correlation=2 are implemented")
        if self.num_interactions < 2:
            raise ValueError("num_interactions must be at least 2")


def parameter_shapes(config: MaceConfig) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every weight. Raveled in C order, each is mace-torch's tensor of that name, but for
    ``charge_embedding.weight``, which it does not have."""
    c, z = config.channels, len(config.elements)
    shapes: dict[str, tuple[int, ...]] = {"node_embedding.linear.weight": (z, c)}
    for t in range(config.num_interactions):
        first, last = t == 0, t == config.num_interactions - 1
        paths, irreps = (3 if first else 7), (1 if last else 2)
        i, p = f"interactions.{t}", f"products.{t}"
        shapes[f"{i}.linear_up.weight"] = (1 if first else 2, c, c)
        widths = (config.num_bessel, *config.radial_mlp, paths * c)
        for k, (w_in, w_out) in enumerate(pairwise(widths)):
            shapes[f"{i}.conv_tp_weights.layer{k}.weight"] = (w_in, w_out)
        shapes[f"{i}.linear.weight"] = (paths, c, c)
        shapes[f"{i}.skip_tp.weight"] = (1 if first else irreps, c, z, c)
        for ell in range(irreps):
            s = f"{p}.symmetric_contractions.contractions.{ell}"
            shapes[f"{s}.weights_max"] = (z, 3 + ell, c)
            shapes[f"{s}.weights.0"] = (z, 1, c)
        shapes[f"{p}.linear.weight"] = (irreps, c, c)
        if not last:
            shapes[f"readouts.{t}.linear.weight"] = (c, 1)
    r = f"readouts.{config.num_interactions - 1}"
    shapes[f"{r}.linear_1.weight"] = (c, config.readout_width)
    shapes[f"{r}.linear_2.weight"] = (config.readout_width, 1)
    if config.charge_inputs:
        shapes["charge_embedding.weight"] = (2, z, c)
    return shapes


def initial_weights(config: MaceConfig, seed: int) -> dict[str, np.ndarray]:
    """Random float32 weights, distributed as mace-torch draws them.

    Unit normals, with every normalisation in the network; contraction weights are divided by their number
    of paths. NumPy draws them, so a seed means the same weights in every backend.
    """
    rng = np.random.default_rng(seed)
    params = {}
    for name, shape in parameter_shapes(config).items():
        value = rng.standard_normal(shape)
        if ".symmetric_contractions." in name:
            value = value / shape[1]
        params[name] = value.astype(np.float32)
    return params
