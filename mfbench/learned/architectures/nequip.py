"""Architecture and weights of a NequIP model: configuration, names and shapes, random initial values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfbench.learned.architectures.couplings import mlp_shapes, paths, unit_normals
from mfbench.learned.architectures.shared_config import BaseConfig

__all__ = ["NequipConfig", "degrees", "initial_weights", "parameter_shapes"]


@dataclass(frozen=True)
class NequipConfig(BaseConfig):
    """Architecture of one model (Batzner et al. 2022); ``dataclasses.asdict`` is JSON.

    Attributes:
        channels: multiplicity of every angular momentum of the features.
        l_max: largest angular momentum of features and harmonics, 1 or 2.
        num_interactions: layers, at least 2; the last one gives scalars.
        radial_mlp: widths of the hidden layers of the radial network.
        readout_width: scalars between the two linear maps of the readout.
        avg_num_neighbors: messages are divided by its root.
    """

    channels: int = 12
    l_max: int = 1
    num_interactions: int = 3
    radial_mlp: tuple[int, ...] = (32,)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.l_max not in (1, 2):
            raise ValueError("only l_max = 1 and 2 are implemented")
        if self.num_interactions < 2:
            raise ValueError("num_interactions must be at least 2")


def degrees(config: NequipConfig, t: int) -> tuple[int, int]:
    """Largest angular momentum that enters and leaves layer ``t``."""
    return (0 if t == 0 else config.l_max), (0 if t == config.num_interactions - 1 else config.l_max)


def parameter_shapes(config: NequipConfig) -> dict[str, tuple[int, ...]]:
    """Name → shape of every weight.

    Scalars that leave a layer are c channels, and c more for each higher angular momentum to be gated with.
    """
    c, z = config.channels, len(config.elements)
    shapes: dict[str, tuple[int, ...]] = {"node_embedding.weight": (z, c)}
    for t in range(config.num_interactions):
        l_in, l_out = degrees(config, t)
        mixed, block = paths(l_in, l_out, config.l_max), f"layers.{t}"
        shapes[f"{block}.linear_up.weight"] = (l_in + 1, c, c)
        shapes |= mlp_shapes(f"{block}.radial", (config.num_bessel, *config.radial_mlp, len(mixed) * c))
        for ell in range(l_out + 1):
            wide = (1 + l_out) * c if ell == 0 else c
            count = sum(path[2] == ell for path in mixed)
            shapes[f"{block}.linear.{ell}.weight"] = (count, c, wide)
            if ell <= l_in:
                shapes[f"{block}.self_connection.{ell}.weight"] = (z, c, wide)
    shapes["readouts.linear_1.weight"] = (c, config.readout_width)
    shapes["readouts.linear_2.weight"] = (config.readout_width, 1)
    return shapes


def initial_weights(config: NequipConfig, seed: int) -> dict[str, np.ndarray]:
    """Unit normals, with every normalisation in the network; the same in every backend."""
    return unit_normals(parameter_shapes(config), seed)
