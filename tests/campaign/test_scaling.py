"""Scaling laws: a law is found again, extrapolated as it is, and measured over families."""

import numpy as np
import pytest

from mfbench_campaign.report.scaling import power_law

GROUPS = {"a": 0, "b": 1, "c": 2}


def law(exponents, sizes=(10.0, 100.0, 1000.0)):
    return {x: {f: 8.0 * x**e for f, e in zip(GROUPS, exponents, strict=True)} for x in sizes}


def test_a_law_that_all_families_share_is_found_again_and_goes_on():
    found = power_law(law([-0.3, -0.3, -0.3]), GROUPS)
    assert len(found.exponents) == 2
    assert found.exponents[0] == pytest.approx((-0.3, -0.3, -0.3))
    assert found.at(1e5).value == pytest.approx(8.0 * 1e5**-0.3)
    assert found.points[100.0] == pytest.approx(8.0 * 100**-0.3)


def test_families_that_disagree_widen_the_interval_the_more_the_further_out():
    found = power_law(law([-0.1, -0.3, -0.5]), GROUPS)
    assert found.exponents[-1].lo < -0.3 < found.exponents[-1].hi
    near, far = (np.log(found.at(x).hi / found.at(x).lo) for x in (1e3, 1e6))
    assert far > near > 0


def test_families_that_a_size_lacks_do_not_count():
    errors = law([-0.3, -0.3, 5.0])
    del errors[100.0]["c"]
    assert power_law(errors, GROUPS).exponents[0].value == pytest.approx(-0.3)


def test_a_law_that_bends_goes_on_as_it_ended():
    errors = {x: {f: e for f in GROUPS} for x, e in ((10.0, 8.0), (100.0, 4.0), (1000.0, 3.8))}
    found = power_law(errors, GROUPS)
    assert found.exponents[0].value == pytest.approx(np.log10(0.5))
    assert found.at(1e4).value == pytest.approx(3.8 * 0.95)
