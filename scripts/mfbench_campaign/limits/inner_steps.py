"""How many inner steps pay? Error at K = 50 against the number of gradient steps of the adaptation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mfbench.compare.record import RECORDED
from mfbench.compare.text import markdown
from mfbench.protocol.protocol import Budget
from mfbench_campaign.headline import MANY
from mfbench_campaign.intervals import family_mean, shown
from mfbench_campaign.limits.measured import Content, Measured, Measurement
from mfbench_campaign.limits.setting import LEARNED, Setting

__all__ = ["METHODS", "STEPS", "measurements", "table"]

METHODS = LEARNED
K = MANY
STEPS = (0, 1, 2, 5, 10, 20, 50)
"""0: the closed-form energy correction alone. 20 is the standard budget."""


def measurements(
    setting: Setting, method: str, advance: Callable[[], None], *, k: int = K
) -> list[Measurement]:
    """One measurement per number of steps."""
    # Settings that stop an adaptation early would hide what more steps do.
    options = setting.options(method) | {"max_steps": max(STEPS)}
    found = []
    for steps in STEPS:
        identity = setting.identity("steps", method, f"steps{steps}", options, k=k, steps=steps)
        found.append(Measurement(identity, partial(_measure, setting, method, options, k, steps, advance)))
    return found


def _measure(
    setting: Setting, method: str, options: dict[str, Any], k: int, steps: int, advance: Callable[[], None]
) -> Content:
    results = setting.results(method, options, ks=[k], budget=Budget(steps=steps))
    values: dict[str, dict[str, Any]] = {}
    for row in results.episodes:
        values[row.family_id] = {m: row.metrics["all"][m] for m in RECORDED}
        if row.failure:
            values[row.family_id]["failure"] = row.failure
        advance()
    return Content(groups=setting.groups, values=values)


def table(measured: Sequence[Measured]) -> str:
    """Mean errors over test families; a failed episode scores the penalty of ``evaluate``."""
    found = {(m.identity.split, m.identity.method, m.identity.settings["steps"]): m for m in measured}
    rows = []
    for split in sorted({m.identity.split for m in measured}):
        for method in dict.fromkeys([*LEARNED, *(m.identity.method for m in measured)]):
            for title, metric in (("forces", RECORDED[2]), ("energy within", RECORDED[1])):
                cells = [_cell(found.get((split, method, steps)), metric) for steps in STEPS]
                rows.append([split, f"`{method}`", title, *cells])
    head = ["construction", "method", "error at K = 50", *(f"{n} steps" for n in STEPS)]
    return markdown(head, rows) if rows else "not run"


def _cell(measured: Measured | None, metric: str) -> str:
    if measured is None:
        return "not run"
    content = measured.content
    mean = family_mean({f: v[metric] for f, v in content.values.items()}, content.groups)
    failed = sum("failure" in v for v in content.values.values())
    return shown(mean) + (f" ({failed} failed)" if failed else "")
