"""Tables of the reference runs, as Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from mfbench.compare.text import markdown
from mfbench.data.split import Split
from mfbench.learned.checkpoint import embedded_checkpoint
from mfbench.metrics.statistics import Interval, ratio
from mfbench.protocol.catalogue import start_of
from mfbench.results.score_run import family_groups
from mfbench_campaign.headline import FEW, MANY, SHOWN
from mfbench_campaign.intervals import shown
from mfbench_campaign.reference.runs import ERRORS, RUNS, Found
from mfbench_campaign.render import render

__all__ = ["long_table"]

_NAMES = {"energy_rmse": "energy", "energy_rmse_within": "within", "force_rmse": "forces"}


def long_table(found: Found, split: Split) -> str:
    """The page of results/: errors with intervals and costs, errors against K, and ratios."""
    return render(
        "reference.md",
        name=split.name,
        version=split.manifest.version,
        n_families=len(split.test),
        short=_short_table(found, split),
        missing=[run.name for run in RUNS[split.name] if run.name not in found],
        errors=_errors_table(found),
        ratios=_ratios_table(found, family_groups(split, [task.family_id for task in split.test])),
    )


def _short_table(found: Found, split: Split) -> str:
    """Errors at K = 10 and 50 with their intervals, and what they cost."""
    columns = [(m, k) for m in ERRORS for k in SHOWN]
    head = ["method", "model", "draws", *(f"{_NAMES[m]}, K = {k}" for m, k in columns)]
    rows = []
    for name in _plain(found):
        item = found[name]
        rows.append(
            [
                f"`{item['method']}`",
                "–" if item["method"] == "constant" else _arch(item),
                str(item["draws"]),
                *(_interval(found, name, m, k) for m, k in columns),
                _meta_training(split.name, item),
                _cost(found, name),
            ]
        )
    return markdown([*head, "meta-training", "adapting at K = 50"], rows)


def _plain(found: Found) -> list[str]:
    """Runs on own support within the standard budget, the largest force error first."""
    names = [n for n in found if found[n]["support"] == "own"]
    return sorted(names, key=lambda n: -_value(found, n, "force_rmse", MANY))


def _arch(item: Mapping[str, Any]) -> str:
    return str(item.get("arch", "mace"))


def _interval(found: Found, name: str, metric: str, k: int) -> str:
    for row in found[name]["aggregate"]:
        if (row["metric"], row["k"], row["query"]) == (metric, k, "all"):
            return shown(Interval(row["value"], *row["ci95"]))
    return "–"


def _meta_training(split: str, item: Mapping[str, Any]) -> str:
    if item["method"] in ("constant", "scratch"):
        return "–"
    start = start_of(item["method"])
    card = embedded_checkpoint(split, _arch(item), start).with_suffix(".json")
    return f"{json.loads(card.read_text())['gradients']:,}"


def _errors_table(found: Found) -> str:
    """Errors against K, and what adapting costs."""
    ks = sorted({row["k"] for item in found.values() for row in item["aggregate"]})
    rows = []
    for name in _plain(found):
        title = f"`{found[name]['method']}`" + f", {_arch(found[name])}" * (_arch(found[name]) != "mace")
        rows.append([title, *(_cell(found, name, k) for k in ks), _cost(found, name)])
    return markdown(["method", *(f"K = {k}" for k in ks), "gradients, seconds at K = 50"], rows)


def _cell(found: Found, name: str, k: int) -> str:
    rows = {r["metric"]: r for r in found[name]["aggregate"] if r["k"] == k and r["query"] == "all"}
    return " / ".join(f"{rows[m]['value']:.2f}" for m in ERRORS) if rows else "–"


def _cost(found: Found, name: str) -> str:
    rows = {r["metric"]: r["value"] for r in found[name]["aggregate"] if r["k"] == MANY}
    return f"{rows['gradient_evaluations']:,.0f}, {rows['adapt_seconds']:.1f}"


def _value(found: Found, name: str, metric: str, k: int) -> float:
    return float(np.mean(list(found[name]["families"][metric][str(k)].values())))


def _ratios_table(found: Found, groups: Mapping[str, int]) -> str:
    """What pays: ratios of errors over families."""
    own = [n for n in _plain(found) if n not in ("constant", "scratch")]
    three = [n for n in ("offset", "pretrain", "maml") if n in found]
    pairs = [
        *(("`scratch` ÷ `{m}` at K = 50", "scratch", MANY, m, MANY) for m in three),
        *(("adaptation gain of `{m}`: K = 0 ÷ K = 50", m, 0, m, MANY) for m in own),
        *(("wrong-family ÷ own support, `{m}`, K = 50", f"{m}-wrong-family", MANY, m, MANY) for m in three),
        *(("`offset` ÷ `{m}` at K = 10", "offset", FEW, m, FEW) for m in own),
        *(("`offset` ÷ `{m}` at K = 50", "offset", MANY, m, MANY) for m in own),
        *(("`pretrain` ÷ `{m}` at K = 50", "pretrain", MANY, m, MANY) for m in own),
    ]
    rows = []
    for title, a, ka, b, kb in pairs:
        if a not in found or b not in found or (a, ka) == (b, kb):
            continue
        cells = [shown(_ratio(found, groups, m, a, ka, b, kb)) for m in ERRORS]
        rows.append([title.format(m=b), *cells])
    return markdown(["", "energy", "within fragments", "forces"], rows)


def _ratio(
    found: Found, groups: Mapping[str, int], metric: str, a: str, ka: int, b: str, kb: int
) -> Interval:
    top, bottom = found[a]["families"][metric][str(ka)], found[b]["families"][metric][str(kb)]
    names = sorted(top)
    return ratio(
        np.array([top[n] for n in names]),
        np.array([bottom[n] for n in names]),
        np.array([groups[n] for n in names]),
    )
