"""The energy zero of a foreign model: found once on meta-train, and what it was found on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.split import Split
from mfbench.methods.public_models import ModelCard
from mfbench.protocol.correction_prior import prior_of
from mfbench.protocol.energy_baseline import EnergyBaseline, fit_zero
from mfbench_torch.foreign.model import ForeignNetwork, unsupported

__all__ = ["Zero", "find_zero"]

_SAMPLE = 200
"""Meta-train configurations: enough for a dozen elements."""


@dataclass(frozen=True, eq=False)
class Zero:
    """Linear energies between a model's zero and that of a split.

    Attributes:
        baseline: added to the model's energies.
        sample: configurations of meta-train that it was fitted on.
        record: for the card of a run.
    """

    baseline: EnergyBaseline
    sample: tuple[Configuration, ...]
    record: dict[str, Any]


def find_zero(network: ForeignNetwork, split: Split) -> Zero:
    """Least squares on meta-train, with the split's prior of the correction beyond it; configurations that
    the model cannot do are left out, and counted."""
    sample, left_out = _sample(network.model.card, split)
    record: dict[str, Any] = {"split": split.name, "configurations": len(sample), "left_out": len(left_out)}
    if left_out:
        record["reason"] = left_out[0]
    if not sample:
        return Zero(EnergyBaseline({}, prior=prior_of(split)), (), record)
    modelled, _ = network(sample)
    left = np.array([c.label[0] for c in sample]) - modelled
    baseline = replace(fit_zero(sample, left), prior=prior_of(split))
    return Zero(baseline, tuple(sample), record)


def _sample(card: ModelCard, split: Split) -> tuple[Sequence[Configuration], list[str]]:
    pool = split.train_configurations
    chosen = [pool[i] for i in sorted(np.random.default_rng(5).permutation(len(pool))[:_SAMPLE])]
    reasons = {id(c): unsupported(card, c) for c in chosen}
    return [c for c in chosen if reasons[id(c)] is None], [r for r in reasons.values() if r is not None]
