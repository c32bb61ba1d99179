"""Bootstrap over families, ratios and ranks."""

import numpy as np
import pytest

from mfbench.metrics.statistics import bootstrap_mean, groups_of, ranks, ratio
from mfbench.results.results import EpisodeRow, aggregate


def test_families_linked_by_shared_clusters_form_one_group():
    groups = groups_of([("a",), ("b", "c"), ("c", "d"), ("d",), ("e",), ()])
    assert groups[1] == groups[2] == groups[3]
    assert len(set(groups.tolist())) == 4


def test_interval_agrees_with_the_standard_error():
    values = np.random.default_rng(1).normal(size=200)
    found = bootstrap_mean(values, np.arange(200))
    half = 1.96 * values.std() / np.sqrt(200)
    assert found.value == pytest.approx(values.mean())
    assert found.lo == pytest.approx(values.mean() - half, abs=0.02)
    assert found.hi == pytest.approx(values.mean() + half, abs=0.02)


def test_families_of_one_cluster_move_together():
    # Ten copies of each of eight values carry the information of eight.
    values = np.repeat(np.arange(8.0), 10)
    together = bootstrap_mean(values, np.repeat(np.arange(8), 10))
    apart = bootstrap_mean(values, np.arange(80))
    assert together.hi - together.lo > 2.5 * (apart.hi - apart.lo)


def test_bootstrap_is_reproducible_and_one_group_has_no_interval():
    values = np.array([1.0, 2.0, 4.0])
    assert bootstrap_mean(values, np.arange(3)) == bootstrap_mean(values, np.arange(3))
    alone = bootstrap_mean(values, np.zeros(3, int))
    assert alone.value == pytest.approx(7 / 3)
    assert np.isnan(alone.lo)
    assert np.isnan(alone.hi)


def test_ratio_is_the_geometric_mean_of_family_ratios():
    found = ratio(np.array([2.0, 8.0, 4.0]), np.array([1.0, 1.0, 1.0]), np.arange(3))
    assert found.value == pytest.approx(4.0)
    assert found.lo < 2.0 < 8.0 < found.hi  # three families say little
    inverse = ratio(np.array([1.0, 1.0, 1.0]), np.array([2.0, 8.0, 4.0]), np.arange(3))
    assert inverse.value == pytest.approx(1 / 4)
    assert inverse.lo == pytest.approx(1 / found.hi)


def test_methods_that_cannot_be_told_apart_share_a_rank():
    rng = np.random.default_rng(0)
    base = rng.uniform(1, 2, size=20)
    noise = np.exp(rng.normal(scale=0.05, size=(2, 20)))
    errors = np.stack([base, base * noise[0], 3 * base * noise[1]])
    assert ranks(errors, np.arange(20)) == [1, 1, 3]


def test_holm_corrects_for_the_number_of_pairs():
    # Twelve equal methods: uncorrected, about 3 of 66 pairs would be separated at 5 %.
    errors = np.exp(np.random.default_rng(3).normal(scale=0.1, size=(12, 20)))
    assert ranks(errors, np.arange(20)) == [1] * 12
    assert ranks(errors, np.arange(20), level=3.0) != [1] * 12


def test_no_ranks_under_ten_families():
    assert ranks(np.ones((2, 9)), np.arange(9)) is None
    assert ranks(np.ones((2, 10)), np.arange(10)) == [1, 1]


def test_an_interval_ends_where_the_mean_cannot_be():
    shares = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.5])
    assert bootstrap_mean(shares, np.arange(6)).hi > 1.0
    assert bootstrap_mean(shares, np.arange(6), most=1.0).hi == 1.0
    assert bootstrap_mean(shares, np.arange(6), most=1.0).lo == bootstrap_mean(shares, np.arange(6)).lo


def test_a_share_of_trajectories_is_at_most_one():
    row = {"draw": 0, "failure": None, "adapt_seconds": 0.0, "predict_seconds": 0.0, "compile_seconds": 0.0}
    row |= {"gradient_evaluations": 0, "peak_memory_bytes": None, "metrics": {"all": {}}}
    shares = {f"f{i}": share for i, share in enumerate([1.0, 1.0, 1.0, 1.0, 1.0, 0.5])}
    rows = [EpisodeRow(family_id=f, k=5, stable_share=share, **row) for f, share in shares.items()]
    found = next(
        r for r in aggregate("s", rows, {f: i for i, f in enumerate(shares)}) if r.metric == "stable_share"
    )
    assert found.ci95[1] == 1.0
