"""What the network reads of the pairs, with derivatives: computed once, used at every step.

Positions never change while a model adapts. The network sees them only through directions and radial
basis, so its forces are a constant linear map of the derivatives in those, and no gradient, Hessian
or inner step ever differentiates through the geometry again. Formulas: mace's Bessel basis with
polynomial cutoff.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from mfbench.learned.architectures.registry import Config

__all__ = ["Geometry", "pair_geometry"]


@dataclass(frozen=True, eq=False)
class Geometry:
    """Of T pairs; the pair vector v is the first atom's position minus the second's.

    Attributes:
        direction: [3, T], v / |v|.
        turn: [3, 3, T], Å⁻¹: derivative of the direction in v.
        radial: [num_bessel, 2, T]: basis functions, and their derivatives in |v| (Å⁻¹).
        cutoff: [2, T]: the polynomial cutoff, and its derivative (Å⁻¹).
    """

    direction: torch.Tensor
    turn: torch.Tensor
    radial: torch.Tensor
    cutoff: torch.Tensor

    def to(self, place: torch.device | str, dtype: torch.dtype) -> Geometry:
        """The tables on a device, in a dtype."""
        return Geometry(
            *(x.to(place, dtype) for x in (self.direction, self.turn, self.radial, self.cutoff))
        )


def pair_geometry(vectors: torch.Tensor, config: Config) -> Geometry:
    """Tables for pair vectors [3, T] in Å, in float64."""
    r = vectors.norm(dim=0)
    u = vectors / r
    eye = torch.eye(3, dtype=u.dtype)[:, :, None]
    turn = (eye - u[:, None] * u[None]) / r
    cutoff = _cutoff(r, config)
    return Geometry(u, turn, _radial(r, cutoff, config), cutoff)


def _cutoff(r: torch.Tensor, config: Config) -> torch.Tensor:
    """Value and derivative [2, T] of the polynomial cutoff at distances r [T]."""
    p, x = config.cutoff_power, r / config.r_max
    a, b, c = (p + 1.0) * (p + 2.0) / 2.0, p * (p + 2.0), p * (p + 1.0) / 2.0
    inside = (x < 1.0).to(r.dtype)
    value = inside * (1.0 - x**p * (a - b * x + c * x**2))
    slope = -inside * x ** (p - 1) * (a * p - b * (p + 1.0) * x + c * (p + 2.0) * x**2) / config.r_max
    return torch.stack([value, slope])


def _radial(r: torch.Tensor, cutoff: torch.Tensor, config: Config) -> torch.Tensor:
    """Basis and derivative [num_bessel, 2, T] at distances r [T]."""
    envelope, decline = cutoff
    k = np.pi / config.r_max * torch.arange(1, config.num_bessel + 1, dtype=r.dtype)[:, None]
    norm = np.sqrt(2.0 / config.r_max)
    wave, wave_slope = norm * torch.sin(k * r) / r, norm * k * torch.cos(k * r) / r
    return torch.stack([wave * envelope, (wave_slope - wave / r) * envelope + wave * decline], 1)
