"""The campaign: its plan, its shared work, the families it trains on, and what a record keeps."""

import json
import threading

import numpy as np
import pytest

import mfbench
from mfbench.compare.contrast import contrast, mean_error
from mfbench.compare.record import Record, read_records, record_of
from mfbench.errors import DataError, ProtocolError, TrainingError
from mfbench.learned.training.settings import settings_from
from mfbench.learned.training.train_families import meta_train_of
from mfbench.protocol.energy_baseline import EnergyBaseline, fit_baseline
from mfbench_campaign.folders import PLAN
from mfbench_campaign.plan import read_campaign
from mfbench_campaign.report.convergence import is_converged
from mfbench_campaign.running.campaign_jobs import CampaignFolders, campaign_jobs, settings_of
from mfbench_campaign.running.jobs import Job, run_jobs


@pytest.fixture(scope="module")
def campaign():
    return read_campaign(PLAN)


@pytest.fixture(scope="module")
def cath():
    return mfbench.load_split("cath-mini")


def test_every_learner_of_a_construction_gets_the_same_compute(campaign):
    for run in campaign.expand():
        if run.training and run.training.model == "nano":
            settings = settings_of(campaign, run.training)
            assert settings["gradients"] == campaign.training.settings["gradients"]
            assert settings["joint_gradients"] == campaign.training.settings["joint_gradients"]


def test_a_start_that_is_there_already_is_neither_trained_nor_tuned(campaign, tmp_path):
    place = CampaignFolders(campaign, runs=tmp_path, results=tmp_path)
    second = [run for run in campaign.expand() if run.model == "second"]
    assert {job.name.partition("/")[0] for job in campaign_jobs(place, second)} == {"evaluate"}
    for run in second:
        if run.training:
            assert place.checkpoint(run.training).is_file()
        if run.options is None:
            assert place.inherits(run)


def test_methods_without_weights_run_once_and_learned_ones_with_every_seed(campaign):
    main = [run for run in campaign.expand() if run.block == "main"]
    for construction in ("cath", "cluster30", "chemistry"):
        here = [run for run in main if run.test == construction]
        assert sum(run.method == "constant" for run in here) == 1
        assert {r.training.seed for r in here if r.method == "maml"} == {0, 1, 2}


def test_a_transferred_model_is_asked_nothing_it_was_trained_on(campaign):
    transfer = [run for run in campaign.expand() if run.block == "transfer"]
    assert transfer
    assert all(run.exclude == run.training.construction != run.test for run in transfer)


def test_no_run_is_evaluated_within_the_folder_of_another(campaign, tmp_path):
    place = CampaignFolders(campaign, runs=tmp_path, results=tmp_path)
    folders = [place.evaluation(run) for run in campaign.expand()]
    assert len(set(folders)) == len(folders)
    assert not set(folders) & {parent for folder in folders for parent in folder.parents}


def test_two_runs_of_one_name_are_refused(tmp_path):
    text = (PLAN).read_text()
    (tmp_path / "c.yaml").write_text(text + text.partition("runs:\n")[2].partition("\n\n")[0])
    with pytest.raises(ProtocolError, match="two runs are called"):
        read_campaign(tmp_path / "c.yaml")


def test_two_workers_share_the_jobs_and_a_failed_one_stops_nobody(tmp_path):
    made = []

    def make(name, needs=()):
        def do():
            made.append(name)
            if name == "broken":
                raise RuntimeError("on purpose")
            (tmp_path / name).write_text("")

        return Job(name, tmp_path / name, tuple(tmp_path / n for n in needs), do)

    jobs = [make("a"), make("b", ["a"]), make("broken"), make("c", ["broken"]), make("d")]
    failed = []
    workers = [
        threading.Thread(target=lambda: failed.extend(run_jobs(jobs, tmp_path / "locks"))) for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert sorted(name for name in made if name != "broken") == ["a", "b", "d"]
    assert "broken" in failed
    assert not (tmp_path / "c").exists()


def test_narrower_meta_training_is_nested_and_leaves_the_tests_alone(cath):
    def families(n, configurations=0):
        options = {"families": n, "configurations": configurations}
        return meta_train_of(cath, settings_from("joint", "mace", 3, options), mfbench.load_split)

    few, more = families(4), families(9)
    names = [{t.family_id for t in s.train} for s in (few, more)]
    assert len(names[0]) == 4
    assert names[0] < names[1]
    assert few.test == cath.test
    thin = families(0, 40).train
    assert len(thin) == len(cath.train)
    for task, whole in zip(thin, cath.train, strict=True):
        held = [len(getattr(task, role)) for role in ("support", "query", "heldout")]
        assert abs(sum(held) - 40) <= 2
        assert {c.config_id for c in task.support} <= {c.config_id for c in whole.support}
    with pytest.raises(TrainingError, match="has 12 to train on"):
        families(13)


def test_a_union_trains_on_nothing_that_is_tested(cath):
    settings = settings_from("joint", "mace", 0, {"also": "cluster30-mini+chemistry-mini"})
    union = meta_train_of(cath, settings, mfbench.load_split)
    added = [task for task in union.train if task not in cath.train]
    assert added
    held_out = [*cath.validation, *cath.test]
    fragments = {name for task in held_out for name in task.graphs}
    clusters = {name for task in held_out for name in task.clusters}
    for task in added:
        roles = (*task.support, *task.query, *task.heldout)
        assert not {c.fragment_id for c in roles} & fragments
        assert not set(task.clusters) & clusters
    once = [c.config_id for t in union.train for c in (*t.support, *t.query, *t.heldout)]
    assert len(once) == len(set(once))


def test_a_network_keeps_the_baseline_it_was_trained_on(cath):
    from mfbench.learned.adaptation.initial_model import baseline_of
    from mfbench.learned.checkpoint import embedded_checkpoint, load_checkpoint

    own = fit_baseline(cath.train_configurations, cath.isolated_atom_energies)
    again = EnergyBaseline.from_dict(json.loads(json.dumps(own.to_dict())))
    assert again == own
    checkpoint = load_checkpoint(embedded_checkpoint("cath-mini", "mace", "joint"))
    checkpoint.card["baseline"] = own.to_dict()
    assert baseline_of(checkpoint, mfbench.load_split("chemistry-mini")) == own


@pytest.fixture(scope="module")
def record(cath):
    results = mfbench.evaluate("constant", cath, ks=[0, 10], draws=1)
    return results, record_of("cath-mini/constant/seed0", results, cath)


def test_a_record_says_what_its_run_said(record, tmp_path):
    results, kept = record
    (tmp_path / "one.json").write_text(kept.to_json())
    (read,) = read_records(tmp_path)
    assert read == kept
    for metric in ("energy_rmse", "force_rmse"):
        found = read.per_family(metric, 10, "unseen")
        assert found == pytest.approx(results.per_family(metric, 10, "unseen"), rel=1e-5)
    assert mean_error([read], "energy_rmse", 10).value == pytest.approx(
        results.value("energy_rmse", 10), rel=1e-5
    )


def scaled(record: Record, factor: float, noise: float = 0.0) -> Record:
    """The record with errors times ``factor``, and times exp(noise · a normal number) a family."""
    rng = np.random.default_rng(0)
    errors = {
        metric: {
            query: {
                k: [v and v * factor * float(np.exp(noise * rng.normal())) for v in values]
                for k, values in ks.items()
            }
            for query, ks in queries.items()
        }
        for metric, queries in record.errors.items()
    }
    return record.model_copy(update={"errors": errors})


def test_ratios_find_the_factor_between_two_methods(record):
    _, one = record
    value, lo, hi = contrast([one], [scaled(one, 0.5)], "force_rmse", 10)
    assert (value, lo, hi) == pytest.approx((2, 2, 2))
    value, lo, hi = contrast([one], [scaled(one, 0.98, 0.2)], "force_rmse", 10)
    assert lo < 1 < hi
    other = one.model_copy(update={"data_hash": "another"})
    with pytest.raises(ProtocolError, match="different data"):
        contrast([one], [other], "force_rmse", 10)


def test_a_damaged_record_is_named(tmp_path, record):
    text = record[1].to_json().replace('"draws": 1', '"draws": "many"')
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(DataError, match=r"bad\.json is no record"):
        read_records(tmp_path)


def test_a_curve_that_still_falls_is_not_converged():
    steps = range(100, 1300, 100)
    falling = [{"step": s, "force_rmse": 10 - s / 200} for s in steps]
    level = [{"step": s, "force_rmse": 4 + 6 * np.exp(-s / 100)} for s in steps]
    assert not is_converged(falling)
    assert is_converged(level)
