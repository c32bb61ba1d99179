"""What travels along the directed edges of one layer: products of features, harmonics and radial weights.

Sums over the three or five components are written out: each line is one pass over contiguous
memory, and its derivatives contain no reductions over short axes, which compilers for CPUs handle
badly.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

__all__ = ["message_mixer", "messages", "messages_from_scalars"]

ROOT3, HALF, SIXTH = float(np.sqrt(3.0)), float(np.sqrt(0.5)), float(np.sqrt(1.0 / 6.0))


def _components(x, c: int):
    """[B, k, T] -> k arrays [B, c, T]. Copied, not broadcast: see above for the derivatives."""
    return [jnp.concatenate([x[:, k : k + 1]] * c, 1) for k in range(x.shape[1])]


def messages_from_scalars(radial, h, u, y2):
    """First layer. radial [B, 3, c, T], h [B, c, T], u [B, 3, T], y2 [B, 5, T]: [B, 9 c, T].

    Components in the order of l = 0, 1, 2; u points from the sender to the receiver.
    """
    c = h.shape[1]
    w0, w1, w2 = radial[:, 0] * h, (ROOT3 * radial[:, 1]) * h, radial[:, 2] * h
    vectors = [w1 * x for x in _components(u, c)]
    return jnp.concatenate([w0, *vectors, *(w2 * y for y in _components(y2, c))], 1)


def messages(radial, h, u, y2):
    """Later layers. radial [B, 7, c, T], h [B, 4, c, T] (scalars, then x, y, z): [B, 21 c, T].

    Paths (sender, edge, out) in mace's order: (0,0,0) (1,1,0) | (0,1,1) (1,0,1) (1,2,1) | (0,2,2)
    (1,1,2), each normalised so that independent unit inputs give components of unit variance.
    """
    c = h.shape[2]
    h0, hx, hy, hz = (h[:, k] for k in range(4))
    ux, uy, uz = _components(u, c)
    w = [radial[:, p] for p in range(7)]
    xx, yy, zz = hx * ux, hy * uy, hz * uz
    along = xx + yy + zz
    w011, w022 = ROOT3 * w[2] * h0, w[5] * h0
    # The l = 2 harmonics of the edge, applied to a vector: (3 / sqrt 2) (u (u.h) - h / 3).
    w121 = float(3.0 / np.sqrt(2.0)) * w[4]
    wu, wh = w121 * along, w121 * float(1.0 / 3.0)
    q, r = (ROOT3 * HALF) * w[6], (ROOT3 * SIXTH) * w[6]
    return jnp.concatenate(
        [
            w[0] * h0,
            w[1] * along,
            *(w011 * ux, w011 * uy, w011 * uz),
            *(w[3] * hx, w[3] * hy, w[3] * hz),
            *(wu * ux - wh * hx, wu * uy - wh * hy, wu * uz - wh * hz),
            *(w022 * y for y in _components(y2, c)),
            q * (hx * uz + hz * ux),
            q * (hx * uy + hy * ux),
            r * (2.0 * yy - xx - zz),
            q * (hy * uz + hz * uy),
            q * (zz - xx),
        ],
        1,
    )


def message_mixer(weight, avg_num_neighbors: float):
    """Channel mixing of every path, [paths, c, c], as one matrix [M c, 9 c]; M = 9 or 21 components.

    Holds e3nn's path normalisation and the division by ``avg_num_neighbors``.
    """
    paths, c, _ = weight.shape
    degrees = (0, 1, 2) if paths == 3 else (0, 0, 1, 1, 1, 2, 2)
    selector = np.zeros((paths, sum(2 * ell + 1 for ell in degrees), 9))
    row = 0
    for p, ell in enumerate(degrees):
        norm = 1.0 / (np.sqrt(degrees.count(ell) * c) * avg_num_neighbors)
        for m in range(2 * ell + 1):
            selector[p, row, ell * ell + m] = norm
            row += 1
    matrix = jnp.einsum("pcd,pxy->xcyd", weight, jnp.asarray(selector, weight.dtype))
    return matrix.reshape(row * c, 9 * c)
