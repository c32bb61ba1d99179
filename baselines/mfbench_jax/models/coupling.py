"""Products of features of angular momenta up to 2, with e3nn's Clebsch-Gordan coefficients.

Sums over components are written out: each term is one pass over contiguous memory, and its derivatives
contain no reductions over short axes, which compilers for CPUs handle badly.
"""

from __future__ import annotations

from functools import lru_cache

import jax.numpy as jnp
import numpy as np

from mfbench_jax.models.edges import Edges
from mfbench_jax.models.radial import mix

__all__ = ["components", "couple", "harmonics", "mix_components"]


@lru_cache
def _terms(a: int, b: int, c: int) -> tuple[tuple[tuple[int, int, float], ...], ...]:
    """For each component of the product: (component of each factor, coefficient).

    Normalised so that independent unit inputs give components of unit variance.
    """
    import e3nn_jax  # imports sympy, which only these two architectures shall pay for

    table = np.asarray(e3nn_jax.clebsch_gordan(a, b, c), np.float64) * np.sqrt(2 * c + 1)
    return tuple(
        tuple((i, j, float(table[i, j, k])) for i, j in np.argwhere(np.abs(table[:, :, k]) > 1e-9))
        for k in range(2 * c + 1)
    )


def couple(x, y, path: tuple[int, int, int]):
    """The product of two features, each a list of components of like shape."""
    return [sum(value * (x[i] * y[j]) for i, j, value in terms) for terms in _terms(*path)]


def components(x):
    """[B, (l_max + 1)², ...] → one list of components for each angular momentum."""
    found, begin = [], 0
    while begin < x.shape[1]:
        count = 2 * len(found) + 1
        found.append([x[:, begin + k] for k in range(count)])
        begin += count
    return found


def harmonics(edges: Edges, l_max: int, channels: int):
    """Spherical harmonics of the directed edges, as ``components``, each [B, channels, 2T].

    Copied over the channels, not broadcast: see above for the derivatives.
    """
    one = jnp.ones_like(edges.u[:, :1])
    parts = [one, float(np.sqrt(3.0)) * edges.u, edges.y2][: l_max + 1]
    rows = [x[:, k : k + 1] for x in parts for k in range(x.shape[1])]
    return components(jnp.stack([jnp.concatenate([row] * channels, 1) for row in rows], 1))


def mix_components(weight, x):
    """``mix`` of [in, out] over the axis -2 of [B, m, in, T]: [B, m, out, T]."""
    b, m, c, t = x.shape
    return mix(weight, x.reshape(b * m, c, t)).reshape(b, m, -1, t)
