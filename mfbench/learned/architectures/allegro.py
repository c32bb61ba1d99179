"""Architecture and weights of an Allegro model: configuration, names and shapes, random initial values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfbench.learned.architectures.couplings import mlp_shapes, paths, unit_normals
from mfbench.learned.architectures.shared_config import BaseConfig

__all__ = ["AllegroConfig", "initial_weights", "parameter_shapes"]


@dataclass(frozen=True)
class AllegroConfig(BaseConfig):
    """Architecture of one model (Musaelian et al. 2023); ``dataclasses.asdict`` is JSON.

    Attributes:
        channels: multiplicity of every angular momentum of the tensor features of an edge.
        l_max: largest angular momentum, 1 or 2.
        num_layers: tensor products; the last one gives scalars.
        two_body_mlp: widths of the hidden layers of the two-body network.
        latent: scalars of an edge.
        readout_width: scalars between the two linear maps of the readout.
        avg_num_neighbors: sums over edges are divided by its root.
    """

    l_max: int = 1
    num_layers: int = 2
    two_body_mlp: tuple[int, ...] = (32,)
    latent: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.l_max not in (1, 2):
            raise ValueError("only l_max = 1 and 2 are implemented")
        if self.num_layers < 1:
            raise ValueError("num_layers must be at least 1")


def parameter_shapes(config: AllegroConfig) -> dict[str, tuple[int, ...]]:
    """Name → shape of every weight."""
    c, x, degrees = config.channels, config.latent, config.l_max + 1
    start = 2 * len(config.elements) + config.num_bessel
    shapes = mlp_shapes("two_body", (start, *config.two_body_mlp, x))
    shapes["tensor_embedding.weight"] = (degrees, x, c)
    for t in range(config.num_layers):
        block, l_out = f"layers.{t}", 0 if t == config.num_layers - 1 else config.l_max
        shapes[f"{block}.environment.weight"] = (degrees, x, c)
        if l_out:
            mixed = paths(config.l_max, l_out, config.l_max)
            shapes[f"{block}.path_weights"] = (len(mixed), c)
            shapes[f"{block}.linear.weight"] = (degrees, c, c)
        shapes |= mlp_shapes(f"{block}.latent", (x + degrees * c, x, x))
    shapes["readouts.linear_1.weight"] = (x, config.readout_width)
    shapes["readouts.linear_2.weight"] = (config.readout_width, 1)
    return shapes


def initial_weights(config: AllegroConfig, seed: int) -> dict[str, np.ndarray]:
    """Unit normals, with every normalisation in the network; the same in every backend."""
    return unit_normals(parameter_shapes(config), seed)
