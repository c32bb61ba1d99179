"""Ratios of two runs' errors, over families that move together and over meta-training seeds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from mfbench.compare.record import Record
from mfbench.errors import ProtocolError
from mfbench.metrics.statistics import Interval, bootstrap_mean, ratio

__all__ = ["contrast", "family_errors", "mean_error"]


def family_errors(records: Sequence[Record], metric: str, k: int, query: str = "all") -> dict[str, float]:
    """family → geometric mean over records (seeds of one method) of its error."""
    found = [r.per_family(metric, k, query) for r in records]
    shared = set.intersection(*map(set, found)) if found else set()
    return {f: float(np.exp(np.mean([np.log(one[f]) for one in found]))) for f in sorted(shared)}


def mean_error(records: Sequence[Record], metric: str, k: int, query: str = "all") -> Interval | None:
    """Mean over families of an error (mean over records first), 95 % interval over families."""
    found = [r.per_family(metric, k, query) for r in records]
    families = sorted(set.intersection(*map(set, found))) if found else []
    if not families:
        return None
    values = np.array([np.mean([one[f] for one in found]) for f in families])
    groups = records[0].group_of()
    return bootstrap_mean(values, np.array([groups[f] for f in families]))


def contrast(
    top: Sequence[Record],
    bottom: Sequence[Record],
    metric: str,
    k: int,
    *,
    k_top: int | None = None,
    query: str = "all",
    without: Collection[str] = (),
) -> Interval | None:
    """Geometric mean over families of error(top) ÷ error(bottom); above 1 the second is better.

    Args:
        top, bottom: the meta-training seeds of one method each, on the same split; seeds that both have
            are compared.
        metric, query: what is compared.
        k: support size; ``k_top``: of the first, where it differs.
        without: families to leave out.

    Returns:
        The ratio with its 95 % interval over families, or None where they share no family or no seed.

    Raises:
        ProtocolError: the runs are of different data.
    """
    top, bottom = _with_seeds_of(top, bottom), _with_seeds_of(bottom, top)
    if not top or not bottom:
        return None
    if {r.data_hash for r in top} != {r.data_hash for r in bottom}:
        raise ProtocolError(f"{top[0].name} and {bottom[0].name} were tested on different data")
    above = family_errors(top, metric, k if k_top is None else k_top, query)
    below = family_errors(bottom, metric, k, query)
    families = [f for f in above if f in below and f not in without]
    if not families:
        return None
    groups: Mapping[str, int] = bottom[0].group_of()
    return ratio(
        np.array([above[f] for f in families]),
        np.array([below[f] for f in families]),
        np.array([groups[f] for f in families]),
    )


def _with_seeds_of(records: Sequence[Record], others: Sequence[Record]) -> Sequence[Record]:
    """Those with the others' seeds. A method that is not meta-trained has none: it is compared with all."""
    seeds = {r.trained.seed for r in others if r.trained}
    return [r for r in records if r.trained is None or not seeds or r.trained.seed in seeds]
