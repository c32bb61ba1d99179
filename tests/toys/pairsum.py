"""A toy backbone: atoms see sums of the radial basis over their neighbours, element by element."""

import sys
from dataclasses import dataclass

from mfbench.learned.architectures.couplings import unit_normals
from mfbench.learned.architectures.registry import ArchitectureSpec
from mfbench.learned.architectures.shared_config import BaseConfig


@dataclass(frozen=True)
class PairsumConfig(BaseConfig):
    """The fields that all architectures have are enough."""


def initial_weights(config, seed):
    seen = len(config.elements) * (config.num_bessel + 1)
    shapes = {
        "body.weight": (seen, config.channels),
        "readouts.linear_1.weight": (config.channels, config.readout_width),
        "readouts.linear_2.weight": (config.readout_width, 1),
    }
    return unit_normals(shapes, seed)


SPEC = ArchitectureSpec(
    "pairsum",
    "sums over pairs; a toy",
    PairsumConfig,
    sys.modules[__name__],
    {"jax": "pairsum_jax", "torch": "pairsum_torch"},
)
