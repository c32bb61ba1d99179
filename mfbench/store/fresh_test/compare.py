"""Claimed errors against fresh ones, fragment by fragment, and the verdict that follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL
from mfbench.metrics.errors import METRICS, within_fragment
from mfbench.protocol.episode import Episode
from mfbench.results.episode_errors import EpisodeErrors
from mfbench.store.fresh_test.record import RATIO_TOLERANCE, Comparison, Verdict

__all__ = ["COMPARED", "FragmentErrors", "SquareErrors", "compare", "overall_verdict"]

COMPARED = ("force_rmse", "energy_rmse_within", "energy_rmse")
_COUNT = "n"
_RESAMPLES = 2000
_FEWEST = 5
"""Fragments without which nothing is decided."""
_WIDEST = 1.5
"""Where the typical ratio's upper bound lies below this, a claim of half the truth is excluded."""

FragmentErrors = dict[tuple[str, str], dict[str, float]]
"""(family, fragment) → metric → mean square error; and ``n``, of so many configurations."""


class SquareErrors:
    """Square errors of fragments, collected over draws."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)

    def add(self, episode: Episode, record: EpisodeErrors, fragments: set[str]) -> None:
        """Take in the errors of an episode on some of its fragments."""
        assert record.errors is not None
        error = record.errors.energy * EV_TO_KCAL_MOL
        within = within_fragment(error, episode.fragments)
        force = record.errors.force_square * EV_TO_KCAL_MOL**2
        for name in fragments:
            rows = episode.fragments == name
            if rows.any():
                self._found[episode.family_id, name].append(
                    {
                        "force_rmse": float(force[rows].mean()),
                        "energy_rmse_within": float(np.mean(within[rows] ** 2)),
                        "energy_rmse": float(np.mean(error[rows] ** 2)),
                        _COUNT: float(rows.sum()),
                    }
                )

    def errors(self) -> FragmentErrors:
        """Mean over draws."""
        return {
            key: {m: float(np.mean([row[m] for row in rows])) for m in (*COMPARED, _COUNT)}
            for key, rows in self._found.items()
        }


def compare(claimed: FragmentErrors, fresh: FragmentErrors, k: int) -> list[Comparison]:
    """Every compared metric: RMSE over the fragments of a family, then the mean over families."""
    keys = sorted(set(claimed) & set(fresh))
    families = np.unique([family for family, _ in keys], return_inverse=True)[1]
    drawn = _redrawn(families, np.random.default_rng(0))
    found = []
    for metric in COMPARED:
        pairs = np.array([[claimed[key][metric], fresh[key][metric]] for key in keys])
        if metric == "energy_rmse_within":
            pairs[:, 1] *= [_same_size(claimed[key], fresh[key]) for key in keys]
        point = _by_family(pairs[None], families)[0]
        draws = _by_family(pairs[drawn], families)
        low, high = np.percentile(draws[..., 0].mean(axis=1), [2.5, 97.5])
        logs = 0.5 * np.log(pairs[:, 1] / pairs[:, 0])
        typical = float(np.exp(_family_means(logs[None], families)[0].mean()))
        bounds = np.exp(np.percentile(_family_means(logs[drawn], families).mean(axis=1), [2.5, 97.5]))
        whole = float(point[:, 1].mean() / point[:, 0].mean())
        wholes = np.percentile(draws[..., 1].mean(axis=1) / draws[..., 0].mean(axis=1), [2.5, 97.5])
        enough = len(keys) >= _FEWEST
        found.append(
            Comparison(
                metric=metric,
                k=k,
                unit=METRICS[metric].unit,
                claimed=float(point[:, 0].mean()),
                claimed_ci95=(float(low), float(high)),
                fresh=float(point[:, 1].mean()),
                ratio=whole,
                ratio_ci95=(float(wholes[0]), float(wholes[1])),
                typical=typical,
                typical_ci95=(float(bounds[0]), float(bounds[1])),
                verdict=_verdict(typical, float(bounds[0]), float(bounds[1]), float(wholes[0]))
                if enough
                else Verdict.UNDECIDED,
            )
        )
    return found


def _same_size(claimed: Mapping[str, float], fresh: Mapping[str, float]) -> float:
    """Of n errors less their own mean, (n - 1) / n is left: the factor from the fresh n to the claimed."""
    left = [1.0 - 1.0 / found[_COUNT] if found.get(_COUNT, 0.0) > 1 else 1.0 for found in (claimed, fresh)]
    return left[0] / left[1]


def _by_family(pairs: np.ndarray, families: np.ndarray) -> np.ndarray:
    """[r, n_families, 2] root-mean-squares over the fragments of [r, n_fragments, 2]."""
    means = [_family_means(pairs[..., c], families) for c in (0, 1)]
    roots: np.ndarray = np.sqrt(np.stack(means, axis=-1))
    return roots


def _family_means(values: np.ndarray, families: np.ndarray) -> np.ndarray:
    """[r, n_families] means over the fragments of [r, n_fragments]."""
    member = np.eye(families.max() + 1)[families]
    means: np.ndarray = values @ (member / member.sum(axis=0))
    return means


def _redrawn(families: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[r, n_fragments] indices: fragments drawn anew within each family. ``families`` is sorted."""
    counts = np.bincount(families)
    starts = np.cumsum(counts) - counts
    u = rng.random((_RESAMPLES, len(families)))
    drawn: np.ndarray = starts[families] + (u * counts[families]).astype(int)
    return drawn


def _verdict(typical: float, lo: float, hi: float, whole_lo: float) -> Verdict:
    if max(lo, whole_lo) > RATIO_TOLERANCE:
        return Verdict.REFUTED
    return Verdict.CONFIRMED if typical <= RATIO_TOLERANCE and hi <= _WIDEST else Verdict.UNDECIDED


def overall_verdict(comparisons: Sequence[Comparison]) -> Verdict:
    """Refuted by any comparison; confirmed by the forces, of which there is most evidence."""
    if any(c.verdict == Verdict.REFUTED for c in comparisons):
        return Verdict.REFUTED
    forces = [c.verdict for c in comparisons if c.metric == "force_rmse"]
    return Verdict.CONFIRMED if all(v == Verdict.CONFIRMED for v in forces) else Verdict.UNDECIDED
