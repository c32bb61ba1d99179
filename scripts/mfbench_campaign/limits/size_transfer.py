"""Size transfer: larger cuts of a family's proteins against its usual fragments. From records alone.

Force errors do not grow with the number of atoms by themselves; energy errors do, and are shown so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mfbench.compare.record import Record
from mfbench.compare.text import markdown
from mfbench.metrics.statistics import Interval
from mfbench_campaign.headline import MANY, NONE
from mfbench_campaign.intervals import family_mean, family_ratio, shown

__all__ = ["SizeRow", "size_rows", "table"]

SHOWN: Mapping[str, str] = {"forces": "force_rmse", "energy within": "energy_rmse_within"}


class SizeRow(NamedTuple):
    """Errors of one run on the families that have larger cuts: kcal/mol/Å or kcal/mol, and their ratio."""

    name: str
    metric: str
    k: int
    families: int
    usual: Interval | None
    larger: Interval | None
    ratio: Interval | None


def size_rows(records: Sequence[Record], metric: str, ks: Sequence[int] = (NONE, MANY)) -> list[SizeRow]:
    """``larger`` against ``all`` over the families that have both; no row for runs without."""
    rows = []
    for record in records:
        groups = record.group_of()
        for k in ks:
            larger, usual = (record.per_family(metric, k, query) for query in ("larger", "all"))
            usual = {f: usual[f] for f in larger if f in usual}
            if larger:
                before, after = (family_mean(x, groups) for x in (usual, larger))
                both = family_ratio(larger, usual, groups)
                rows.append(SizeRow(record.name, metric, k, len(larger), before, after, both))
    return rows


def table(records: Sequence[Record]) -> str:
    """Rows of every run with own support that has larger cuts."""
    own = [r for r in records if r.support == "own"]
    rows = [
        [f"`{r.name}`", title, str(r.k), str(r.families), shown(r.usual), shown(r.larger), shown(r.ratio)]
        for title, metric in SHOWN.items()
        for r in size_rows(own, metric)
    ]
    head = ["run", "error", "K", "families", "usual fragments", "larger cuts", "larger ÷ usual"]
    return markdown(head, rows) if rows else "not run"
