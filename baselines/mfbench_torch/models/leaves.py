"""What a network reads of the geometry: the tensors that forces are derivatives in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from mfbench_torch.models.geometry import Geometry

__all__ = ["Leaves", "geometry_leaves", "no_forces"]


@dataclass(frozen=True, eq=False)
class Leaves:
    """Tensors that depend on the positions.

    Attributes:
        tensors: what the network reads.
        to_pairs: derivatives of a scalar in ``tensors`` → its derivative in the pair vectors [3, T].
    """

    tensors: tuple[torch.Tensor, ...]
    to_pairs: Callable[[Sequence[torch.Tensor]], torch.Tensor]


def geometry_leaves(geometry: Geometry, *, forces: bool) -> Leaves:
    """Directions [3, T], radial basis [num_bessel, T] and cutoff [T]; fresh leaves for ``forces``."""
    parts = (geometry.direction, geometry.radial[:, 0], geometry.cutoff[0])
    if not forces:
        return Leaves(parts, no_forces)
    tensors = tuple(x.detach().clone().requires_grad_() for x in parts)

    def to_pairs(pulls: Sequence[torch.Tensor]) -> torch.Tensor:
        turn, basis, cutoff = pulls
        along = (basis * geometry.radial[:, 1]).sum(0) + cutoff * geometry.cutoff[1]
        return geometry.direction * along + (geometry.turn * turn).sum(1)

    return Leaves(tensors, to_pairs)


def no_forces(pulls: Sequence[torch.Tensor]) -> torch.Tensor:
    """``to_pairs`` of leaves that serve energies alone."""
    raise AssertionError("these leaves were made for energies alone")
