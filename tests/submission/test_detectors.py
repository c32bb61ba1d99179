"""What a detector is for, it finds and names; what is honest, it leaves alone."""

import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mfbench.data.configuration import EV_TO_KCAL_MOL
from mfbench.data.manifest import FILES, data_hash
from mfbench.data.parquet import sha256
from mfbench.errors import SubmissionError
from mfbench.protocol.run_folder import PREDICTION_SCHEMA
from mfbench.store import file_submission
from mfbench.submission.card import write_card
from mfbench.submission.check import check
from mfbench.submission.detectors.findings import Kind

HARTREE, BOHR = 27.211386245988, 0.529177210903


def write_table(columns) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns, schema=PREDICTION_SCHEMA), buffer)
    return buffer.getvalue()


def kinds(maker, **options):
    return [finding.kind for finding in check(maker.files(**options)).findings]


def message(maker, kind, **options):
    found = [f for f in check(maker.files(**options)).findings if f.kind == kind]
    assert len(found) >= 1
    assert all(f.refuses for f in found)
    return " ".join(f.message for f in found)


@pytest.mark.parametrize("error", [0.02, 0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_honest_errors_of_any_size_are_left_alone(maker, error, seed):
    assert not check(maker.files(error=error, seed=seed)).refusals


def test_the_oracle_is_refused_as_leaked(maker):
    text = message(maker, Kind.LEAKED_LABELS, error=0.0)
    assert "below label noise" in text


def test_a_few_leaked_configurations_are_enough(maker):
    def leak(energies, forces, labels):
        return energies, [labels[1][0], *forces[1:]]

    assert Kind.LEAKED_LABELS in kinds(maker, edit=leak)


def test_leaked_energy_differences_are_found_under_an_offset(maker):
    def leak(energies, forces, labels):
        return labels[0] + 0.3, forces

    assert Kind.LEAKED_LABELS in kinds(maker, edit=leak)


def test_the_labelling_method_with_a_loose_scf_is_no_method(maker):
    rng = np.random.default_rng(0)

    def wrapped(energies, forces, labels):
        return labels[0] + rng.normal(scale=3e-5, size=len(energies)), [
            f + rng.normal(scale=2e-4, size=f.shape) for f in labels[1]
        ]

    assert Kind.LEAKED_LABELS in kinds(maker, edit=wrapped)


ENERGIES = {
    "kcal/mol": EV_TO_KCAL_MOL,
    "kJ/mol": 4.184 * EV_TO_KCAL_MOL,
    "Hartree": 1 / HARTREE,
    "Rydberg": 2 / HARTREE,
    "meV": 1000.0,
    "cm⁻¹": 8065.544,
}
PER_LENGTH = {"Å": 1.0, "Bohr": BOHR, "nm": 10.0}
FORCES = {
    f"{energy}/{length}": factor * per
    for energy, factor in ({"eV": 1.0} | ENERGIES).items()
    for length, per in PER_LENGTH.items()
    if (energy, length) != ("eV", "Å")
}


@pytest.mark.parametrize(("unit", "factor"), FORCES.items(), ids=FORCES)
def test_a_unit_of_forces_is_named_by_its_exact_factor(maker, factor, unit):
    text = message(maker, Kind.UNIT_MISTAKE, edit=lambda e, f, _: (e, [factor * x for x in f]))
    assert f"forces look like {unit}, not eV/Å" in text
    assert f"{1 / factor:.6g}" in text


@pytest.mark.parametrize(("unit", "factor"), ENERGIES.items(), ids=ENERGIES)
def test_a_unit_of_energies_is_named_by_its_exact_factor(maker, factor, unit):
    text = message(maker, Kind.UNIT_MISTAKE, edit=lambda e, f, _: (factor * e, f))
    assert f"total energies look like {unit}, not eV" in text
    assert f"{1 / factor:.6g}" in text


@pytest.mark.parametrize(("unit", "factor"), ENERGIES.items(), ids=ENERGIES)
def test_a_unit_of_energy_differences_is_named_under_right_totals(maker, factor, unit):
    """Relative energies in other units on top of a right mean: totals say nothing of it."""

    def edit(energies, forces, labels):
        mean = labels[0].reshape(-1, 6).mean(axis=1).repeat(6)  # six of a fragment stand together
        return mean + factor * (labels[0] - mean) * 1.001, forces

    found = [f for f in check(maker.files(edit=edit)).findings if f.kind == Kind.UNIT_MISTAKE]
    assert any(f"energy differences look like {unit}, not eV" in f.message for f in found)


@pytest.mark.parametrize(
    ("factor", "unit"), [(HARTREE, "Hartree"), (1 / EV_TO_KCAL_MOL, "kcal/mol"), (HARTREE / 2, "Rydberg")]
)
def test_energies_that_were_converted_twice_are_named(maker, factor, unit):
    text = message(maker, Kind.UNIT_MISTAKE, edit=lambda e, f, _: (factor * e, f))
    assert f"converted once more, as if from {unit}" in text
    assert f"{1 / factor:.6g}" in text


def test_the_sign_is_part_of_the_factor(maker):
    text = message(maker, Kind.UNIT_MISTAKE, edit=lambda e, f, _: (-EV_TO_KCAL_MOL * e, f))
    assert f"Multiply them by {-1 / EV_TO_KCAL_MOL:.6g}" in text


@pytest.mark.parametrize("share", [0.5, 0.53, 0.6, 0.735, 0.8, 1.3])
def test_a_shrunk_or_stretched_model_is_no_unit_mistake(maker, share):
    rng = np.random.default_rng(0)

    def shrunken(energies, forces, labels):
        return energies, [share * (x + 0.4 * np.std(x) * rng.normal(size=x.shape)) for x in labels[1]]

    assert not check(maker.files(edit=shrunken)).refusals


def test_gradients_are_no_forces(maker):
    text = message(maker, Kind.SIGN_MISTAKE, edit=lambda e, f, _: (e, [-x for x in f]))
    assert "gradients instead of forces" in text


def test_gradients_in_atomic_units_are_two_mistakes(maker):
    factor = -BOHR / HARTREE
    found = kinds(maker, edit=lambda e, f, _: (e, [factor * x for x in f]))
    assert {Kind.SIGN_MISTAKE, Kind.UNIT_MISTAKE} <= set(found)


def test_a_poor_model_that_shrinks_its_forces_has_no_unit_mistake(maker):
    rng = np.random.default_rng(0)

    def shrunken(energies, forces, labels):
        return energies, [0.5 * x + 0.7 * np.std(x) * rng.normal(size=x.shape) for x in labels[1]]

    assert not check(maker.files(edit=shrunken)).refusals


def test_missing_atomic_energies_are_noted(maker):
    zero = maker.split.isolated_atom_energies
    card = maker.card()
    columns = maker.table(card)
    atoms = {c.config_id: c.atomic_numbers for t in maker.split.test for c in (*t.query, *t.heldout)}
    pairs = zip(columns["config_id"], columns["energy"], strict=True)
    columns["energy"] = [e - sum(zero[int(z)] for z in atoms[name]) for name, e in pairs]
    files = {"submission.yaml": write_card(card).encode(), "predictions.parquet": write_table(columns)}
    checked = check(files)
    assert Kind.ENERGY_REFERENCE in [f.kind for f in checked.findings]
    assert not checked.refusals


def test_shuffled_predictions_are_named(maker):
    def rotate(energies, forces, labels):  # six configurations of a fragment stand together
        order = np.arange(len(energies)).reshape(-1, 6)
        order = np.roll(order, 1, axis=1).ravel()
        return energies[order], [forces[i] for i in order]

    assert "check the order" in message(maker, Kind.SHUFFLED_PREDICTIONS, error=0.005, edit=rotate)


def test_constant_predictions_are_named_and_may_stand(maker):
    checked = check(maker.files(edit=lambda e, f, _: (e, [0 * x for x in f])))
    assert Kind.CONSTANT_PREDICTIONS in [f.kind for f in checked.findings]
    assert not checked.refusals


def test_a_copy_with_noise_is_refused_and_a_declared_one_noted(maker, store):
    first, _ = file_submission(store, check(maker.files(seed=5, error=0.4)))
    rng = np.random.default_rng(1)

    def noisy(energies, forces, labels):
        return energies + 1e-3 * rng.normal(size=len(energies)), [
            x + 1e-3 * rng.normal(size=x.shape) for x in forces
        ]

    copy = maker.files(seed=5, error=0.4, edit=noisy, method="mine")
    with pytest.raises(SubmissionError, match=f"copied-predictions: .*{first}"):
        file_submission(store, check(copy))
    declared = maker.files(seed=5, error=0.4, edit=noisy, method="mine", derived_from=first)
    name, _ = file_submission(store, check(declared))
    assert name in store.ids()
    other = maker.files(seed=6, error=0.4, method="other")
    assert file_submission(store, check(other))[0] in store.ids()


def test_copied_forces_under_another_energy_are_a_copy(maker, store):
    file_submission(store, check(maker.files(seed=5, error=0.4)))
    shifted = maker.files(seed=5, error=0.4, edit=lambda e, f, _: (e + 1.0, f), method="shifted")
    with pytest.raises(SubmissionError, match="copied-predictions: forces at K"):
        file_submission(store, check(shifted))


def test_overlap_of_declared_training_data_is_computed(maker, make_split, tmp_path, monkeypatch):
    make_split(tmp_path / "twin-data", name="twin-data", folds={"train": 1, "test": 1})
    other = make_split(tmp_path / "swapped", name="swapped", folds={"test": 2, "train": 3})
    monkeypatch.setenv("MFBENCH_DATA", str(tmp_path))
    # "train-0" of the other split is a train family here too: no overlap with this test fold.
    assert Kind.TRAINING_OVERLAP not in kinds(maker, training=[{"name": "twin-data"}], parameters=10)
    assert Kind.UNDECLARED_TRAINING in kinds(maker, training=[{"name": "SPICE"}], parameters=10)
    assert Kind.UNDECLARED_TRAINING in kinds(maker, parameters=10)
    table = other / "families.parquet"
    families = pd.read_parquet(table)
    families.loc[families["fold"] == "train", "cluster30"] = families["cluster30"].map(
        lambda _: ["cluster-test-0"]
    )
    families.to_parquet(table)
    manifest = other / "manifest.json"
    content = json.loads(manifest.read_text())
    content["files"] = {name: sha256(other / name) for name in FILES}
    content["data_hash"] = data_hash(content["files"])
    manifest.write_text(json.dumps(content))
    found = check(maker.files(training=[{"name": "swapped"}], parameters=10)).findings
    (overlap,) = [f for f in found if f.kind == Kind.TRAINING_OVERLAP]
    assert "overlap with 1 of 3 test families (test-0)" in overlap.message


def test_declared_failures_score_the_penalty_and_no_less(maker):
    failures = [{"family": "test-0", "reason": "out of memory"}]
    partial = check(maker.files(error=3.0, failures=failures))
    assert Kind.FAILED_EPISODES in [f.kind for f in partial.findings]
    rows = partial.results.episodes
    worst = max(r.metrics["all"]["force_rmse"] for r in rows if not r.failure)
    assert len(partial.results.failures) == 5
    for row in partial.results.failures:
        assert row.metrics["all"]["force_rmse"] >= worst
