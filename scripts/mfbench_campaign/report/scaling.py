"""How errors fall with what is spent on training: power laws, and what they would give further out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mfbench.compare.comparison import Comparison
from mfbench.compare.contrast import family_errors
from mfbench.compare.text import interval, markdown
from mfbench.metrics.statistics import Interval, bootstrap_mean
from mfbench.results.score_run import family_groups
from mfbench_campaign.headline import MANY
from mfbench_campaign.records import Records
from mfbench_campaign.report.variations import NETWORKS
from mfbench_campaign.run_table.kept import KEPT
from mfbench_campaign.run_table.runs import Measured, Run

__all__ = ["PowerLaw", "cluster_plan", "power_law", "scaling_table"]

METRIC = "force_rmse"
LINE = "pretrain"
FAR = 1e8
"""Gradients that a cluster of GPUs would make."""


@dataclass(frozen=True)
class PowerLaw:
    """error = a · x^exponent, fitted to each family in logarithms.

    Attributes:
        points: x → mean error over families.
        exponent: mean over families; negative: more is better.
        at: error at any x, a geometric mean over families; far from the points, what the law would give.
    """

    points: dict[float, float]
    exponent: Interval
    at: Callable[[float], Interval]


def power_law(errors: Mapping[float, Mapping[str, float]], groups: Mapping[str, int]) -> PowerLaw:
    """The law of errors at two or more sizes.

    Args:
        errors: size → family → error; families that every size has count.
        groups: family → bootstrap group.
    """
    sizes = sorted(errors)
    families = sorted(set.intersection(*(set(errors[x]) for x in sizes)))
    logs = np.log([[errors[x][f] for f in families] for x in sizes])
    slopes, levels = np.polyfit(np.log(sizes), logs, 1)
    together = np.array([groups[f] for f in families])

    def at(x: float) -> Interval:
        return Interval(*np.exp(bootstrap_mean(levels + slopes * np.log(x), together)))

    means = np.exp(logs).mean(axis=1)
    points = dict(zip(sizes, map(float, means), strict=True))
    return PowerLaw(points, bootstrap_mean(slopes, together), at)


def scaling_table(records: Records, comparison: Comparison, runs: Path) -> str:
    """A row per thing that can grow: points, exponent, what ten times the largest would give.

    Args:
        records, comparison: of the campaign.
        runs: folder of kept runs of one method on one split, trained with different numbers of gradients.
    """
    laws = {
        "parameters of the network, `cath`": _networks(records),
        "training families, `cath`": _curve(records, comparison, "families"),
        "training configurations of each family, `cath`": _curve(records, comparison, "configurations"),
        "gradients of training, `cath-mini`": _gradients(runs),
    }
    return markdown(
        ["what grows", "forces", "exponent", "ten times the last"],
        [_row(name, law) for name, law in laws.items() if law],
    )


def cluster_plan(runs: Path, card: Mapping[str, Any]) -> dict[str, str] | None:
    """What the law of gradients would give at ``FAR``, and what that costs; None where it was not measured.

    Args:
        runs: see ``scaling_table``.
        card: of a start trained here, for its seconds.
    """
    law = _gradients(runs)
    if law is None:
        return None
    seconds = sum(phase["seconds"] for phase in card["phases"]) / card["gradients"]
    return {
        "gradients": f"{FAR:,.0f}",
        "forces": interval(*law.at(FAR)),
        "decades": f"{np.log10(FAR / max(law.points)):.1f}",
        "milliseconds": f"{1e3 * seconds:.1f}",
        "hours": f"{FAR * seconds / 3600:,.0f}",
    }


def _row(name: str, law: PowerLaw) -> list[str]:
    points = ", ".join(f"{error:.2f} at {x:,.0f}" for x, error in law.points.items())
    more = interval(*law.at(10 * max(law.points)))
    return [name, points, interval(*law.exponent), more]


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


def _gradients(folder: Path) -> PowerLaw | None:
    runs = [Run.read(path) for path in sorted(folder.glob(f"*{KEPT}"))]
    by_gradients = {float(run.card["training"]["gradients"]): run for run in runs}
    if len(by_gradients) < 2:
        return None
    errors = {
        x: {family: float(error[0]) for family, error in Measured("", (run,)).errors(METRIC, MANY).items()}
        for x, run in by_gradients.items()
    }
    return power_law(errors, family_groups(runs[0].split, sorted(errors[max(errors)])))
