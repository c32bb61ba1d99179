"""How each method adapts: six trials a method on validation families, the same for all, and the best one.

``pretrain-long`` and the like tune the column of 300 steps, at K = 50; ``pretrain-converged`` and the like
tune with the 2,000 steps of 4 that ``scratch`` may take. The setting with the lowest mean logarithm of the
three errors over K = 10 and 50 is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import mfbench
from mfbench.data.split import Split
from mfbench.protocol.catalogue import trained_methods
from mfbench.protocol.protocol import Budget, Track
from mfbench_campaign.headline import MANY, SHOWN

__all__ = ["BUDGETS", "TRIALS", "trial", "tuned"]

ADAPT = [
    *({"optimizer": "sgd", "rate": rate, "energy_weight": 4.0} for rate in (1e-3, 3e-3, 1e-2)),
    *({"optimizer": "adam", "rate": rate, "energy_weight": 4.0} for rate in (3e-4, 1e-3, 3e-3)),
]
SCRATCH = [{"rate": rate, "prior_scale": scale} for rate in (1e-2, 3e-2) for scale in (0.25, 0.5, 1.0)]
RIDGE = [
    {"energy_weight": weight, "folds_by": by}
    for weight in (0.03, 0.3, 3.0)
    for by in ("trajectory", "fragment")
]
LONG = [
    *({"optimizer": "sgd", "rate": rate, "energy_weight": 4.0} for rate in (3e-4, 1e-3)),
    *({"optimizer": "adam", "rate": rate, "energy_weight": 4.0} for rate in (1e-4, 3e-4, 1e-3, 3e-3)),
]
CONVERGED = [
    {"optimizer": "adam", "rate": rate, "energy_weight": 4.0, "decay": "cosine"}
    for rate in (1e-3, 3e-3, 1e-2, 3e-2)
]
BUDGETS = {"": Budget()} | {str(t): t.budget or Budget() for t in (Track.LONG, Track.CONVERGED)}
"""What stands behind a method's name, after a hyphen → its budget."""
TRIALS: dict[str, list[dict[str, Any]]] = {
    **dict.fromkeys(trained_methods(), ADAPT),
    "scratch": SCRATCH,
    "ridge": RIDGE,
    **dict.fromkeys(("pretrain-long", "maml-long", "reptile-long"), LONG),
    **dict.fromkeys(("pretrain-converged", "maml-converged", "reptile-converged"), CONVERGED),
}
TIE = 1e-3
"""Scores closer than this, 0.1 % in the errors, are a tie: the first, gentler setting wins."""
METRICS = ("energy_rmse", "energy_rmse_within", "force_rmse")
KS = SHOWN


def tuned(
    name: str,
    split: Split,
    *,
    draws: int,
    arch: str = "mace",
    families: Sequence[str] | None = None,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Trials of one method, with one of ``BUDGETS`` behind its name, and the chosen setting."""
    method, _, budget = name.partition("-")
    rows = [
        trial(method, split, options, draws, budget, arch, families=families, checkpoint=checkpoint)
        for options in TRIALS[name]
    ]
    lowest = min(row["score"] for row in rows)
    best = next(row for row in rows if row["score"] < lowest + TIE)
    return {
        "data_hash": split.manifest.data_hash,
        "fold": "validation",
        "k": (MANY,) if budget else KS,
        "draws": draws,
        "chosen": best["settings"],
        "trials": rows,
    }


def trial(
    method: str,
    split: Split,
    options: dict[str, Any],
    draws: int,
    budget: str,
    arch: str,
    **context: Any,
) -> dict[str, Any]:
    """One setting's errors and gradient count; ``context``: more arguments of ``evaluate``."""
    ks = (MANY,) if budget else KS
    results = mfbench.evaluate(
        method,
        split,
        ks=ks,
        draws=draws,
        fold="validation",
        options=options,
        budget=BUDGETS[budget],
        arch=arch,
        **context,
    )
    errors = {f"{m}@{k}": round(results.value(m, k), 4) for m in METRICS for k in ks}
    gradients = sum(row.gradient_evaluations for row in results.episodes)
    score = float(np.mean(np.log(list(errors.values()))))
    return {"settings": options, "score": round(score, 5), "gradients": gradients, **errors}
