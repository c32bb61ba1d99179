"""What arrives at the atoms of one layer: sums over neighbours of features, harmonics and radial weights.

Harmonics do not depend on the channel, so the sum over an atom's slots comes first, as a product of two
small matrices per atom (harmonics times weighted features), and Clebsch-Gordan coefficients couple the
sums, of which there are some twenty times fewer than slots. Channels are the last axis.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from mfbench_jax.models.irreps import QUADRUPOLES
from mfbench_jax.models.slots import Slots

__all__ = ["Harmonics", "first_messages", "later_messages"]


_APART = 16
"""Channels from which on products are cheaper apart than what joins their factors."""


class Harmonics(NamedTuple):
    """Of the slots, zero in empty ones: [N * K, 1], [N * K, 3], [N * K, 5]; mean square 1 on the sphere."""

    zero: object
    one: object
    two: object


def first_messages(weight, radial, h, harmonics: Harmonics, slots: Slots, neighbours: float):
    """Scalars [N, c], vectors [N, 3, c] and quadrupoles [N, 5, c] at the atoms, in the first layer.

    Args:
        weight: [3, c, c], mixes the channels of l = 0, 1, 2.
        radial: three of [N * K, c].
        h: [N * K, c], the neighbours' scalars.
        harmonics, slots: of the batch.
        neighbours: what sums are divided by.
    """
    scale = 1.0 / (float(np.sqrt(h.shape[1])) * neighbours)
    sums = [slots.contract(y, w * h) for y, w in zip(harmonics, radial, strict=True)]
    scalars, vectors, quadrupoles = (x @ (scale * m) for x, m in zip(sums, weight, strict=True))
    return scalars[:, 0], vectors, quadrupoles


def later_messages(weight, radial, h, harmonics: Harmonics, slots: Slots, neighbours: float):
    """The same in later layers, from four of [N * K, c]: scalars, and x, y, z of the vectors.

    Paths (sender, edge, out) in mace's order: (0,0,0) (1,1,0) | (0,1,1) (1,0,1) (1,2,1) | (0,2,2) (1,1,2),
    each normalised so that independent unit inputs give components of unit variance; ``weight`` [7, c, c]
    and seven ``radial`` weights follow that order.
    """
    y0, y1, y2 = harmonics
    h0, *h1 = h
    plain, *own = _totals(slots, y0, [radial[0] * h0, *(radial[3] * x for x in h1)])
    inward, *outer = _totals(slots, y1, [radial[2] * h0, *(radial[6] * x for x in h1)])
    square, *turned = _totals(slots, y2, [radial[5] * h0, *(radial[4] * x for x in h1)])
    along = (slots.contract(y1[:, i : i + 1], radial[1] * h1[i])[:, 0] for i in range(3))
    scalars = [plain[:, 0], 3.0**-0.5 * sum(along)]
    vectors = [
        inward,
        jnp.concatenate(own, 1),
        0.6**0.5 * _coupled(np.moveaxis(QUADRUPOLES, 0, 1), turned),
    ]
    quadrupoles = [square, _coupled(QUADRUPOLES, outer)]
    return tuple(
        _mixed(found, weight[begin : begin + len(found)], neighbours)
        for found, begin in ((scalars, 0), (vectors, 2), (quadrupoles, 5))
    )


def _totals(slots: Slots, y, parts):
    """``slots.contract`` of ``y`` and each of the ``parts`` [N * K, c].

    Few channels are taken together: a product per atom costs about the same for 8 columns as for 32.
    """
    if parts[0].shape[1] >= _APART:
        return [slots.contract(y, x) for x in parts]
    return jnp.split(slots.contract(y, jnp.concatenate(parts, 1)), len(parts), 2)


def _coupled(table: np.ndarray, sums):
    """Σ_ij table[m, i, j] · component i of the harmonics · component j of the feature: [N, m, c].

    ``sums``: for each j, [N, i, c].
    """
    terms = [
        [float(table[m, i, j]) * sums[j][:, i] for i, j in np.argwhere(np.abs(table[m]) > 1e-12)]
        for m in range(len(table))
    ]
    return jnp.stack([sum(part) for part in terms], 1)


def _mixed(parts, weight, neighbours: float):
    """Channels of every path mixed, and the paths added up."""
    scale = 1.0 / (float(np.sqrt(len(parts) * weight.shape[1])) * neighbours)
    return sum(x @ (scale * w) for x, w in zip(parts, weight, strict=True))
