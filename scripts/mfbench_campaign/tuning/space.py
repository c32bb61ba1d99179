"""What is searched for in an adaptation, and how a trial's setting is drawn from it.

The numbers behind a trial (uniform in 0 … 1) depend on the seed and the number of the trial alone, so every
method meets the same draws, each in its own ranges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mfbench.learned.architectures.composed import CONTEXT, LORA
from mfbench.protocol.protocol import Track

__all__ = ["Range", "Space", "extended", "setting_of", "space_of"]

EDGE = 0.1
"""A best value in this share of its range (in decades) at either end is at the edge."""
OPTIMIZERS = {"sgd": (1e-4, 1e-2), "adam": (1e-3, 1e-1), "lbfgs": (1e-2, 1.0)}
"""Two decades of rates each."""
ENERGY_WEIGHTS = (0.02, 2.0)
FIXED: dict[str, Any] = {"loss": "l1", "bound": 0.1}
HELD_BACK = {"check": 100, "patience": 10}
"""The rule when to stop, the same for all, where there are many steps."""


@dataclass(frozen=True)
class Range:
    """Values on a logarithmic scale."""

    low: float
    high: float

    def at(self, share: float) -> float:
        """0 … 1 → low … high."""
        return float(f"{self.low * (self.high / self.low) ** share:.3g}")

    def edge(self, value: float) -> str:
        """``low`` or ``high`` where the value is at an end, else nothing."""
        share = np.log(value / self.low) / np.log(self.high / self.low)
        return "low" if share < EDGE else "high" if share > 1 - EDGE else ""

    def moved(self, edge: str) -> Range:
        """A range as wide, half a range further towards an end: the old end is in its middle."""
        factor = (self.high / self.low) ** (0.5 if edge == "high" else -0.5)
        return Range(self.low * factor, self.high * factor)


@dataclass(frozen=True)
class Space:
    """What may be drawn for one method on one track.

    Attributes:
        rates: optimiser → its rates.
        energy_weights: of the loss.
        adapts: weights that move.
        averages: of the weights.
        decays: of the rate.
        prior_scales: of the closed-form correction; only scratch has several.
        fixed: the same in every trial.
    """

    rates: Mapping[str, Range]
    energy_weights: Range
    adapts: tuple[str, ...]
    averages: tuple[float, ...]
    decays: tuple[str, ...]
    prior_scales: tuple[float, ...]
    fixed: Mapping[str, Any]

    def edges(self, setting: Mapping[str, Any]) -> dict[str, str]:
        """Which numbers of a setting are at an end of their range: name → end."""
        ranges = {"rate": self.rates[setting["optimizer"]], "energy_weight": self.energy_weights}
        found = {name: span.edge(float(setting[name])) for name, span in ranges.items()}
        return {name: edge for name, edge in found.items() if edge}


def space_of(method: str, track: Track, steps: int) -> Space:
    """The first ranges.

    Args:
        method: ``scratch`` has random weights: no preconditioner, and no part of them stays.
        track: ``standard`` or ``converged``.
        steps: that an adaptation may take.
    """
    scratch, many = method == "scratch", track is Track.CONVERGED or method == "scratch"
    adapts = {"scratch": ("all",), "cavia": (CONTEXT, "all"), "anil": ("head", "all", LORA)}
    optimizers = [name for name in OPTIMIZERS if not (scratch and name == "sgd")]
    fixed = {**FIXED, ("steps" if scratch else "max_steps"): steps, "warm_up": max(steps // 20, 1)}
    if many:
        fixed |= {**HELD_BACK, "batch": 4, "check": min(HELD_BACK["check"], max(steps // 4, 1))}
    return Space(
        rates={name: Range(*OPTIMIZERS[name]) for name in optimizers},
        energy_weights=Range(*ENERGY_WEIGHTS),
        adapts=adapts.get(method, ("all", "head", LORA)),
        averages=(0.0, 0.9, 0.99) if many else (0.0, 0.7),
        decays=("cosine", "none"),
        prior_scales=(0.25, 0.5, 1.0) if scratch else (1.0,),
        fixed=fixed,
    )


def setting_of(space: Space, number: int, seed: int) -> dict[str, Any]:
    """The options of trial ``number``, as ``mfbench evaluate --option`` takes them."""
    shares = np.random.default_rng([seed, number]).random(7)
    adapt = _choice(space.adapts, shares[0])
    allowed = [o for o in space.rates if not (o == "sgd" and adapt in (LORA, CONTEXT))]
    optimizer = _choice(allowed, shares[1])
    found = {
        **space.fixed,
        "optimizer": optimizer,
        "rate": space.rates[optimizer].at(shares[2]),
        "energy_weight": space.energy_weights.at(shares[3]),
        "average": _choice(space.averages, shares[4]),
        "decay": _choice(space.decays, shares[5]),
    }
    if len(space.prior_scales) > 1:
        return {**found, "prior_scale": _choice(space.prior_scales, shares[6])}
    return {**found, "adapt": adapt}


def extended(space: Space, best: Mapping[str, Any]) -> Space:
    """The ranges of the next round: where the best value so far is at an end, they move beyond it."""
    edges = space.edges(best)
    rates = dict(space.rates)
    if "rate" in edges:
        rates[best["optimizer"]] = rates[best["optimizer"]].moved(edges["rate"])
    weights = space.energy_weights
    if "energy_weight" in edges:
        weights = weights.moved(edges["energy_weight"])
    return replace(space, rates=rates, energy_weights=weights)


def _choice(options: Any, share: float) -> Any:
    return options[int(share * len(options))]
