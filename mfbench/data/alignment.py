"""Distances between geometries of one molecule, whatever their place and orientation."""

from __future__ import annotations

import numpy as np

__all__ = ["aligned_rmsd"]


def aligned_rmsd(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Root-mean-square distance of ``one`` [n, 3] to each of ``others`` [m, n, 3] after optimal
    translation and proper rotation (Kabsch), in Å: [m]. Atoms correspond by index."""
    a = one - one.mean(axis=0)
    b = others - others.mean(axis=1, keepdims=True)
    covariance = np.einsum("ni,mnj->mij", a, b)
    singular = np.linalg.svd(covariance, compute_uv=False)
    singular[:, 2] *= np.sign(np.linalg.det(covariance))
    squared = np.sum(a**2) + np.sum(b**2, axis=(1, 2)) - 2.0 * singular.sum(axis=1)
    found: np.ndarray = np.sqrt(np.maximum(squared, 0.0) / len(one))
    return found
