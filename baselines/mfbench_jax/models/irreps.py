"""Closed forms for angular momenta 0, 1 and 2 in e3nn's real basis ("component" normalisation).

Everything with l = 2 follows from one orthonormal set of five symmetric traceless 3 x 3 matrices Q_m:
the spherical harmonics are Y_2m(u) = sqrt(15/2) u.Q_m.u, and the Wigner 3j symbol (1, 1, 2) is
Q_m / sqrt(5). Source of the convention: e3nn 0.4 (y is the polar axis, l = 1 is ordered x, y, z).
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

__all__ = ["QUADRUPOLES", "harmonics_2", "quadrupole_of", "vector_of"]


def _quadrupoles() -> np.ndarray:
    q = np.zeros((5, 3, 3))
    x, y, z = range(3)
    for m, (i, j) in {0: (x, z), 1: (x, y), 3: (y, z)}.items():
        q[m, i, j] = q[m, j, i] = np.sqrt(0.5)
    q[2] = np.diag([-1.0, 2.0, -1.0]) / np.sqrt(6.0)
    q[4] = np.diag([-1.0, 0.0, 1.0]) / np.sqrt(2.0)
    return q


QUADRUPOLES = _quadrupoles()
"""[5, 3, 3]: Q_m, with sum_ij Q_m,ij Q_n,ij = delta_mn."""


def quadrupole_of(a, b, axis: int):
    """The five components a.Q_m.b, from the Cartesian axis ``axis`` (length 3) of ``a`` and ``b``.

    The other axes broadcast; the result has length 5 along ``axis``. Written out, because sums of a
    few products over contiguous memory are what compilers vectorise best.
    """
    ax, ay, az = (jnp.take(a, i, axis) for i in range(3))
    bx, by, bz = (jnp.take(b, i, axis) for i in range(3))
    half, sixth = float(np.sqrt(0.5)), float(np.sqrt(1.0 / 6.0))
    xx, yy, zz = ax * bx, ay * by, az * bz
    return jnp.stack(
        [
            half * (ax * bz + az * bx),
            half * (ax * by + ay * bx),
            sixth * (2.0 * yy - xx - zz),
            half * (ay * bz + az * by),
            half * (zz - xx),
        ],
        axis,
    )


def vector_of(q, a, axis: int):
    """The vector sum_m q_m Q_m a: ``q`` has length 5 along ``axis``, ``a`` has length 3."""
    q0, q1, q2, q3, q4 = (jnp.take(q, i, axis) for i in range(5))
    ax, ay, az = (jnp.take(a, i, axis) for i in range(3))
    half, sixth = float(np.sqrt(0.5)), float(np.sqrt(1.0 / 6.0))
    q0, q1, q3, q4, q2 = half * q0, half * q1, half * q3, half * q4, sixth * q2
    return jnp.stack(
        [
            q1 * ay + q0 * az - (q2 + q4) * ax,
            q1 * ax + q3 * az + 2.0 * q2 * ay,
            q0 * ax + q3 * ay + (q4 - q2) * az,
        ],
        axis,
    )


def harmonics_2(u, axis: int):
    """Y_2m of unit vectors ``u`` (length 3 along ``axis``), mean square 1 on the sphere."""
    return float(np.sqrt(7.5)) * quadrupole_of(u, u, axis)
