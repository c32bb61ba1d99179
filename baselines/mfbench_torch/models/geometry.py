"""Harmonics and radial basis of the edges, with their derivatives: computed once, used at every step.

The network sees positions only through these two tables. Its forces are therefore the derivative in
the tables times a constant Jacobian, and no gradient, Hessian or inner step ever differentiates
through the geometry again. Formulas: e3nn 0.4 (component normalisation, real basis with l = 1 ordered
x, y, z) and mace's Bessel basis with polynomial cutoff.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from mfbench.learned.mace_weights import MaceConfig

__all__ = ["Geometry", "edge_geometry"]


@dataclass(frozen=True, eq=False)
class Geometry:
    """What the network reads of E edges.

    Attributes:
        harmonics: [E, 9], l = 0, 1, 2.
        radial: [E, num_bessel].
        harmonics_slope: [E, 9, 3], Å⁻¹: derivative in the edge vector (receiver minus sender).
        radial_slope: [E, num_bessel, 3], Å⁻¹.
    """

    harmonics: torch.Tensor
    radial: torch.Tensor
    harmonics_slope: torch.Tensor
    radial_slope: torch.Tensor


def _quadrupoles() -> torch.Tensor:
    """[5, 3, 3]: symmetric traceless Q_m with Y_2m(u) = sqrt(15/2) u.Q_m.u, orthonormal."""
    q = np.zeros((5, 3, 3))
    for m, (i, j) in {0: (0, 2), 1: (0, 1), 3: (1, 2)}.items():
        q[m, i, j] = q[m, j, i] = np.sqrt(0.5)
    q[2] = np.diag([-1.0, 2.0, -1.0]) / np.sqrt(6.0)
    q[4] = np.diag([-1.0, 0.0, 1.0]) / np.sqrt(2.0)
    return torch.from_numpy(q)


_QUADRUPOLES = _quadrupoles()


def edge_geometry(vectors: torch.Tensor, config: MaceConfig, dtype: torch.dtype) -> Geometry:
    """Tables for edge vectors [E, 3] in Å (float64), cast to ``dtype`` at the end."""
    r = vectors.norm(dim=1, keepdim=True)
    u = vectors / r
    turn = (torch.eye(3, dtype=u.dtype) - u[:, :, None] * u[:, None]) / r[:, :, None]  # du/dv
    qu = np.sqrt(7.5) * torch.einsum("mij,ej->emi", _QUADRUPOLES, u)
    harmonics = torch.cat([torch.ones_like(r), np.sqrt(3.0) * u, torch.einsum("emi,ei->em", qu, u)], 1)
    slope = torch.cat([torch.zeros_like(turn[:, :1]), np.sqrt(3.0) * turn, 2.0 * qu @ turn], 1)
    radial, radial_slope = _radial(r, config)
    tables = (harmonics, radial, slope, radial_slope[:, :, None] * u[:, None])
    return Geometry(*(table.to(dtype) for table in tables))


def _radial(r: torch.Tensor, config: MaceConfig) -> tuple[torch.Tensor, torch.Tensor]:
    """Basis [E, num_bessel] and its derivative in r, for r [E, 1]."""
    p, x = config.cutoff_power, r / config.r_max
    a, b, c = (p + 1.0) * (p + 2.0) / 2.0, p * (p + 2.0), p * (p + 1.0) / 2.0
    inside = (x < 1.0).to(r.dtype)
    envelope = inside * (1.0 - x**p * (a - b * x + c * x**2))
    decline = -inside * x ** (p - 1) * (a * p - b * (p + 1.0) * x + c * (p + 2.0) * x**2) / config.r_max
    k = np.pi / config.r_max * torch.arange(1, config.num_bessel + 1, dtype=r.dtype)
    norm = np.sqrt(2.0 / config.r_max)
    wave, wave_slope = norm * torch.sin(k * r) / r, norm * k * torch.cos(k * r) / r
    return wave * envelope, (wave_slope - wave / r) * envelope + wave * decline
