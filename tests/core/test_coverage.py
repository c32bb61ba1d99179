"""Intervals hold the truth about as often as they say, with few families and with few seeds too."""

import numpy as np
import pytest

from mfbench.metrics.statistics import bootstrap_mean, ranks, ratio, smallest_ratio
from mfbench.metrics.student_t import two_sided, upper_quantile
from mfbench.metrics.two_level import percentile_interval, sums_of

TRIALS, RESAMPLES = 300, 400
STANDARD_ERROR = np.sqrt(0.95 * 0.05 / TRIALS)  # 0.013


def coverage(draw, groups, truth=0.0, interval=bootstrap_mean):
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(TRIALS):
        _, lo, hi = interval(draw(rng), groups, n_resamples=RESAMPLES)
        held += lo <= truth <= hi
    return held / TRIALS


def percentile(values, groups, n_resamples):
    return 0.0, *percentile_interval(sums_of(np.atleast_2d(values), groups), n_resamples, 0)


@pytest.mark.parametrize("count", [4, 6, 11])
def test_few_families(count):
    def draw(rng):
        return rng.normal(size=count)

    assert coverage(draw, np.arange(count)) > 0.95 - 3 * STANDARD_ERROR
    if count == 6:  # what percentiles would make of it
        assert coverage(draw, np.arange(count), interval=percentile) < 0.90


@pytest.mark.parametrize(("count", "better_by"), [(8, 0.04), (10, 0.02), (14, 0.01)])
def test_few_families_with_skewed_errors(count, better_by):
    skewed = lambda rng: np.exp(0.5 * rng.normal(size=count))  # noqa: E731
    ours = coverage(skewed, np.arange(count), truth=np.exp(0.125))
    assert ours > 0.88
    theirs = coverage(skewed, np.arange(count), truth=np.exp(0.125), interval=percentile)
    assert ours > theirs + better_by


def test_one_family_that_differs_makes_no_endless_interval():
    rng = np.random.default_rng(3)
    for count in (10, 11, 14):
        values = np.append(rng.uniform(2, 3, count - 1), 100.0)
        found = bootstrap_mean(values, np.arange(count), least=0.0)
        assert found.hi < 4 * found.value


def test_few_groups_are_told_apart_no_more_often_than_said():
    """Ten families in two, three and four groups, and two methods that are equal."""
    for count in (2, 3, 4, 10):
        rng, groups, apart = np.random.default_rng(4), np.arange(10) % count, 0
        for _ in range(TRIALS):
            log = 0.2 * rng.normal(size=count)[groups] + 0.02 * rng.normal(size=10)
            apart += ranks(np.exp(np.stack([log, np.zeros(10)])), groups) != [1, 1]
        assert apart / TRIALS < 0.05 + 3 * STANDARD_ERROR


def test_families_that_move_together():
    """Twenty families in ten pairs: each pair counts as one."""
    groups = np.repeat(np.arange(10), 2)
    found = coverage(lambda rng: rng.normal(size=10)[groups] + 0.1 * rng.normal(size=20), groups)
    assert found > 0.95 - 3 * STANDARD_ERROR


@pytest.mark.parametrize("count", [11, 27])
def test_seeds_that_differ(count):
    """Three seeds with a spread of their own; their mean alone would be believed too much."""

    def draw(rng):
        return rng.normal(size=count) + 0.3 * rng.normal(size=(3, 1)) + 0.3 * rng.normal(size=(3, count))

    groups = np.arange(count)
    assert coverage(draw, groups) > 0.90
    if count == 27:
        assert coverage(lambda rng: draw(rng).mean(0), groups) < 0.90


def test_seeds_without_a_spread_cost_little_width():
    rng = np.random.default_rng(1)
    families = rng.normal(size=27)
    alone = bootstrap_mean(families, np.arange(27))
    three = bootstrap_mean(np.tile(families, (3, 1)), np.arange(27))
    assert three.hi - three.lo == pytest.approx(alone.hi - alone.lo, rel=0.1)


def test_the_smallest_ratio_is_shown_in_four_of_five_cases():
    rng, groups, spread = np.random.default_rng(2), np.arange(20), 0.2
    example = np.exp(spread * rng.normal(size=(400, 20)))
    smallest = np.exp(np.median([np.log(smallest_ratio(x, np.ones(20), groups)) for x in example]))
    shown = [ratio(smallest * x, np.ones(20), groups, n_resamples=RESAMPLES).lo > 1 for x in example]
    assert 0.73 < np.mean(shown) < 0.9
    assert smallest_ratio(np.ones(3), np.ones(3), np.zeros(3)) == float("inf")


def test_students_t():
    assert upper_quantile(0.975, 2) == pytest.approx(4.3027, abs=1e-3)
    assert upper_quantile(0.975, 1e6) == pytest.approx(1.96, abs=1e-3)
    assert two_sided(np.array([2.2281]), 10)[0] == pytest.approx(0.05, abs=1e-4)
