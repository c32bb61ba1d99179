"""What travels along the edges of one layer, and what arrives at the atoms.

Arrays are [channels, components, ...]: mixing channels is one matrix product. Everything of angular
momentum 2 is a symmetric traceless 3 x 3 tensor; its five spherical components are an orthonormal basis
of those, so sums of squares agree. A traceless symmetric part is linear: it is taken at the atoms, once,
and the edges send plain outer products.
"""

from __future__ import annotations

import torch

from mfbench_torch.models.graphs import GraphBatch

__all__ = ["Edges", "first_messages", "later_messages", "mix"]


def mix(weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Contract ``weight`` [in, out] with the leading axis of ``x`` [in, ...]: [out, ...]."""
    return (weight.T @ x.flatten(1)).view(weight.shape[1], *x.shape[1:])


class Edges:
    """The 2T directed edges of a batch, [2, T]: every pair seen from its first atom, then its second.

    Attributes:
        u: [3, 2, T], unit vector from the sender to the receiver.
    """

    def __init__(self, batch: GraphBatch, direction: torch.Tensor) -> None:
        self.sender, self.receiver = batch.edges
        self.atoms = len(batch.positions)
        self.u = torch.stack([direction, -direction], 1)

    def gather(self, x: torch.Tensor) -> torch.Tensor:
        """[..., N] → [..., 2, T]: what the senders hold."""
        # Flat, because indexing the last of two axes is ten times faster than the last of three.
        return x.flatten(0, -2).index_select(1, self.sender).view(*x.shape[:-1], *self.u.shape[1:])

    def scatter(self, x: torch.Tensor) -> torch.Tensor:
        """[..., 2, T] → [..., N]: sums over the edges that arrive at each atom."""
        rows = x.flatten(-2).flatten(0, -2)
        sums = rows.new_zeros(len(rows), self.atoms).index_add(1, self.receiver, rows)
        return sums.view(*x.shape[:-2], self.atoms)


def first_messages(
    weight: torch.Tensor, radial: torch.Tensor, h: torch.Tensor, edges: Edges, neighbours: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """First layer: scalars [c, N], vectors [c, 3, N] and tensors [c, 3, 3, N] at the atoms.

    Args:
        weight: [3, c, c], mixes channels.
        radial: [3, c, T].
        h: [c, N], scalar features.
        edges: their geometry.
        neighbours: ``avg_num_neighbors``.
    """
    c, u = len(h), edges.u
    s0, s1, s2 = (radial[:, :, None] * edges.gather(h)).unbind(0)
    weight = weight / (c**0.5 * neighbours)
    m0, m1, m2 = weight.unbind(0)
    square = (u[:, None] * u[None]).view(9, *u.shape[1:])
    scalar = mix(m0, edges.scatter(s0))
    vector = mix(3**0.5 * m1, edges.scatter(s1[:, None] * u))
    tensor = mix(7.5**0.5 * m2, edges.scatter(s2[:, None] * square))
    return scalar, vector, traceless(tensor)


def later_messages(
    weight: torch.Tensor, radial: torch.Tensor, h: torch.Tensor, edges: Edges, neighbours: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Later layers, as ``first_messages``, from scalar and vector features.

    Paths (sender, edge, out) in mace's order: (0,0,0) (1,1,0) | (0,1,1) (1,0,1) (1,2,1) | (0,2,2)
    (1,1,2), each normalised so that independent unit inputs give components of unit variance.

    Args:
        weight: [7, c, c].
        radial: [7, c, T].
        h: [c, 4, N]: scalars, then x, y, z.
        edges, neighbours: as above.
    """
    c, u = len(h), edges.u
    w = radial[:, :, None, None].unbind(0)
    m = (weight / (c**0.5 * neighbours)).unbind(0)
    h0, h1 = edges.gather(h).split((1, 3), 1)
    along = (h1 * u).sum(1, keepdim=True)
    scalar = mix(0.5**0.5 * m[0], w[0] * h0) + mix(0.5**0.5 * m[1], w[1] * along)
    vector = (
        u * mix(m[2], w[2] * h0)
        + mix(3**-0.5 * m[3], w[3] * h1)
        + mix(1.5**0.5 * m[4], w[4] * (u * along - h1 / 3.0))
    )
    tensor = u * mix((7.5 / 2) ** 0.5 * m[5], w[5] * h0) + mix(1.5**0.5 * m[6], w[6] * h1)
    outer = (tensor[:, :, None] * u).flatten(1, 2)
    return edges.scatter(scalar)[:, 0], edges.scatter(vector), traceless(edges.scatter(outer))


def traceless(tensor: torch.Tensor) -> torch.Tensor:
    """Symmetric traceless part of [c, 9, N]: [c, 3, 3, N]."""
    c, _, n = tensor.shape
    t = tensor.view(c, 3, 3, n)
    trace = (t[:, 0, 0] + t[:, 1, 1] + t[:, 2, 2]) / 3.0
    eye = torch.eye(3, dtype=t.dtype, device=t.device)[:, :, None]
    return 0.5 * (t + t.transpose(1, 2)) - eye * trace[:, None, None]
