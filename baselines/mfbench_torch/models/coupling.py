"""Products of features of angular momenta up to 2, with e3nn's Clebsch-Gordan coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch

from mfbench_torch.libraries import default_dtype, o3

__all__ = ["components", "couple", "harmonics"]

Components = list[list[torch.Tensor]]
"""For each angular momentum, its 2l + 1 components."""


@lru_cache
def _terms(a: int, b: int, c: int) -> tuple[tuple[tuple[int, int, float], ...], ...]:
    """For each component of the product: (component of each factor, coefficient).

    Normalised so that independent unit inputs give components of unit variance.
    """
    with default_dtype(torch.float64):
        table = o3.wigner_3j(a, b, c).double() * (2 * c + 1) ** 0.5
    return tuple(
        tuple((i, j, float(table[i, j, k])) for i, j in (table[:, :, k].abs() > 1e-9).nonzero().tolist())
        for k in range(2 * c + 1)
    )


def couple(
    x: Sequence[torch.Tensor], y: Sequence[torch.Tensor], path: tuple[int, int, int]
) -> list[torch.Tensor]:
    """The product of two features, each a list of components that broadcast against the other's."""
    made: list[Any] = [sum(value * (x[i] * y[j]) for i, j, value in terms) for terms in _terms(*path)]
    return made


def components(x: torch.Tensor) -> Components:
    """[(l_max + 1)², ...] → one list of components for each angular momentum."""
    found: Components = []
    begin = 0
    while begin < len(x):
        count = 2 * len(found) + 1
        found.append(list(x[begin : begin + count].unbind(0)))
        begin += count
    return found


def harmonics(u: torch.Tensor, l_max: int) -> Components:
    """Spherical harmonics of unit vectors [3, 2, T], each component [2, T].

    Not normalised again: directions are leaves, and how they turn is known (``Geometry.turn``).
    """
    degrees = list(range(l_max + 1))
    found = o3.spherical_harmonics(degrees, u.movedim(0, -1), normalize=False, normalization="component")
    return components(found.movedim(-1, 0))
