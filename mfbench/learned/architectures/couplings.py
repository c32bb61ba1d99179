"""Which angular momenta couple in NequIP and Allegro, and how their weights are drawn.

Features have natural parity, (-1)^l: those of the spherical harmonics and all their products that keep it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

__all__ = ["mlp_shapes", "paths", "unit_normals"]


def paths(l_in: int, l_out: int, l_edge: int) -> list[tuple[int, int, int]]:
    """(l of the feature, of the other factor, of the product), ordered by the product's l.

    Args:
        l_in, l_out, l_edge: largest angular momentum of the feature, the product and the other factor.
    """
    return [
        (a, b, c)
        for c in range(l_out + 1)
        for a in range(l_in + 1)
        for b in range(l_edge + 1)
        if abs(a - b) <= c <= a + b and (a + b + c) % 2 == 0
    ]


def mlp_shapes(name: str, widths: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Name → shape [in, out] of the layers of a network without biases."""
    return {f"{name}.layer{k}.weight": pair for k, pair in enumerate(pairwise(widths))}


def unit_normals(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, np.ndarray]:
    """Random float32 weights of unit variance: every normalisation is in the network."""
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
