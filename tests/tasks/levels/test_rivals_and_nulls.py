"""Rivals without a network, and labels of a wrong level as the null of levels."""

import numpy as np
import pytest

import mfbench
from mfbench.cli import main
from mfbench.data.task import Fold
from mfbench.errors import ProtocolError
from mfbench.protocol.catalogue import METHODS
from mfbench_tasks.levels import rivals

NAMES = ("gfn1", "gfn2", "gfn1-bond-terms", "gfn2-bond-terms")


@pytest.fixture(scope="module")
def mini():
    return mfbench.load_split("levels-mini")


@pytest.fixture(scope="module")
def few(mini):
    """One test task, and few of its configurations."""
    from dataclasses import replace

    task = min((t for t in mini.test if t.level == "pm7"), key=lambda t: len(t.support[0]))
    small = replace(task, query=task.query[:4], heldout=task.heldout[:4])
    return replace(mini, tasks=(*(t for t in mini.tasks if t.fold != Fold.TEST), small))


def test_every_rival_is_registered_and_the_open_track_is_its_own():
    for name in NAMES:
        assert METHODS[name].open_only


def test_a_rival_runs_by_its_name_on_the_open_track_alone(few):
    found = mfbench.evaluate("gfn2-bond-terms", few, ks=[0, 10], draws=1)
    assert found.run["track"] == "open"
    assert found.value("force_rmse", 10) < 0.8 * found.value("force_rmse", 0)
    with pytest.raises(ProtocolError, match="--track open"):
        mfbench.evaluate("gfn2", few, ks=[5], draws=1, track="standard")


def test_a_level_s_own_labels_are_predicted_without_error(mini):
    """The energy zero is the split's, for train levels too."""
    for level in ("gfn1", "gfn2"):
        task = next(t for t in mini.train if t.level == level)
        method = getattr(rivals, level)(mfbench.MethodContext(mini))
        query = task.query[:2]
        predicted = method.adapt([], budget=mfbench.Budget(), seed=0).predict([c.blind() for c in query])
        for p, c in zip(predicted, query, strict=True):
            assert p.energy == pytest.approx(c.energy, abs=1e-4)
            np.testing.assert_allclose(p.forces, c.forces, atol=1e-3)


def test_gfn2_is_exact_where_it_made_the_labels():
    split = mfbench.load_split("cath-mini")
    method = rivals.gfn2(mfbench.MethodContext(split))
    query = split.test[0].query[:2]
    predicted = method.adapt([], budget=mfbench.Budget(), seed=0).predict([c.blind() for c in query])
    for c, p in zip(query, predicted, strict=True):
        np.testing.assert_allclose(p.forces, c.forces, atol=1e-3)
        assert p.energy == pytest.approx(c.energy, abs=1e-4)


def test_a_level_is_asked_once_for_a_configuration_and_for_its_charge_and_spin(mini, monkeypatch):
    from mfbench_tasks.labelling.registry import find_level

    calls, level = [], find_level("gfn2")
    made = type(level).engine
    monkeypatch.setattr(type(level), "engine", lambda *a: calls.append(a[2:]) or made(*a))
    x = np.array([[0.0, 0, 0], [0.97, 0, 0]])
    anion = mfbench.Configuration(np.array([8, 1], np.int32), x, total_charge=-1)
    radical = mfbench.Configuration(np.array([8, 1], np.int32), x, n_unpaired=1)
    predictor = rivals.gfn2(mfbench.MethodContext(mini)).adapt([], budget=mfbench.Budget(), seed=0)
    energies = [[p.energy for p in predictor.predict([anion, radical])] for _ in range(3)]
    assert calls == [(-1, 0), (0, 1)]
    assert energies[0] == energies[1] == energies[2]
    assert abs(energies[0][0] - energies[0][1]) > 0.1


def test_another_split_gives_a_level_its_zero_from_meta_train():
    split = mfbench.load_split("cath-mini")
    method = rivals.gfn1(mfbench.MethodContext(split))
    c = split.test[0].query[0]
    [p] = method.adapt([], budget=mfbench.Budget(), seed=0).predict([c.blind()])
    assert abs(p.energy - c.energy) < 1.0  # raw zeros are 10 eV apart


def test_wrong_level_support_is_the_same_configurations_with_the_reference_s_labels(mini):
    task = mini.test[0]
    own = mfbench.draw_episode(mini, task, 10, 0)
    wrong = mfbench.draw_episode(mini, task, 10, 0, reference_labels=True)
    assert [c.config_id for c in own.support] == [c.config_id for c in wrong.support]
    assert [c.energy for c in own.query] == [c.energy for c in wrong.query]
    apart = [
        np.sqrt(np.mean((a.forces - b.forces) ** 2))
        for a, b in zip(own.support, wrong.support, strict=True)
    ]
    assert min(apart) > 0.1  # eV/Å


def test_labels_of_the_wrong_level_teach_nothing(few):
    """GFN2's labels as the support: GFN2 used as a method has nothing to correct, and stays as wrong."""
    own, wrong = (
        mfbench.evaluate("gfn2-bond-terms", few, ks=[10], draws=1, support=support)
        for support in ("own", "wrong-level")
    )
    assert wrong.run["support"] == "wrong-level"
    assert wrong.value("force_rmse", 10) > 1.25 * own.value("force_rmse", 10)
    assert wrong.value("energy_rmse", 10) > 1.25 * own.value("energy_rmse", 10)


def test_a_split_without_levels_has_no_wrong_level(capsys, tmp_path):
    asked = ["evaluate", "-m", "constant", "-s", "cath-mini", "--out", str(tmp_path / "run")]
    assert main([*asked, "--k", "5", "--draws", "1", "--support", "wrong-level"]) == 2
    assert "level of their own" in capsys.readouterr().err
    split = mfbench.load_split("cath-mini")
    with pytest.raises(ProtocolError, match="no level of its own"):
        mfbench.draw_episode(split, split.test[0], 5, 0, reference_labels=True)
