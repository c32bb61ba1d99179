"""A compact row keeps errors instead of predictions, scores the same, and can be run again by anybody."""

import io
import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mfbench
from mfbench.cli import main
from mfbench.errors import StoreError, SubmissionError
from mfbench.metrics.errors import metrics_of_errors
from mfbench.results.episode_errors import errors_of
from mfbench.results.score_run import episode_scores
from mfbench.store import file_submission, read_store
from mfbench.store.rerun import rerun, weights_of
from mfbench.submission import check_run, compacted
from mfbench.submission.card import read_card, write_card
from mfbench.submission.check import check
from mfbench.submission.detectors.findings import Kind


@pytest.fixture
def whole(maker):
    """A submission with predictions, of a method that is registered."""
    return check(maker.files(method="random", error=0.3))


def of_a_run(method, folder):
    """The compact form of what a method really predicts."""
    mfbench.evaluate(method, "board-chains", ks=[0, 5], draws=2, out=folder)
    checked = check_run(folder)
    checked = replace(checked, card=checked.card.model_copy(update={"description": "As it ships."}))
    return compacted(checked, "random-0123456789abcdef")


def with_columns(checked, **change):
    """A compact submission's files with altered columns: ``energy=lambda codes: …``."""
    table = pq.read_table(io.BytesIO(checked.files["errors.parquet"]))
    for name, alter in change.items():
        values = alter(table[name].to_numpy().astype(float))
        place = table.schema.get_field_index(name)
        column = pa.array(np.rint(values).astype(np.int64)).cast(table.schema.field(name).type)
        table = table.set_column(place, table.schema.field(name), column)
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return checked.files | {"errors.parquet": buffer.getvalue()}


def test_scores_follow_from_errors_per_configuration(whole):
    for episode, record in zip(whole.reference.episodes, whole.records, strict=True):
        exact, again = episode_scores(episode, record), episode_scores(episode, errors_of(episode, record))
        assert exact.keys() == again.keys()
        for stratum, values in exact.items():
            assert again[stratum] == pytest.approx(values, rel=1e-9)


def test_a_compact_row_shows_the_scores_and_findings_of_the_whole_one(whole):
    kept = compacted(whole, "random-0123456789abcdef")
    assert set(kept.files) == {"submission.yaml", "errors.parquet"}
    assert kept.findings == whole.findings
    assert kept.card.made_from == "random-0123456789abcdef"
    shown = {(r.metric, r.k, r.query): r.value for r in kept.results.aggregate}
    assert shown.keys() == {(r.metric, r.k, r.query) for r in whole.results.aggregate}
    for row in whole.results.aggregate:
        assert shown[row.metric, row.k, row.query] == pytest.approx(row.value, rel=1e-3, abs=1e-3)


def test_a_configuration_takes_a_handful_of_bytes(maker):
    whole = check(maker.files(method="random", error=0.3))
    n = sum(len(e.query) for e in whole.reference.episodes)
    atoms = sum(sum(whole.reference.n_atoms[e.family_id]) for e in whole.reference.episodes)
    small = with_columns(compacted(whole, "a-0123456789abcdef"))["errors.parquet"]
    assert len(pq.read_table(io.BytesIO(small))) == n
    assert len(small) < len(whole.files["predictions.parquet"]) < 24 * atoms


def test_a_store_files_it_and_says_that_it_can_be_run_again(whole, store, capsys):
    kept = compacted(whole, "random-0123456789abcdef")
    name, _ = file_submission(store, kept)
    snapshot = read_store(store)
    assert snapshot.summaries[name].compact
    assert snapshot.trust(name) == "reproducible"
    assert main(["store", "verify", "--to", store.url]) == 0
    assert "1 keep errors instead of predictions" in " ".join(capsys.readouterr().out.split())
    assert main(["store", "export", "--to", store.url]) == 0
    assert ",reproducible" in capsys.readouterr().out


def test_a_stranger_who_copies_a_compact_row_is_refused(maker, store):
    theirs = maker.files(method="random", error=0.3)
    file_submission(store, compacted(check(theirs), "random-0123456789abcdef"))
    card = read_card(theirs["submission.yaml"]).model_copy(update={"method": "mine"})
    with pytest.raises(SubmissionError, match="forces at K = |energies and forces at K = ") as caught:
        file_submission(store, check(theirs | {"submission.yaml": write_card(card).encode()}))
    assert caught.value.kind == Kind.COPIED_PREDICTIONS


def test_the_row_that_it_was_made_from_is_not_its_original(maker, store):
    whole = check(maker.files(method="random", error=0.3))
    name, _ = file_submission(store, whole)
    made, _ = file_submission(store, compacted(whole, name))
    assert set(store.ids()) == {name, made}


def test_running_it_again_gives_the_same_errors(maker, store, tmp_path, capsys):
    name, _ = file_submission(store, of_a_run("random", tmp_path / "run"))
    checked, _, _ = store.recompute(name)
    found = rerun(store, name, checked)
    assert found.reproduced
    assert found.episodes == len(checked.reference.episodes)
    assert max(found.apart.values()) < 1e-3
    assert main(["store", "verify", "--to", store.url, "--rerun", name, "--k", "5", "--draws", "1"]) == 0
    assert "reproduced on 3 episodes" in capsys.readouterr().out


@pytest.mark.parametrize(("column", "factor"), [("energy", 0.9), ("force_rms", 1.05)])
def test_errors_that_the_method_does_not_make_are_noticed(maker, store, tmp_path, column, factor):
    honest = of_a_run("random", tmp_path / "run")
    forged = check(with_columns(honest, **{column: lambda codes: factor * codes}))
    name, _ = file_submission(store, forged)
    assert not rerun(store, name, forged).reproduced
    assert main(["store", "verify", "--to", store.url, "--rerun", name]) == 2


def test_other_forces_of_the_same_size_are_noticed(maker, store, tmp_path):
    honest = of_a_run("random", tmp_path / "run")
    other = compacted(check(maker.files(method="random", run={"ks": [0, 5]}, seed=9)), "a-0123456789abcdef")
    honest.kept.fingerprints.update(other.fingerprints)
    found = rerun(store, "x", honest)
    assert all(row.same for row in found.rows)
    assert not found.reproduced


def test_what_nobody_can_run_keeps_its_predictions(maker):
    with pytest.raises(SubmissionError, match="foreign code is not run"):
        compacted(check(maker.files(method="honest")), "honest-0123456789abcdef")


def test_errors_are_not_accepted_from_strangers(whole, tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    for name, data in compacted(whole, "random-0123456789abcdef").files.items():
        (run / name).write_bytes(data)
    assert main(["submit", str(run), "--to", str(tmp_path / "store")]) == 2
    assert "submit predictions.parquet" in capsys.readouterr().err


def test_weights_of_another_row_must_be_there(maker, store, capsys):
    whole = check(maker.files(method="random", error=0.3))
    missing = compacted(whole, "random-0123456789abcdef", "pretrain-0123456789abcdef")
    with pytest.raises(StoreError, match="holds no submission pretrain-0123456789abcdef"):
        weights_of(store, missing)
    made, _ = file_submission(store, missing)
    with pytest.raises(SubmissionError, match="has deposited no weights"):
        weights_of(store, compacted(whole, "random-0123456789abcdef", made))
    assert main(["store", "verify", "--to", store.url]) == 2
    assert f"broken {made}: " in " ".join(capsys.readouterr().out.split())


def test_leaked_labels_and_zero_forces_show_in_errors_too(maker):
    leaked = compacted(check(maker.files(method="random")), "random-0123456789abcdef")
    files = with_columns(leaked, force_rms=lambda codes: 0 * codes - 1024 * 11)
    assert [f.kind for f in check(files).refusals] == [Kind.LEAKED_LABELS]
    silent = maker.files(method="random", edit=lambda e, f, _: (e, [0 * x for x in f]))
    kinds = {f.kind for f in compacted(check(silent), "random-0123456789abcdef").findings}
    assert Kind.CONSTANT_PREDICTIONS in kinds


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda t: t.slice(1), "rows, its query"),
        (lambda t: t.take([*range(5, len(t)), *range(5)]), "not in order of episodes"),
        (lambda t: t.drop_columns(["force_mae"]), "the columns of errors.parquet are not"),
        (lambda t: pa.concat_tables([t, t]), "rows; the episodes need"),
        (lambda t: t.replace_schema_metadata(None), "cannot be read"),
    ],
)
def test_damaged_errors_are_named(whole, harm, reason):
    kept = compacted(whole, "random-0123456789abcdef")
    table = harm(pq.read_table(io.BytesIO(kept.files["errors.parquet"])))
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    with pytest.raises(SubmissionError, match=reason):
        check(kept.files | {"errors.parquet": buffer.getvalue()})


def test_predictions_and_errors_together_are_refused(whole):
    kept = compacted(whole, "random-0123456789abcdef")
    with pytest.raises(SubmissionError, match="give one of them"):
        check(whole.files | kept.files)


def test_a_perfect_force_has_an_error_of_zero(whole):
    episode, record = whole.reference.episodes[0], whole.records[0]
    labels = whole.reference.labels[episode.family_id]
    vars(record).update(energies=labels[0], forces=labels[1])
    found = errors_of(episode, record).errors
    scores = metrics_of_errors(
        found, *labels, whole.reference.n_atoms[episode.family_id], episode.fragments, episode.subsets
    )
    assert math.isclose(scores["all"]["force_rmse"], 0, abs_tol=1e-6)


def test_ids_stay_whole_on_a_narrow_terminal(whole, store, capsys, monkeypatch):
    name, _ = file_submission(store, compacted(whole, "random-0123456789abcdef"))
    monkeypatch.setenv("COLUMNS", "30")
    assert main(["store", "list", "--to", store.url]) == 0
    assert name in capsys.readouterr().out
