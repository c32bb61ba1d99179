"""Numerical integration that keeps the orbitals' values on the grid from one SCF cycle to the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pyscf.dft.numint import NumInt

__all__ = ["CachedNumInt"]


_Block = tuple[Any, Any, Any, Any]
"""Values of the basis functions on some points, their mask, weights and coordinates."""


class CachedNumInt(NumInt):  # type: ignore[misc]  # PySCF has no types
    """PySCF's integrator for one molecule at a time: the values and first derivatives of the basis
    functions are computed once per grid. 4 × grid points × functions × 8 bytes, 1-2 GB at 20 atoms."""

    _grid: object = None
    _blocks: list[_Block] = []  # noqa: RUF012  # replaced, never changed in place
    _deriv: int = -1

    def block_loop(
        self, mol: Any, grids: Any, nao: Any = None, deriv: int = 0, *args: Any, **kwargs: Any
    ) -> Iterator[_Block]:
        """As ``NumInt.block_loop``; blocks up to first derivatives come from memory."""
        if deriv > 1:
            self._blocks, self._grid = [], None
            yield from super().block_loop(mol, grids, nao, deriv, *args, **kwargs)
            return
        if self._grid is not grids.coords or self._deriv < deriv:
            if grids.coords is None:
                grids.build(with_non0tab=True)
            self._grid, self._deriv, self._blocks = grids.coords, deriv, []
            for ao, mask, weight, coords in super().block_loop(mol, grids, nao, deriv, *args, **kwargs):
                self._blocks.append((_kept(ao), mask, weight, coords))
                yield ao, mask, weight, coords
            return
        for ao, mask, weight, coords in self._blocks:
            yield (ao if deriv == self._deriv else ao[0]), mask, weight, coords


def _kept(values: np.ndarray) -> np.ndarray:
    """A copy in the same layout (points run fastest), aligned to 64 bytes as vector code wants it."""
    order = np.argsort([-stride for stride in values.strides], kind="stable")
    shape = [values.shape[axis] for axis in order]
    room = np.empty(values.size + 8)
    start = (-room.ctypes.data % 64) // 8
    copy = room[start : start + values.size].reshape(shape)
    copy[...] = values.transpose(order)
    return copy.transpose(np.argsort(order))
