"""A method may state how sure it is: blind, checked, held against the truth, and shown."""

from dataclasses import replace

import numpy as np
import pytest

import mfbench
from mfbench.errors import PredictionError
from mfbench.learned.methods.corrected import CorrectedPredictor
from mfbench.protocol.method import MethodContext
from mfbench.protocol.stated import check_deviations
from mfbench.reporting.run_table import print_report
from mfbench.results.results import read_results
from mfbench.submission import check_run

ENERGY, FORCE = 0.2, 0.05
"""eV and eV/Å: of the errors that ``Stated`` makes."""


class Stated:
    """The truth plus Gaussian errors, whose size it states times ``factor``; K = 5 it states nothing."""

    name = "stated"

    def __init__(self, truth, factor=1.0, change=lambda i, prediction: prediction):
        self.truth, self.factor, self.change = truth, factor, change

    def adapt(self, support, *, budget, seed):
        self.states = len(support) != 5
        return self

    def predict(self, configurations):
        return [self.change(i, self.one(c)) for i, c in enumerate(configurations)]

    def one(self, c):
        rng = np.random.default_rng(np.frombuffer(c.positions.tobytes(), np.uint32))
        energy, forces = self.truth(c.atomic_numbers, c.positions)
        found = mfbench.Prediction(
            energy + ENERGY * rng.normal(), forces + FORCE * rng.normal(size=forces.shape)
        )
        if not self.states:
            return found
        return replace(
            found, energy_std=self.factor * ENERGY, forces_std=np.full(forces.shape, self.factor * FORCE)
        )


@pytest.mark.parametrize(("factor", "share"), [(1.0, 0.9), (0.5, 0.589), (1000.0, 1.0)])
def test_the_share_inside_the_stated_interval_is_that_of_a_gaussian(split, label, factor, share):
    results = mfbench.evaluate(Stated(label, factor), split, ks=[10], draws=1)
    assert results.exit_code == 0
    queries = [c for t in split.test for c in (*t.query, *t.heldout)]
    for name, count in (
        ("energy_coverage", len(queries)), ("force_coverage", 3 * sum(map(len, queries))),
    ):  # fmt: skip
        sigma = np.sqrt(share * (1 - share) / count)
        assert results.value(name, 10) == pytest.approx(share, abs=4 * sigma + 1e-3)


def test_coverage_is_recorded_shown_and_declared_where_it_is_stated_and_nowhere_else(
    split, label, tmp_path, capsys
):
    results = mfbench.evaluate(Stated(label), split, ks=[5, 10], draws=1, out=tmp_path / "run")
    assert results.find("energy_coverage", 5) is None
    assert read_results(tmp_path / "run").find("force_coverage", 10) == results.find("force_coverage", 10)
    silent, stating = (next(row for row in results.episodes if row.k == k) for k in (5, 10))
    assert (silent.energy_coverage, silent.force_coverage) == (None, None)
    assert 0 < stating.force_coverage <= 1
    text = (tmp_path / "run" / "results.json").read_text()
    assert text.count('"energy_coverage":') == len(split.test)
    print_report(results)
    said = " ".join(capsys.readouterr().out.split())
    shares = [100 * results.value(f"{name}_coverage", 10) for name in ("energy", "force")]
    assert f"stated 90% interval: {shares[0]:.0f} % of energies and {shares[1]:.0f} % of force" in said
    constant_run = mfbench.evaluate("constant", split, ks=[5], draws=1)
    assert constant_run.find("force_coverage", 5) is None
    assert "coverage" not in constant_run.to_json()


def test_the_draft_of_a_card_declares_it(maker, label, tmp_path):
    found = mfbench.evaluate(Stated(label), "board-chains", ks=[0, 10], draws=1, out=tmp_path / "run")
    cost = check_run(tmp_path / "run").card.costs[-1]
    assert cost.energy_coverage == pytest.approx(found.value("energy_coverage", 10), abs=1e-4)
    assert cost.force_coverage == pytest.approx(found.value("force_coverage", 10), abs=1e-4)


BAD = {
    "not finite": ({"energy_std": np.inf}, "energy_std is not finite and positive"),
    "NaN": ({"forces_std": np.full((4, 3), np.nan)}, "forces_std is not finite and positive"),
    "zero": ({"forces_std": np.zeros((4, 3))}, "forces_std is not finite and positive"),
    "negative": ({"energy_std": -1.0}, "energy_std is not finite and positive"),
    "another shape": ({"forces_std": np.ones(4)}, r"forces_std has shape \(4,\)"),
    "several energies": ({"energy_std": [1.0, 2.0]}, r"energy_std has shape \(2,\)"),
    "words": ({"energy_std": "small"}, "energy_std is not numeric"),
    "for some": ({"energy_std": None}, "prediction 1 states no energy_std, others do"),
}


@pytest.mark.parametrize(("change", "says"), BAD.values(), ids=BAD)
def test_what_is_no_uncertainty_is_refused(change, says):
    molecule = mfbench.Configuration(np.array([6, 1, 1, 8]), np.eye(4, 3))
    sound = mfbench.Prediction(0.0, np.zeros((4, 3)), 1.0, np.ones((4, 3)))
    energies, forces = check_deviations([sound, sound], [molecule, molecule])
    assert energies.tolist() == [1.0, 1.0]
    assert [f.shape for f in forces] == [(4, 3)] * 2
    with pytest.raises(PredictionError, match=says):
        check_deviations([sound, replace(sound, **change)], [molecule, molecule])


def test_a_bad_one_fails_its_episode(split, label):
    change = lambda i, p: replace(p, energy_std=-1.0) if i == 2 else p  # noqa: E731
    results = mfbench.evaluate(Stated(label, change=change), split, ks=[10], draws=1)
    assert {row.failure for row in results.failures} == {
        "predict: PredictionError: prediction 2: energy_std is not finite and positive: state None"
    }
    assert results.find("energy_coverage", 10) is None


def test_it_passes_through_the_correction(split):
    """What ``mfbench.corrected`` adds is energy; the method's own statement stays."""

    class Inner:
        def predict(self, configurations):
            return [self.one(len(c)) for c in configurations]

        def one(self, n):
            return mfbench.Prediction(0.0, np.zeros((n, 3)), 0.3, np.ones((n, 3)))

    context, task = MethodContext(split), split.test[0]
    query = [c.blind() for c in task.query]
    predictor = mfbench.corrected(Inner(), task.support, context)
    found, silent = predictor.predict(query), CorrectedPredictor.predict(predictor, query)
    assert [p.energy_std for p in found] == [0.3] * len(query)
    assert all((p.forces_std == 1).all() for p in found)
    assert [p.energy for p in found] == [p.energy for p in silent]
