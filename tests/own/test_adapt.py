"""From a stranger's file to a model that predicts in the file's own zero, runs, and knows its error."""

import itertools
import json
import re
import shutil
import time

import ase.io
import numpy as np
import pytest
from ase import Atoms

pytest.importorskip("jax")

import mfbench
from mfbench.cli import main
from mfbench.errors import CheckpointError, UnknownNameError
from mfbench.own.adapt import affordable
from mfbench.own.cross_validate import HeldOut, cross_validate
from mfbench.own.energy_zero import fit_zero
from mfbench.own.fit import RECIPES, recipe_of
from mfbench.own.folds import blocked_folds
from mfbench.own.last_layer import fit_last_layer
from mfbench.own.model import load_model
from mfbench.own.starts import candidate_starts, find_start
from mfbench.protocol.loading import load_engine

pytestmark = pytest.mark.usefixtures("short_compilations")

ZERO = -4321.5
"""eV: energies of another program lie far away from those that a start was trained on."""


@pytest.fixture(scope="module")
def molecule():
    """Configurations of the smallest test fragment: 18 to learn from, 12 to be asked about."""
    task = mfbench.load_split("cath-mini").test[0]
    size = {c.fragment_id: len(c) for c in task.support}
    chosen = min(size, key=lambda name: (size[name], name))
    mine = [[c for c in pool if c.fragment_id == chosen] for pool in (task.support, task.query)]
    return mine[0][:18], mine[1][:12]


def write(path, configurations, labelled=True):
    images = []
    for c in configurations:
        atoms = Atoms(c.atomic_numbers, c.positions, info={"charge": c.total_charge})
        if labelled:
            atoms.info["REF_energy"] = c.energy + ZERO
            atoms.arrays["REF_forces"] = c.forces
        images.append(atoms)
    ase.io.write(path, images, format="extxyz")


@pytest.fixture(scope="module")
def adapted(molecule, tmp_path_factory):
    """What the command leaves in its folder."""
    home = tmp_path_factory.mktemp("own")
    write(home / "mine.xyz", molecule[0])
    write(home / "new.xyz", molecule[1], labelled=False)
    arguments = ["adapt", str(home / "mine.xyz"), "--out", str(home / "model")]
    assert main([*arguments, "--start", "cath-mini/pretrain", "--steps", "20"]) == 0
    return home


def test_the_folder_holds_model_card_metrics_and_report(adapted):
    metrics = json.loads((adapted / "model" / "metrics.json").read_text())
    assert metrics["n_support"] == 18
    assert 0 < metrics["force_rmse"] < 20
    assert 0 < metrics["energy_rmse"] < 20
    card = json.loads((adapted / "model" / "card.json").read_text())
    assert card["start"] == "cath-mini/pretrain"
    assert card["calibration"]["coverage"] == 0.9
    page = (adapted / "model" / "report.html").read_text()
    assert "mine.xyz" in page
    assert not re.search(r"(src|href|url)\s*[=(]\s*[\"']?https?:", page), "it must open without a network"


def test_a_model_that_was_saved_without_atoms_is_read(adapted, tmp_path):
    shutil.copytree(adapted / "model", tmp_path / "old")
    card = json.loads((tmp_path / "old" / "card.json").read_text())
    del card["atoms"]
    (tmp_path / "old" / "card.json").write_text(json.dumps(card))
    assert [m.atoms for m in load_model(tmp_path / "old").members] == [None] * len(card["baselines"])


def test_predictions_are_in_the_zero_of_the_file_and_within_what_was_said(adapted, molecule, tmp_path):
    model = str(adapted / "model")
    assert main(["predict", model, str(adapted / "new.xyz"), "--out", str(tmp_path / "p.xyz")]) == 0
    found = ase.io.read(tmp_path / "p.xyz", ":")
    metrics = json.loads((adapted / "model" / "metrics.json").read_text())
    energies = np.array([a.get_potential_energy() for a in found])
    true = np.array([c.energy + ZERO for c in molecule[1]])
    kcal = mfbench.EV_TO_KCAL_MOL
    assert np.sqrt(np.mean((energies - true) ** 2)) * kcal < 2.5 * metrics["energy_rmse"] + 1
    forces = np.concatenate(
        [(a.get_forces() - c.forces).ravel() for a, c in zip(found, molecule[1], strict=True)]
    )
    assert np.sqrt(np.mean(forces**2)) * kcal < 1.5 * metrics["force_rmse"]
    bars = np.concatenate([a.arrays["forces_uncertainty"].ravel() for a in found])
    assert 0.75 < np.mean(np.abs(forces) <= bars) < 0.99


def test_the_calculator_says_what_the_model_says_and_its_forces_are_the_gradient(adapted, molecule):
    model = load_model(adapted / "model")
    c = molecule[1][0]
    atoms = Atoms(c.atomic_numbers, c.positions)
    atoms.calc = model.calculator()
    (prediction,) = model.predict([c])
    assert atoms.get_potential_energy() == pytest.approx(prediction.energy)
    np.testing.assert_allclose(atoms.get_forces(), prediction.forces)
    assert atoms.calc.results["forces_uncertainty"].shape == (len(c), 3)
    direction = prediction.forces / np.linalg.norm(prediction.forces)
    ends = [c.positions + s * 0.02 * direction for s in (-1, 1)]
    low, high = (
        p.energy
        for p in model.predict([mfbench.Configuration(c.atomic_numbers, x, c.total_charge) for x in ends])
    )
    assert -(high - low) / 0.04 == pytest.approx(np.linalg.norm(prediction.forces), rel=0.05)


def test_it_runs(adapted, tmp_path):
    arguments = ["simulate", str(adapted / "model"), str(adapted / "new.xyz"), "--ps", "0.02", "--quiet"]
    assert main([*arguments, "--ensemble", "nve", "--out", str(tmp_path / "md")]) == 0
    found = json.loads((tmp_path / "md" / "stability.json").read_text())
    assert found["stable"]
    assert found["simulated_ps"] == pytest.approx(0.02)
    assert found["drift_meV_per_atom_ps"] is not None


def test_a_triplet_is_simulated_as_one(adapted, tmp_path):
    atoms = ase.io.read(adapted / "new.xyz")
    atoms.info["n_unpaired"] = 2
    ase.io.write(tmp_path / "triplet.xyz", atoms, format="extxyz")
    arguments = ["simulate", str(adapted / "model"), str(tmp_path / "triplet.xyz"), "--ps", "0.005"]
    assert main([*arguments, "--quiet", "--out", str(tmp_path / "md")]) == 0
    assert ase.io.read(tmp_path / "md" / "trajectory.xyz").info["n_unpaired"] == 2


def test_the_zero_is_exact_for_one_molecule_and_for_several(molecule):
    mine = [c.with_label(c.energy + ZERO, c.forces) for c in molecule[0]]
    start = find_start("cath-mini/pretrain", mine)
    fitted = fit_zero(start.baseline, mine, np.zeros(len(mine)))
    assert np.mean(fitted.energies(mine)) == pytest.approx(np.mean([c.energy for c in mine]), abs=1e-6)


def test_a_start_that_lacks_an_element_is_refused_and_auto_passes_it_over(molecule):
    copper = [
        mfbench.Configuration(np.append(c.atomic_numbers, 29), np.vstack([c.positions, [9, 9, 9]]))
        for c in molecule[0]
    ]
    with pytest.raises(CheckpointError, match="was not trained on Cu"):
        find_start("cath-mini/pretrain", copper)
    with pytest.raises(CheckpointError, match="no start 'nonsense'"):
        find_start("nonsense", copper)
    names = [s.name for s in candidate_starts(copper)]
    assert "cath-mini/pretrain" not in names
    assert "scratch" in names


def test_bad_calls_are_one_line_and_leave_nothing(adapted, molecule, tmp_path, capsys):
    assert main(["adapt", str(adapted / "mine.xyz"), "--out", str(adapted / "model")]) == 2
    assert "not empty" in capsys.readouterr().err
    assert main(["adapt", str(adapted / "mine.xyz"), "--out", str(tmp_path / "x"), "--time", "soon"]) == 2
    assert "90s or 5min" in capsys.readouterr().err
    assert main(["predict", str(tmp_path), str(adapted / "new.xyz"), "--out", str(tmp_path / "p.xyz")]) == 2
    assert "mfbench adapt" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_limit_of_time_binds_scratch_too(molecule):
    """Its first recipe is a cheap one: without, 2,000 steps would be cross-validated whatever they take."""
    from mfbench.own.adapt import plan_of

    starts = candidate_starts(molecule[0])
    alone = [s for s in starts if s.name == "scratch"]
    assert [r.steps for _, r in plan_of(alone, RECIPES)] == [20, 300, 2000]
    both = plan_of(starts, RECIPES)
    assert both[0][1].steps == 20
    assert [(s.name, r.steps) for s, r in both if s.name == "scratch"] == [("scratch", 2000)]


@pytest.fixture(scope="module")
def unsure(molecule):
    """One model with both kinds of error bars, from 18 labels."""
    mine = [c.with_label(c.energy + ZERO, c.forces) for c in molecule[0]]
    return mfbench.adapt(mine, "cath-mini/pretrain", steps=20, uncertainty="both")


def test_the_last_layer_is_less_sure_of_what_it_has_not_seen(unsure, molecule):
    last, first = unsure.committee.last_layer, unsure.members[0]
    near = last.deviations(unsure.engine, first, molecule[0])
    stretched = [
        mfbench.Configuration(c.atomic_numbers, 1.15 * c.positions, c.total_charge) for c in molecule[0]
    ]
    far = last.deviations(unsure.engine, first, stretched)
    assert np.mean(far[0]) > 3 * np.mean(near[0])
    mean_of = lambda forces: np.mean([np.mean(f) for f in forces])  # noqa: E731
    assert mean_of(far[1]) > 2 * mean_of(near[1])
    few = fit_last_layer(unsure.engine, first, molecule_with_zero(molecule[0][:4]))
    assert np.mean(few.deviations(unsure.engine, first, molecule[1])[0]) > np.mean(
        last.deviations(unsure.engine, first, molecule[1])[0]
    )


def molecule_with_zero(configurations):
    return [c.with_label(c.energy + ZERO, c.forces) for c in configurations]


def test_bars_of_the_last_layer_are_calibrated_saved_and_among_the_results(unsure, molecule, tmp_path):
    unsure.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert again.committee.uncertainty == "both"
    asked = molecule_with_zero(molecule[1])
    inside = []
    for (p, bars), (q, same), c in zip(
        unsure.predict_with_uncertainty(asked), again.predict_with_uncertainty(asked), asked, strict=True
    ):
        assert q.energy == pytest.approx(p.energy)
        assert same.energy == pytest.approx(bars.energy)
        np.testing.assert_allclose(same.forces, bars.forces, rtol=1e-5)
        inside.append((np.abs(p.forces - c.forces) <= bars.forces).ravel())
    assert 0.75 < np.mean(np.concatenate(inside)) < 0.99
    atoms = Atoms(asked[0].atomic_numbers, asked[0].positions)
    atoms.calc = again.calculator()
    atoms.get_forces()
    (bars,) = unsure.uncertainty(asked[:1])
    np.testing.assert_allclose(atoms.calc.results["forces_uncertainty"], bars.forces, rtol=1e-4)
    assert atoms.calc.results["energy_uncertainty"] == pytest.approx(bars.energy, rel=1e-4)
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    (tmp_path / "model" / "card.json").write_text(json.dumps({**card, "uncertainty": "committee"}))
    with pytest.raises(CheckpointError, match="damaged"):
        load_model(tmp_path / "model")


def test_an_uncertainty_that_there_is_not_is_refused(molecule):
    with pytest.raises(UnknownNameError, match="choose one of committee, laplace, both"):
        mfbench.adapt(molecule[0], "cath-mini/pretrain", uncertainty="dropout")


def test_compiling_does_not_count_against_what_comes_later(molecule, monkeypatch):
    """Else the first recipe, which compiles, would look too slow for any other to be tried."""
    mine = molecule[0][:9]
    start = find_start("cath-mini/pretrain", mine)
    engine = load_engine("jax").sized_for(mine, start.config)
    looks = itertools.count()  # at the whole, and before and after the steps of each of three folds
    monkeypatch.setattr(type(engine), "compile_seconds", lambda self: 500.0 * next(looks))
    began = time.monotonic()
    found = cross_validate(engine, start, recipe_of(1), mine, blocked_folds(mine, 3))
    spent = time.monotonic() - began
    assert found.seconds <= spent - 7 * 500.0
    assert found.stepping <= spent - 3 * 500.0


def test_a_recipe_is_shortened_to_the_time_that_is_left_as_long_as_that_is_worth_it():
    start = find_start("cath-mini/pretrain", [])

    def steps(recipe, stepping, left):
        """After 20 steps of 16 that took 10 s, of which ``stepping`` were steps."""
        tried = [HeldOut(start, RECIPES[0], np.zeros(0), [], np.zeros(0), [], 10.0, stepping)]
        found = affordable(start, recipe, tried, left)
        return found and found.steps

    assert steps(RECIPES[1], 1.0, left=80.0) == 300  # most was spent beside them, which does not grow
    assert steps(RECIPES[2], 1.0, left=80.0) == 370  # of 2,000
    assert steps(RECIPES[1], 10.0, left=120.0) is None  # 120 steps of 4, less than twice 20 of 16
    assert steps(RECIPES[1], 10.0, left=20.0) is None
