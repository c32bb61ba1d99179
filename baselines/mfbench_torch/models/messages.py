"""What travels along the edges of one layer, and what arrives at the atoms.

Arrays are [channels, components, ...]: mixing channels is one matrix product. Everything of angular
momentum 2 is a symmetric traceless 3 x 3 tensor; its five spherical components are an orthonormal basis
of those, so sums of squares agree. A traceless symmetric part is linear: it is taken at the atoms, once,
and the edges send plain outer products.
"""

from __future__ import annotations

import torch

from mfbench_torch.models.edges import Edges

__all__ = ["LATER", "Arrived", "Edges", "first_messages", "later_messages", "mix"]

Arrived = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""At the atoms: scalars [c, N], vectors [c, 3, N], symmetric traceless tensors [c, 9, N]."""

LATER = (0, 1, 2, 4, 3, 4, 5, 6)
"""The path of each radial row of ``later_messages``: (1,2,1) has two terms; equal inputs are neighbours.

Paths (sender, edge, out) in mace's order: (0,0,0) (1,1,0) | (0,1,1) (1,0,1) (1,2,1) | (0,2,2) (1,1,2).
"""
# Each path is normalised so that independent unit inputs give components of unit variance.
_FIRST_NORM = (1.0, 3**0.5, 7.5**0.5)
_LATER_NORM = (0.5**0.5, 0.5**0.5, 1.0, 1.5**0.5, 3**-0.5, -(1.5**0.5) / 3.0, 3.75**0.5, 1.5**0.5)
_UPPER = ((0, 1, 2, 0, 0, 1), (0, 1, 2, 1, 2, 2))


def _traceless() -> torch.Tensor:
    """[9, 9]: symmetric traceless part of a flat 3 x 3 matrix."""
    one = torch.eye(9, dtype=torch.float64).view(3, 3, 3, 3)
    trace = torch.einsum("ij,kl->ijkl", *[torch.eye(3, dtype=torch.float64)] * 2) / 3.0
    return ((one + one.transpose(0, 1)) / 2.0 - trace).reshape(9, 9)


_TRACELESS = _traceless()
# The same from the six products of a vector with itself.
_FROM_UPPER = torch.stack(
    [
        _TRACELESS.view(9, 3, 3)[:, i, j] + (i != j) * _TRACELESS.view(9, 3, 3)[:, j, i]
        for i, j in zip(*_UPPER, strict=True)
    ],
    1,
)


def mix(weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Contract ``weight`` [in, out] with the leading axis of ``x`` [in, ...]: [out, ...]."""
    return (weight.T @ x.flatten(1)).view(weight.shape[1], *x.shape[1:])


def first_messages(
    weight: torch.Tensor, radial: torch.Tensor, h: torch.Tensor, edges: Edges, neighbours: float
) -> Arrived:
    """First layer.

    Args:
        weight: [3, c, c], mixes channels.
        radial: [3, c, T].
        h: [c, N], scalar features.
        edges: their geometry.
        neighbours: ``avg_num_neighbors``.
    """
    u = edges.u
    s0, s1, s2 = (radial[:, :, None] * edges.gather(h)).unbind(0)
    m0, m1, m2 = _mixers(weight, (0, 1, 2), _FIRST_NORM, neighbours)
    first, second = _UPPER
    scalar = mix(m0, edges.scatter(s0))
    vector = mix(m1, edges.scatter(s1[:, None] * u))
    square = mix(m2, edges.scatter(s2[:, None] * (u[list(first)] * u[list(second)])))
    return scalar, vector, torch.matmul(_FROM_UPPER.to(u), square)


def later_messages(
    weight: torch.Tensor, radial: torch.Tensor, h: torch.Tensor, edges: Edges, neighbours: float
) -> Arrived:
    """Later layers, from scalar and vector features.

    Args:
        weight: [7, c, c].
        radial: [8, c, T], rows as in ``LATER``.
        h: [c, 4, N]: scalars, then x, y, z.
        edges, neighbours: as above.
    """
    u = edges.u
    w_scalar, w_inward, w_own, w_square, w_outer = radial[:, :, None, None].split((2, 2, 2, 1, 1))
    m = _mixers(weight, LATER, _LATER_NORM, neighbours)
    h0, h1 = edges.gather(h).split((1, 3), 1)
    both = torch.cat([h0, (h1 * u).sum(1, keepdim=True)])  # [2 c, 1, 2, T]
    scalar = mix(torch.cat(m[0:2]), w_scalar.flatten(0, 1) * both)
    inward = mix(torch.cat(m[2:4]), w_inward.flatten(0, 1) * both)
    vector = torch.addcmul(mix(torch.cat(m[4:6]), (w_own * h1).flatten(0, 1)), u, inward)
    tensor = torch.addcmul(mix(m[7], w_outer[0] * h1), u, mix(m[6], w_square[0] * h0))
    outer = (tensor[:, :, None] * u).flatten(1, 2)
    tensors = torch.matmul(_TRACELESS.to(u), edges.scatter(outer))
    return edges.scatter(scalar)[:, 0], edges.scatter(vector), tensors


def _mixers(
    weight: torch.Tensor, rows: tuple[int, ...], norms: tuple[float, ...], neighbours: float
) -> tuple[torch.Tensor, ...]:
    """[c, c] for each row."""
    scale = weight.new_tensor(norms) / (weight.shape[-1] ** 0.5 * neighbours)
    return (weight[list(rows)] * scale[:, None, None]).unbind(0)
