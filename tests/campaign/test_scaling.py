"""Scaling laws: a law is found again, extrapolated as it is, and measured over families."""

import numpy as np
import pytest

from mfbench.compare.contrast import family_errors
from mfbench.compare.record import Record
from mfbench_campaign.folders import CAMPAIGN
from mfbench_campaign.records import Records
from mfbench_campaign.report.scaling import cluster_plan, power_law

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


def test_the_plan_for_a_cluster_costs_what_the_longest_training_did():
    """Half the error for ten times the gradients, at 15 ms each: an eighth after three decades."""
    kept = (CAMPAIGN / "records" / "chemistry~pretrain~seed0~second.json").read_text()
    long = Record.model_validate_json(kept)
    long = trained(long, gradients=100_000, seconds=1500.0)
    assert cluster_plan(Records([long])) is None
    forces = {k: [2 * error for error in errors] for k, errors in long.errors["force_rmse"]["all"].items()}
    short = trained(long, gradients=10_000, seconds=200.0).model_copy(
        update={"name": "chemistry/pretrain/seed0/second-10k", "errors": {"force_rmse": {"all": forces}}}
    )
    plan = cluster_plan(Records([short, long]))
    assert (plan["milliseconds"], plan["decades"]) == ("15.0", "3.0")
    at_the_end = family_errors([long], "force_rmse", 50)
    far = np.exp(np.mean(np.log(list(at_the_end.values())))) / 2**3
    assert plan["forces"].startswith(f"{far:.2f} ")


def trained(record, **changes):
    return record.model_copy(update={"trained": record.trained.model_copy(update=changes)})
