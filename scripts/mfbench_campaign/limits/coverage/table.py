"""The table of ``coverage``."""

from __future__ import annotations

from collections.abc import Sequence

from mfbench.compare.text import markdown
from mfbench.metrics.statistics import Interval
from mfbench_campaign.intervals import family_mean, family_ratio, shown
from mfbench_campaign.limits.measured import Measured

__all__ = ["table"]

METHODS = ("offset", "pretrain", "maml")
KINDS = ("environments", "torsions")
_FIFTHS = ("covered", "2", "3", "4", "rare")


def table(measured: Sequence[Measured]) -> str:
    """Force RMSE in fifths (mean over families), rare ÷ covered, and what adapting gains in each."""
    head = ["construction", "K", "by", "method", "families", *(f"{x}, kcal/mol/Å" for x in _FIFTHS)]
    head += ["rare ÷ covered", "rare ÷ covered before", "gain, covered", "gain, rare", "gain, unseen"]
    found = {(m.identity.split, m.identity.settings["k"], m.identity.method): m for m in measured}
    names = dict.fromkeys([*METHODS, *(m.identity.method for m in measured)])
    rows = []
    for split in sorted({m.identity.split for m in measured}):
        for k in sorted({m.identity.settings["k"] for m in measured}):
            for kind in KINDS:
                for method in names:
                    cells = _cells(found.get((split, k, method)), kind)
                    rows.append([split, str(k), kind, f"`{method}`", *cells])
    note = "\n\nGain: error before ÷ after adapting; above 1, it helps. Unseen: molecules without support."
    return markdown(head, rows) + note if rows else "not run"


def _cells(measured: Measured | None, kind: str) -> list[str]:
    if measured is None:
        return ["not run"] + ["–"] * 10
    groups = measured.content.groups
    every = {f: v[kind] for f, v in measured.content.values.items() if "failure" not in v}
    good = {f: v for f, v in every.items() if "after" in v}

    def fifth(when: str, i: int) -> dict[str, float | None]:
        return {f: v[when][i] for f, v in good.items()}

    means = [_value(family_mean(fifth("after", i), groups)) for i in range(5)]
    ratios = [family_ratio(fifth(when, 4), fifth(when, 0), groups) for when in ("after", "before")]
    gains = [family_ratio(fifth("before", i), fifth("after", i), groups) for i in (0, 4)]
    unseen = {f: v["unseen_errors"] for f, v in every.items() if "unseen_errors" in v}
    before, after = ({f: errors[i] for f, errors in unseen.items()} for i in (0, 1))
    gains.append(family_ratio(before, after, groups))
    count = f"{len(good)} of {len(measured.content.values)}"
    return [count, *means, *(shown(x) for x in ratios), *(shown(x, 3) for x in gains)]


def _value(interval: Interval | None) -> str:
    return "–" if interval is None else f"{interval.value:.2f}"
