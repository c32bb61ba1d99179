"""How many labels a method is worth: labels that training from scratch needs for the same error.

On families with a deep pool, ``scratch`` is trained on more and more labels; where it reaches a few-shot
method's error is read off between two sizes. Its limit of steps grows with the support, so that early
stopping ends it: runs that the limit ended are marked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mfbench.compare.record import RECORDED
from mfbench.data.split import Split
from mfbench_campaign.headline import FEW, MANY, SHOWN
from mfbench_campaign.limits.label_worth.table import ASSUMED_CORE_HOURS, table
from mfbench_campaign.limits.measured import Content, Measurement
from mfbench_campaign.limits.setting import LEARNED, Setting

__all__ = ["ASSUMED_CORE_HOURS", "METHODS", "deep_families", "measurements", "scratch_options", "table"]

METHODS = ("scratch", "offset", *LEARNED, "pretrain-converged")
"""The last has the 2,000 steps of ``scratch``."""
KS = SHOWN
SCRATCH_KS = (FEW, 20, MANY, 200, 1000, 5000)
DEEP = 5000
EPOCHS = 20


def deep_families(split: Split, size: int = DEEP) -> list[str]:
    """Test families whose published draws hold so many labels."""
    return [task.family_id for task in split.test if task.draws.shape[1] >= size]


def scratch_options(options: dict[str, Any], k: int, *, epochs: int = EPOCHS) -> dict[str, Any]:
    """Tuned options of scratch with a limit of at least 2,000 steps and ``epochs`` passes over the four
    fifths that train; forty looks at the rest. What the options say themselves stays."""
    steps = max(2000, math.ceil(epochs * (k - max(k // 5, 1)) / options.get("batch", 4)))
    return {"steps": steps, "check": max(50, steps // 40), **options}


def measurements(
    setting: Setting,
    method: str,
    advance: Callable[[], None],
    *,
    size: int = DEEP,
    scratch_ks: Sequence[int] = SCRATCH_KS,
) -> list[Measurement]:
    """scratch: one per K and family, smallest K first; others: one per K. None without deep pools."""
    families, found = deep_families(setting.split, size), []
    ks = scratch_ks if method == "scratch" else KS
    for k in ks if families else ():
        options = setting.options(method)
        options = scratch_options(options, k) if method == "scratch" else options
        for chosen in [[f] for f in families] if method == "scratch" else [families]:
            variant = f"K{k}~{chosen[0]}" if method == "scratch" else f"K{k}"
            identity = setting.identity("label_factor", method, variant, options, k=k, families=chosen)
            found.append(
                Measurement(identity, partial(_measure, setting, method, options, k, chosen, advance))
            )
    return found


def _measure(
    setting: Setting,
    method: str,
    options: dict[str, Any],
    k: int,
    families: Sequence[str],
    advance: Callable[[], None],
) -> Content:
    results = setting.results(method, options, ks=[k], families=families)
    values: dict[str, dict[str, Any]] = {}
    for row in results.episodes:
        found: dict[str, Any] = {m: row.metrics["all"][m] for m in RECORDED}
        if row.failure:
            found["failure"] = row.failure
        if method == "scratch":
            limit = options["steps"] * min(options.get("batch", 4), k - max(k // 5, 1))
            found["stopped_by_limit"] = row.gradient_evaluations >= limit
        values[row.family_id] = {
            **found,
            "gradients": row.gradient_evaluations,
            "seconds": row.adapt_seconds,
        }
        advance()
    shared = {"train_labels": len(setting.split.train_configurations)}
    return Content(groups=setting.groups_of(families), values=values, shared=shared)
