"""The harness: what a method gets, what its scores are, and what happens when it fails."""

import dataclasses
import json
import sys
import time

import numpy as np
import pandas as pd
import pytest

import mfbench
from mfbench.errors import UnknownNameError
from mfbench.methods.constant import constant
from mfbench.metrics.errors import COSTS, METRICS
from mfbench.protocol.run_episode import episode_seed
from mfbench.reporting.run_table import print_report


class Spy:
    """Constant zero, and notes what it was given."""

    name = "spy"

    def __init__(self):
        self.adapted, self.asked = [], []

    def adapt(self, support, *, budget, seed):
        self.adapted.append((len(support), budget, seed))
        return self

    def predict(self, configurations):
        self.asked.append(configurations)
        return [mfbench.Prediction(0.0, np.zeros((len(c), 3))) for c in configurations]


class Oracle:
    """Knows every label by its geometry. Exists in tests only."""

    name = "oracle"

    def __init__(self, split):
        tasks = (*split.test, *split.validation)
        self.labels = {c.positions.tobytes(): c for t in tasks for c in (*t.query, *t.heldout)}

    def adapt(self, support, *, budget, seed):
        return self

    def predict(self, configurations):
        known = [self.labels[c.positions.tobytes()] for c in configurations]
        return [mfbench.Prediction(c.energy, c.forces) for c in known]


class Broken(Oracle):
    """An oracle that fails in one way, from K = 5 on, in one family."""

    def __init__(self, split, fault):
        super().__init__(split)
        self.fault = fault
        self.broken_graphs = {c.positions.tobytes() for c in (*split.test[1].query, *split.test[1].heldout)}

    def adapt(self, support, *, budget, seed):
        if support and self.fault == "adapt" and support[0].fragment_id.startswith("test-1"):
            raise RuntimeError("out of\n  luck")
        return _Once(self, len(support))

    def spoil(self, predictions, configurations):
        first = predictions[0]
        match self.fault:
            case "nan":
                return [mfbench.Prediction(float("nan"), first.forces), *predictions[1:]]
            case "huge":
                return [mfbench.Prediction(1e200, first.forces), *predictions[1:]]
            case "infinite force":
                return [mfbench.Prediction(first.energy, first.forces * np.inf), *predictions[1:]]
            case "shape":
                return [mfbench.Prediction(first.energy, first.forces[:-1]), *predictions[1:]]
            case "energies":
                return [mfbench.Prediction(np.zeros(2), first.forces), *predictions[1:]]
            case "few":
                return predictions[1:]
            case "none":
                return None
            case "type":
                return [(c.energy, c.forces) for c in predictions]
            case "raise":
                raise ValueError("no")
            case "exit":
                raise SystemExit(0)
            case "peek":
                return [mfbench.Prediction(c.energy, c.forces) for c in configurations]
            case "write":
                configurations[0].positions[:] = 0
            case "transduce":
                mean = np.mean([p.energy for p in predictions])
                return [mfbench.Prediction(p.energy + mean, p.forces) for p in predictions]
        return predictions


@dataclasses.dataclass
class _Once:
    method: Broken
    k: int

    def predict(self, configurations):
        predictions = Oracle.predict(self.method, configurations)
        if self.k and configurations[0].positions.tobytes() in self.method.broken_graphs:
            return self.method.spoil(predictions, configurations)
        return predictions


REASONS = {
    "adapt": "adapt: RuntimeError: out of luck",
    "nan": "prediction 0: energy or forces are not finite",
    "huge": "prediction 0: energy or forces are not finite",
    "infinite force": "prediction 0: energy or forces are not finite",
    "shape": r"prediction 0: forces have shape \(\d+, 3\), expected \(\d+, 3\)",
    "energies": r"prediction 0: energy has shape \(2,\)",
    "few": "11 predictions for 12 configurations",
    "none": "predict returned NoneType",
    "type": "prediction 0 is not a Prediction",
    "raise": "predict: ValueError: no",
    "exit": "predict: SystemExit",
    "peek": "predict: ProtocolError: a query configuration has no 'energy'",
    "write": "predict: ValueError: .*read-only",
    "transduce": "predictions depend on the other query configurations",
}


def test_an_oracle_has_no_error(split):
    results = mfbench.evaluate(Oracle(split), split, ks=[0, 5], draws=1)
    assert results.exit_code == 0
    for query in ("all", "unseen", "novel"):
        assert results.value("energy_rmse", 5, query) < 1e-8
        assert results.value("force_rmse", 5, query) < 1e-4  # forces are stored in float32
        assert results.value("energy_skill", 5, query) == pytest.approx(1)
    assert results.not_better_than_constant == []


def test_what_a_method_is_given(split):
    spy = Spy()
    budget = mfbench.Budget(steps=7, batch=3)
    mfbench.evaluate(spy, split, ks=[10, 0, 5], draws=2, seed=4, budget=budget)
    # K = 0 once per family, the others once per draw.
    assert [k for k, _, _ in spy.adapted] == [0, 5, 5, 10, 10] * 3
    assert {b for _, b, _ in spy.adapted} == {budget}
    assert len({s for _, _, s in spy.adapted}) == 15
    for configurations in spy.asked:
        with pytest.raises(mfbench.MfbenchError, match="no 'energy'"):
            _ = configurations[0].energy


def test_seeds_are_those_of_the_episode_not_of_the_order(split):
    one, other = Spy(), Spy()
    mfbench.evaluate(one, split, ks=[0, 5], draws=1)
    mfbench.evaluate(other, split, ks=[5], draws=1)
    assert other.adapted == one.adapted[1::2]
    assert episode_seed(0, "a", 5, 1) == 315470644  # the same on every machine
    assert episode_seed(0, "a", 5, 1) != episode_seed(1, "a", 5, 1)


def test_aggregate_is_the_mean_over_draws_then_over_families(split):
    results = mfbench.evaluate("random", split, ks=[5], draws=3)
    by_hand = np.mean(
        [
            np.mean([e.metrics["seen"]["force_rmse"] for e in results.episodes if e.family_id == family])
            for family in ("test-0", "test-1", "test-2")
        ]
    )
    row = results.find("force_rmse", 5, "seen")
    assert row.value == pytest.approx(by_hand)
    assert row.n_families == 3
    assert row.ci95[0] <= row.value <= row.ci95[1]


def test_constant_is_its_own_reference_line(split):
    results = mfbench.evaluate("constant", split, ks=[0, 5], draws=2)
    lines = {(r.metric, r.k, r.query): r.value for r in results.constant}
    for row in results.aggregate:
        if row.metric in METRICS:
            assert row.value == lines[row.metric, row.k, row.query]
    assert len(results.not_better_than_constant) == len(lines)
    assert results.value("force_skill", 5) == pytest.approx(0)
    # Labels move the energies of what they show.
    assert results.value("energy_rmse", 5, "seen") < results.value("energy_rmse", 0)


def test_random_is_worse_than_constant(split):
    guess = mfbench.evaluate("random", split, ks=[5], draws=1)
    assert guess.value("force_rmse", 5) > guess.find("force_rmse", 5, of="constant").value


def test_wrong_family_support_is_worse_and_labelled(split):
    own = mfbench.evaluate("constant", split, ks=[0, 10], draws=2)
    wrong = mfbench.evaluate("constant", split, ks=[0, 10], draws=2, support="wrong-family")
    assert (own.run["support"], wrong.run["support"]) == ("own", "wrong-family")
    assert wrong.value("energy_rmse", 10) > own.value("energy_rmse", 10)
    assert wrong.value("energy_rmse", 0) == own.value("energy_rmse", 0)


def test_validation_fold(split):
    results = mfbench.evaluate("constant", split, ks=[0], draws=1, fold="validation")
    assert {e.family_id for e in results.episodes} == {"validation-0", "validation-1"}


def test_permuting_or_splitting_the_query_changes_no_prediction(split):
    task = split.test[0]
    context = mfbench.MethodContext(split)
    for factory in (constant, mfbench.methods.constant.random):
        predictor = factory(context).adapt(task.support[:5], budget=mfbench.Budget(), seed=3)
        blind = [c.blind() for c in task.query]
        whole = np.array([p.energy for p in predictor.predict(blind)])
        alone = np.array([predictor.predict([c])[0].energy for c in blind[::-1]])[::-1]
        assert whole == pytest.approx(alone, abs=1e-9)


@pytest.mark.parametrize("fault", REASONS)
def test_a_fault_is_a_failed_row_and_finished_episodes_are_kept(split, tmp_path, fault):
    results = mfbench.evaluate(Broken(split, fault), split, ks=[0, 5], draws=1, out=tmp_path / "run")
    failed = results.failures
    assert results.exit_code == 3
    assert [(f.family_id, f.k) for f in failed] == [("test-1", 5)]
    assert pd.Series([failed[0].failure]).str.contains(REASONS[fault]).all(), failed[0].failure
    assert "\n" not in failed[0].failure
    kept = pd.read_parquet(tmp_path / "run" / "predictions.parquet")
    assert len(kept.groupby(["family_id", "k", "draw"])) == 5


def test_a_failed_episode_scores_the_worse_of_constant_and_own_worst(split):
    class Half(Spy):
        """Wrong by a known amount; fails in one family at K = 10."""

        def __init__(self, error):
            super().__init__()
            self.oracle, self.error = Oracle(split), error

        def adapt(self, support, *, budget, seed):
            if len(support) == 10 and support[0].fragment_id.startswith("test-2"):
                raise RuntimeError
            return self

        def predict(self, configurations):
            return [
                mfbench.Prediction(p.energy, p.forces + self.error)
                for p in self.oracle.predict(configurations)
            ]

    def failed_row(error):
        results = mfbench.evaluate(Half(error), split, ks=[5, 10], draws=1)
        line = mfbench.evaluate("constant", split, ks=[10], draws=1)
        [row] = results.failures
        [same] = [e for e in line.episodes if e.family_id == "test-2"]
        return row.metrics, same.metrics, results

    good, line, results = failed_row(0.01)
    assert good["all"] == pytest.approx(line["all"])  # better than constant elsewhere: constant's score
    bad, line, _ = failed_row(5.0)
    assert bad["seen"]["force_rmse"] == pytest.approx(5 * mfbench.EV_TO_KCAL_MOL)  # its own worst
    assert bad["all"]["force_skill"] < line["all"]["force_skill"]
    assert bad["all"]["energy_rmse"] == pytest.approx(line["all"]["energy_rmse"])
    # Penalties count in the mean; the time of a failed episode does not.
    assert results.value("energy_rmse", 10) > 0.3 * line["all"]["energy_rmse"]
    assert results.find("adapt_seconds", 10).n_families == 2


def test_a_method_that_always_fails_scores_like_constant(split):
    class Never(Spy):
        def adapt(self, support, *, budget, seed):
            raise RuntimeError("never")

    results = mfbench.evaluate(Never(), split, ks=[5], draws=1)
    assert len(results.failures) == 3
    assert results.value("energy_rmse", 5) == results.find("energy_rmse", 5, of="constant").value
    assert results.find("adapt_seconds", 5) is None


def test_reported_cost(split):
    class Costly(Spy):
        usage = mfbench.Usage(gradient_evaluations=320, compile_seconds=1e6)

    results = mfbench.evaluate(Costly(), split, ks=[5], draws=1)
    assert results.value("gradient_evaluations", 5) == 320
    assert results.value("compile_seconds", 5) == 1e6
    assert results.value("adapt_seconds", 5) == 0
    assert results.episodes[0].peak_memory_bytes > 1e7


def test_seconds_are_medians_so_that_a_warm_up_does_not_count(split):
    class ColdStart(Spy):
        def adapt(self, support, *, budget, seed):
            if not self.adapted:
                time.sleep(0.5)
            return super().adapt(support, budget=budget, seed=seed)

    results = mfbench.evaluate(ColdStart(), split, ks=[5], draws=1)
    assert results.episodes[0].adapt_seconds >= 0.5
    assert results.value("adapt_seconds", 5) < 0.25
    assert results.find("adapt_seconds", 5).ci95 == (None, None)


def test_the_run_folder(split, tmp_path):
    results = mfbench.evaluate("constant", split, ks=[0, 5], draws=2, out=tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {
        "run.json",
        "predictions.parquet",
        "results.json",
        "rmse_vs_k.png",
    }
    content = json.loads((tmp_path / "results.json").read_text())
    assert content["schema"] == 1
    row = content["aggregate"][0]
    assert set(row) == {"split", "metric", "k", "query", "value", "ci95", "n_families"}
    assert {r["metric"] for r in content["aggregate"]} == {*METRICS, *COSTS}
    assert {r["query"] for r in content["aggregate"]} == {"all", "seen", "unseen", "novel"}
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["request"]["data_hash"] == split.manifest.data_hash
    assert run["sessions"][0]["code"].startswith(mfbench.__version__)
    again = mfbench.read_results(tmp_path / "results.json")
    assert again == results == mfbench.read_results(str(tmp_path))


def test_stored_predictions_give_the_reported_errors(split, tmp_path):
    results = mfbench.evaluate("random", split, ks=[5], draws=1, out=tmp_path)
    stored = pd.read_parquet(tmp_path / "predictions.parquet")
    labels = {c.config_id: c for t in split.test for c in (*t.query, *t.heldout)}
    for episode in results.episodes:
        rows = stored[stored.family_id == episode.family_id]
        errors = [row.energy - labels[row.config_id].energy for row in rows.itertuples()]
        forces = np.concatenate(
            [row.forces - labels[row.config_id].forces.ravel() for row in rows.itertuples()]
        )
        rmse = [np.sqrt(np.mean(np.square(x))) * mfbench.EV_TO_KCAL_MOL for x in (errors, forces)]
        assert rmse == pytest.approx([episode.metrics["all"][m] for m in ("energy_rmse", "force_rmse")])


def test_some_families_alone_score_as_they_do_among_all(split):
    name = split.test[1].family_id
    whole = mfbench.evaluate("constant", split, ks=[5], draws=1)
    alone = mfbench.evaluate("constant", split, ks=[5], draws=1, families=[name])
    assert {row.family_id for row in alone.episodes} == {name}
    assert alone.per_family("force_rmse", 5) == {name: whole.per_family("force_rmse", 5)[name]}
    with pytest.raises(UnknownNameError, match="no family 'nowhere'"):
        mfbench.evaluate("constant", split, families=["nowhere"])


def test_one_level_of_theory_alone_is_its_tasks_and_no_others(split):
    levels = mfbench.load_split("levels-mini")
    asked = {"ks": [5], "draws": 1}
    alone = mfbench.evaluate("constant", levels, level="pm7", **asked)
    assert {e.family_id for e in alone.episodes} == {t.family_id for t in levels.test if t.level == "pm7"}
    assert list(alone.run["levels"]) == ["pm7"]
    with pytest.raises(UnknownNameError, match=r"no task here is at the level 'pm8': choose from .*pm7"):
        mfbench.evaluate("constant", levels, level="pm8", **asked)
    with pytest.raises(UnknownNameError, match="none has a level of its own"):
        mfbench.evaluate("constant", split, level="pm7", **asked)


def test_the_table_tells_levels_of_theory_apart(split, capsys):
    found = mfbench.evaluate("constant", split, ks=[5], draws=1)
    print_report(found)
    assert "families: force" not in capsys.readouterr().out
    first, *others = [task.family_id for task in split.test]
    apart = found.model_copy(update={"run": {**found.run, "levels": {"dft": [first], "pm7": others}}})
    print_report(apart)
    alone = found.per_family("force_rmse", 5)[first]
    assert f"dft, 1 families: force {alone:.2f} at K = 5" in capsys.readouterr().out


def test_the_track_brings_its_recipe_and_the_run_says_so(split, tmp_path, monkeypatch):
    given = []

    def made(name, context, backend):
        given.append(context.options)
        return constant(context)

    monkeypatch.setattr(sys.modules["mfbench.evaluate"], "load_method", made)
    asked = [("converged", {}), ("converged", {"recipe": "tuned"}), ("standard", {})]
    for number, (track, options) in enumerate([*asked, ("converged", {"rate": 1.0})]):
        mfbench.evaluate(
            "pretrain", split, ks=[2], draws=1, track=track, options=options, out=tmp_path / str(number)
        )
        request = json.loads((tmp_path / str(number) / "run.json").read_text())["request"]
        assert request["options"] == given[-1]
    recipes = [options.get("recipe") for options in given]
    assert recipes == ["converged", "tuned", None, "converged"]
    mfbench.evaluate("constant", split, ks=[2], draws=1, track="converged")
    assert given[-1] == {}
