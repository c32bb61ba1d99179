"""Learned step sizes of MAML++ (Antoniou, Edwards & Storkey 2019): one per weight array and inner step.

ρ[k] multiplies inner rate and preconditioner at step k. While they are trained, the parameter dictionary
holds log ρ / s under ``rates/NAME``: ρ stays positive, and Adam, which moves every number by about its
rate, multiplies ρ by up to exp(s · rate) a step. A checkpoint holds ρ itself, apart from the weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

__all__ = ["PREFIX", "initial_rates", "learned_rates", "rates_of_steps", "separated"]

PREFIX = "rates/"


def initial_rates(names: Iterable[str], steps: int) -> dict[str, np.ndarray]:
    """ρ = 1 for ``steps`` inner steps, as it is trained: zeros by ``rates/NAME``."""
    return {PREFIX + name: np.zeros(steps, np.float32) for name in names}


def separated(params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights, and log ρ / s by the name of the weight (empty where rates are not learned)."""
    weights = {k: v for k, v in params.items() if not k.startswith(PREFIX)}
    return weights, {k.removeprefix(PREFIX): v for k, v in params.items() if k.startswith(PREFIX)}


def learned_rates(logarithms: Mapping[str, Any], scale: float) -> dict[str, np.ndarray]:
    """ρ [steps] by the name of the weight."""
    return {k: np.exp(scale * np.asarray(v, np.float64)).astype(np.float32) for k, v in logarithms.items()}


def rates_of_steps(rates: Mapping[str, Any], names: Iterable[str], steps: int) -> dict[str, np.ndarray]:
    """ρ [steps] for an adaptation of any length; empty where none were learned.

    Steps beyond the learned ones take their geometric mean: the last one learned is that of a step after
    which the query is predicted at once, not of one among many.
    """
    found = {}
    for name in (n for n in names if n in rates):
        known = np.asarray(rates[name], np.float32)
        mean = np.exp(np.log(known).mean())
        found[name] = np.concatenate([known[:steps], np.full(max(steps - len(known), 0), mean)])
    return {name: value.astype(np.float32) for name, value in found.items()}
