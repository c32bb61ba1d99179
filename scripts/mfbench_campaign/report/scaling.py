"""How errors fall with what is spent on training: power laws, and what they would give further out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mfbench.compare.comparison import Comparison
from mfbench.compare.contrast import family_errors
from mfbench.compare.record import Record
from mfbench.compare.text import interval, markdown
from mfbench.metrics.statistics import Interval, bootstrap_mean
from mfbench_campaign.headline import MANY
from mfbench_campaign.records import Records
from mfbench_campaign.report.variations import NETWORKS

__all__ = ["PowerLaw", "cluster_plan", "power_law", "scaling_table", "seed_spread"]

METRIC = "force_rmse"
LINE = "pretrain"
TRAINED = ("second-10k", "second-50k", "second")
"""Models of campaign.yaml: one start, trained with more and more gradients."""
FAR = 1e8
"""Gradients that a cluster of GPUs would make."""


@dataclass(frozen=True)
class PowerLaw:
    """error = a · x^exponent between two sizes, for each family.

    Attributes:
        points: x → geometric mean of the error over families.
        exponents: between neighbours, means over families; negative: more is better.
        at: error at any x by the last exponent, a geometric mean over families; beyond the points, what it
            would give if it held.
    """

    points: dict[float, float]
    exponents: list[Interval]
    at: Callable[[float], Interval]


def power_law(errors: Mapping[float, Mapping[str, float]], groups: Mapping[str, int]) -> PowerLaw:
    """The laws between two or more sizes.

    Args:
        errors: size → family → error; families that every size has count.
        groups: family → bootstrap group.
    """
    sizes = sorted(errors)
    families = sorted(set.intersection(*(set(errors[x]) for x in sizes)))
    logs = np.log([[errors[x][f] for f in families] for x in sizes])
    slopes = np.diff(logs, axis=0) / np.diff(np.log(sizes))[:, None]
    together = np.array([groups[f] for f in families])

    def at(x: float) -> Interval:
        there = logs[-1] + slopes[-1] * np.log(x / sizes[-1])
        return Interval(*np.exp(bootstrap_mean(there, together)))

    means = np.exp(logs.mean(axis=1))
    points = dict(zip(sizes, map(float, means), strict=True))
    return PowerLaw(points, [bootstrap_mean(slope, together) for slope in slopes], at)


def scaling_table(records: Records, comparison: Comparison) -> str:
    """A row per thing that can grow: points, exponents, what ten times the largest would give."""
    laws = {
        "parameters of the network, `cath`": _networks(records),
        "training families, `cath`": _curve(records, comparison, "families"),
        "training configurations of each family, `cath`": _curve(records, comparison, "configurations"),
        "gradients of training, `chemistry`": _gradients(records),
    }
    return markdown(
        ["what grows", "forces", "exponents between them", "ten times the last"],
        [_row(name, law, seed_spread(records)) for name, law in laws.items() if law],
    )


def cluster_plan(records: Records) -> dict[str, str] | None:
    """What the law of gradients would give at ``FAR``, and what it costs; None where none was measured."""
    law = _gradients(records)
    if law is None:
        return None
    longest = max((r.trained for r in _starts(records) if r.trained), key=lambda start: start.gradients)
    seconds = longest.seconds / longest.gradients
    return {
        "parameters": f"{longest.parameters:,}",
        "gradients": f"{FAR:,.0f}",
        "forces": interval(*law.at(FAR)),
        "decades": f"{np.log10(FAR / longest.gradients):.1f}",
        "milliseconds": f"{1e3 * seconds:.1f}",
        "hours": f"{FAR * seconds / 3600:,.0f}",
    }


def _row(name: str, law: PowerLaw, spread: float) -> list[str]:
    """Nothing is extrapolated from errors that differ by no more than seeds do."""
    points = ", ".join(f"{error:.2f} at {x:,.0f}" for x, error in law.points.items())
    differ = max(law.points.values()) / min(law.points.values()) > 1 + spread
    more = interval(*law.at(10 * max(law.points))) if differ else "within the spread of seeds"
    return [name, points, ", ".join(interval(*exponent) for exponent in law.exponents), more]


def seed_spread(records: Records) -> float:
    """By how much seeds of the smallest network differ: the largest error ÷ the least, less 1."""
    means = [
        float(np.exp(np.mean(np.log(list(r.per_family(METRIC, MANY).values())))))
        for r in records.seeds("cath", LINE)
    ]
    return max(means) / min(means) - 1


def _networks(records: Records) -> PowerLaw | None:
    errors, groups = {}, {}
    for name in NETWORKS:
        found = records.seeds("cath", LINE, "" if name == "nano" else name)[:1]
        if found and found[0].trained:
            errors[float(found[0].trained.parameters)] = family_errors(found, METRIC, MANY)
            groups = found[0].group_of()
    return power_law(errors, groups) if len(errors) > 1 else None


def _curve(records: Records, comparison: Comparison, over: str) -> PowerLaw | None:
    """Narrowed training; the largest size is training on all."""
    sizes = sorted({c.n for c in comparison.curves if (c.over, c.construction) == (over, "cath")})
    errors, groups = {}, {}
    for n in sizes:
        found = records.seeds("cath", LINE, "" if n == sizes[-1] else f"{over}{n}")[:1]
        if found:
            errors[float(n)] = family_errors(found, METRIC, MANY)
            groups = found[0].group_of()
    return power_law(errors, groups) if len(errors) > 1 else None


def _starts(records: Records) -> list[Record]:
    """One start, trained longer and longer."""
    return [run for mark in TRAINED for run in records.seeds("chemistry", f"{LINE}, {mark}")[:1]]


def _gradients(records: Records) -> PowerLaw | None:
    trained = {float(r.trained.gradients): r for r in _starts(records) if r.trained}
    errors = {x: family_errors([run], METRIC, MANY) for x, run in trained.items()}
    return power_law(errors, trained[max(trained)].group_of()) if len(errors) > 1 else None
