"""Ratios of two runs' errors, over families that move together and over meta-training seeds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from mfbench.compare.record import Record
from mfbench.errors import ProtocolError
from mfbench.metrics.statistics import Interval, bootstrap_mean, ratio, smallest_ratio

__all__ = ["contrast", "family_errors", "mean_error", "smallest_shown"]


def family_errors(records: Sequence[Record], metric: str, k: int, query: str = "all") -> dict[str, float]:
    """family → geometric mean over records (seeds of one method) of its error."""
    found = [r.per_family(metric, k, query) for r in records]
    shared = set.intersection(*map(set, found)) if found else set()
    return {f: float(np.exp(np.mean([np.log(one[f]) for one in found]))) for f in sorted(shared)}


def mean_error(records: Sequence[Record], metric: str, k: int, query: str = "all") -> Interval | None:
    """Mean of an error over families and records (seeds), 95 % interval over both."""
    families, values = _table(records, metric, k, query)
    if not families:
        return None
    groups = records[0].group_of()
    return bootstrap_mean(values, np.array([groups[f] for f in families]), least=0.0)


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
        The ratio with its 95 % interval over families and seeds, or None where they share no family or
        no seed.

    Raises:
        ProtocolError: the runs are of different data.
    """
    found = _paired(top, bottom, metric, k if k_top is None else k_top, k, query, without)
    return None if found is None else ratio(*found)


def smallest_shown(
    top: Sequence[Record], bottom: Sequence[Record], metric: str, k: int, query: str = "all"
) -> float | None:
    """The smallest true ratio of their errors that a comparison of the two shows in four of five cases.

    None where they share no family or no seed.

    Raises:
        ProtocolError: the runs are of different data.
    """
    found = _paired(top, bottom, metric, k, k, query, ())
    return None if found is None else smallest_ratio(*found)


def _paired(
    top: Sequence[Record],
    bottom: Sequence[Record],
    metric: str,
    k_top: int,
    k: int,
    query: str,
    without: Collection[str],
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Errors [seeds, families] of both, seed by seed, and the families' groups.

    Where one side has no seeds of its own (or others), its geometric mean stands against every seed.
    """
    top, bottom = _with_seeds_of(top, bottom), _with_seeds_of(bottom, top)
    if not top or not bottom:
        return None
    if {r.data_hash for r in top} != {r.data_hash for r in bottom}:
        raise ProtocolError(f"{top[0].name} and {bottom[0].name} were tested on different data")
    (names, above), (others, below) = _table(top, metric, k_top, query), _table(bottom, metric, k, query)
    families = [f for f in names if f in set(others) and f not in without]
    if not families:
        return None
    above = above[:, [names.index(f) for f in families]]
    below = below[:, [others.index(f) for f in families]]
    if len(above) != len(below):
        above, below = (_one(x) if len(x) < max(len(above), len(below)) else x for x in (above, below))
    groups: Mapping[str, int] = bottom[0].group_of()
    return above, below, np.array([groups[f] for f in families])


def _one(errors: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(np.log(errors).mean(0, keepdims=True)))


def _table(records: Sequence[Record], metric: str, k: int, query: str) -> tuple[list[str], np.ndarray]:
    """Families that all records have, and their errors [records, families], by seed."""
    ordered = sorted(records, key=lambda r: r.trained.seed if r.trained else 0)
    found = [r.per_family(metric, k, query) for r in ordered]
    families = sorted(set.intersection(*map(set, found))) if found else []
    return families, np.array([[one[f] for f in families] for one in found])


def _with_seeds_of(records: Sequence[Record], others: Sequence[Record]) -> Sequence[Record]:
    """Those with the others' seeds. A method that is not meta-trained has none: it is compared with all."""
    seeds = {r.trained.seed for r in others if r.trained}
    return [r for r in records if r.trained is None or not seeds or r.trained.seed in seeds]
