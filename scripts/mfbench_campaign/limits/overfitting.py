"""Meta-overfitting: are test families harder than the families that were trained on, and more so for some
methods? Episodes of train families are built as those of test families, from their published draws.

Test families may be harder by themselves: a method's gap is to be read beside that of ``pretrain``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mfbench.compare.record import RECORDED
from mfbench.compare.text import markdown
from mfbench.metrics.statistics import Interval
from mfbench_campaign.headline import MANY, NONE
from mfbench_campaign.intervals import family_mean, gap, shown
from mfbench_campaign.limits.measured import Content, Measured, Measurement
from mfbench_campaign.limits.setting import LEARNED, Setting

__all__ = ["METHODS", "measurements", "spread", "table"]

METHODS = ("offset", *LEARNED)
"""``offset`` takes no inner step: its gap is that of pre-training alone."""
KS = (NONE, MANY)
FOLDS = ("train", "test")
FAMILIES = 12
REFERENCE = "pretrain"


def spread(names: Sequence[str], count: int) -> list[str]:
    """``count`` of the names, evenly spaced in their order; all of them where there are no more."""
    if len(names) <= count:
        return list(names)
    return [names[i * len(names) // count] for i in range(count)]


def measurements(setting: Setting, method: str, advance: Callable[[], None]) -> list[Measurement]:
    """One measurement per fold."""
    options, found = setting.options(method), []
    for fold in FOLDS:
        names = [task.family_id for task in setting.split.fold(fold)]
        chosen = spread(names, FAMILIES) if fold == "train" else names
        identity = setting.identity("overfitting", method, fold, options, ks=list(KS), families=chosen)
        found.append(
            Measurement(identity, partial(_measure, setting, method, options, fold, chosen, advance))
        )
    return found


def _measure(
    setting: Setting,
    method: str,
    options: dict[str, Any],
    fold: str,
    families: Sequence[str],
    advance: Callable[[], None],
) -> Content:
    results = setting.results(method, options, ks=KS, fold=fold, families=families)
    values: dict[str, dict[str, Any]] = {name: {} for name in families}
    for row in results.episodes:
        values[row.family_id][str(row.k)] = {m: row.metrics["all"][m] for m in RECORDED}
        if row.failure:
            values[row.family_id]["failure"] = f"K = {row.k}: {row.failure}"
        advance()
    return Content(groups=setting.groups_of(families), values=values)


def table(measured: Sequence[Measured]) -> str:
    """Gap test ÷ train at each K, and over that of ``pretrain``."""
    found = {(m.identity.split, m.identity.method, m.identity.variant): m for m in measured}
    head = ["construction", "method", "error", "K", "train families", "test families"]
    head += ["gap, test ÷ train", f"gap ÷ gap of {REFERENCE}", "failed"]
    rows = []
    for split in sorted({m.identity.split for m in measured}):
        for method in dict.fromkeys([*METHODS, *(m.identity.method for m in measured)]):
            pair = [found.get((split, method, fold)) for fold in FOLDS]
            usual = [found.get((split, REFERENCE, fold)) for fold in FOLDS]
            for title, metric in (("forces", RECORDED[2]), ("energy within", RECORDED[1])):
                for k in KS:
                    rows.append([split, f"`{method}`", title, str(k), *_cells(pair, usual, metric, k)])
    return markdown(head, rows) if rows else "not run"


def _cells(
    pair: Sequence[Measured | None], usual: Sequence[Measured | None], metric: str, k: int
) -> list[str]:
    train, test = pair
    if train is None or test is None:
        return [*("not run" if m is None else shown(_mean(m, metric, k)) for m in pair), "–", "–", "–"]
    own = gap(
        _errors(test, metric, k), test.content.groups, _errors(train, metric, k), train.content.groups
    )
    cells = [shown(_mean(train, metric, k)), shown(_mean(test, metric, k)), shown(own)]
    usual_train, usual_test = usual
    if usual_train is None or usual_test is None or usual_train is train:
        cells.append("–")
    else:
        relative = [
            _over(_errors(m, metric, k), _errors(u, metric, k))
            for m, u in ((train, usual_train), (test, usual_test))
        ]
        cells.append(shown(gap(relative[1], test.content.groups, relative[0], train.content.groups)))
    failed = sum("failure" in v for m in (train, test) for v in m.content.values.values())
    return [*cells, str(failed)]


def _errors(measured: Measured, metric: str, k: int) -> dict[str, float]:
    return {f: v[str(k)][metric] for f, v in measured.content.values.items()}


def _mean(measured: Measured, metric: str, k: int) -> Interval | None:
    return family_mean(_errors(measured, metric, k), measured.content.groups)


def _over(top: dict[str, float], bottom: dict[str, float]) -> dict[str, float]:
    return {f: top[f] / bottom[f] for f in top if f in bottom}
