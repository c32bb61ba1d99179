"""Architecture and weights of an Allegro model: configuration, names and shapes, random initial values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfbench.learned.config_parts import FromDict, checked_elements
from mfbench.learned.couplings import mlp_shapes, paths, unit_normals

__all__ = ["AllegroConfig", "initial_weights", "parameter_shapes"]


@dataclass(frozen=True)
class AllegroConfig(FromDict):
    """Architecture of one model (Musaelian et al. 2023); ``dataclasses.asdict`` is JSON.

    Attributes:
        elements: atomic numbers that the model knows, ascending.
        r_max: cutoff radius, Å: no atom feels another one beyond it.
        num_bessel, cutoff_power: radial basis size; exponent p of the polynomial cutoff.
        channels: multiplicity of every angular momentum of the tensor features of an edge.
        l_max: largest angular momentum, 1 or 2.
        num_layers: tensor products; the last one gives scalars.
        two_body_mlp: widths of the hidden layers of the two-body network.
        latent: scalars of an edge.
        readout_width: scalars between the two linear maps of the readout.
        avg_num_neighbors: sums over edges are divided by its root.
        scale, shift: eV; node energy = scale * output + shift.
    """

    elements: tuple[int, ...] = (1, 6, 7, 8, 16)
    r_max: float = 4.5
    num_bessel: int = 8
    cutoff_power: int = 5
    channels: int = 8
    l_max: int = 1
    num_layers: int = 2
    two_body_mlp: tuple[int, ...] = (32,)
    latent: int = 32
    readout_width: int = 16
    avg_num_neighbors: float = 14.0
    scale: float = 1.0
    shift: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "elements", checked_elements(self.elements))
        object.__setattr__(self, "two_body_mlp", tuple(int(w) for w in self.two_body_mlp))
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
