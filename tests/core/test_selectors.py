"""Who chooses the support: published draws, geometry, a committee, or the method itself."""

import json
from dataclasses import replace

import numpy as np
import pytest

import mfbench
from mfbench.cli import main
from mfbench.data.farthest_points import farthest_points, fingerprints
from mfbench.errors import ProtocolError, SubmissionError, UnknownNameError
from mfbench.protocol import jobs, selection
from mfbench.protocol.protocol import Budget, Selector
from mfbench.protocol.selection import select_support
from mfbench.store import file_submission, open_store
from mfbench.submission import check_run
from mfbench.submission.check import check


class Memory:
    """Predicts the mean force of what it was shown, atom by atom; it remembers what it saw."""

    name = "memory"

    def __init__(self):
        self.shown = []

    def adapt(self, support, *, budget, seed):
        self.shown.append(len(support))
        self.scale = float(np.mean([np.abs(c.forces).mean() for c in support])) if support else 0.0
        return Predicted(self.scale)


class Predicted:
    def __init__(self, scale):
        self.scale = scale

    def predict(self, configurations):
        return [mfbench.Prediction(0.0, self.scale * c.positions) for c in configurations]


class Choosy(Memory):
    """Takes the last K of the pool."""

    name = "choosy"

    def select(self, pool, k):
        self.blind = pool[0]
        return list(range(len(pool) - k, len(pool)))


def test_the_methods_own_choice_is_what_it_gets(split):
    method = Choosy()
    results = mfbench.evaluate(method, split, ks=[0, 5], draws=1, selector="method")
    assert not results.failures
    assert results.selector is Selector.METHOD
    row = next(r for r in results.episodes if r.k == 5)
    assert row.selected == [7, 8, 9, 10, 11]
    assert next(r for r in results.episodes if r.k == 0).selected is None
    with pytest.raises(mfbench.MfbenchError, match="energy"):
        _ = method.blind.energy
    with pytest.raises(ProtocolError, match=r"no select\(pool, k\)"):
        mfbench.evaluate(Memory(), split, ks=[5], draws=1, selector="method")
    with pytest.raises(UnknownNameError, match="unknown selector"):
        mfbench.evaluate(Memory(), split, ks=[5], draws=1, selector="best")


def test_a_choice_that_is_no_support_fails_the_episode(split):
    method = Choosy()
    method.select = lambda pool, k: [0] * k
    results = mfbench.evaluate(method, split, ks=[5], draws=1, selector="method")
    assert len(results.failures) == len(split.test)
    assert "1 of them distinct" in results.failures[0].failure


def test_farthest_spreads_wider_than_chance_and_differs_by_draw(split):
    task = split.test[0]

    def chosen(draw):
        published = task.draws[draw].tolist()
        return select_support(
            Selector.FARTHEST, Memory(), task.support, 4, published, budget=Budget(), seed=0
        )

    vectors = fingerprints(task.support)

    def nearest(rows):
        apart = np.linalg.norm(vectors[rows][:, None] - vectors[rows], axis=-1)
        return np.min(apart + 1e9 * np.eye(len(rows)))

    assert [chosen(d)[0] for d in range(3)] == task.draws[:3, 0].tolist()
    assert all(nearest(chosen(d)) > nearest(task.draws[d, :4].tolist()) for d in range(3))
    assert chosen(0) != chosen(1)
    assert chosen(0) == chosen(0)


def test_equal_configurations_are_chosen_once_each(split):
    task = split.test[0]
    pool = (task.support[0],) * 3 + (task.support[1],) * 3
    for selector in (Selector.FARTHEST, Selector.UNCERTAINTY):
        rows = select_support(selector, Memory(), pool, 6, [1, 0, 2, 3, 4, 5], budget=Budget(), seed=0)
        assert sorted(rows) == list(range(6))
    assert farthest_points(np.zeros((3, 2)), [1], 2) == [0, 2]
    with pytest.raises(ProtocolError, match="3 of 2 rows that are left"):
        farthest_points(np.zeros((3, 2)), [1], 3)


def test_a_round_takes_no_more_than_it_looked_at(split, monkeypatch):
    """Rounds double, candidates do not: of 12, after 5 labels, three are looked at a time."""
    monkeypatch.setattr(selection, "_CANDIDATES", 3)
    task, method = split.test[0], Memory()
    published = task.draws[0].tolist()
    rows = select_support(
        Selector.UNCERTAINTY, method, task.support, 11, published, budget=Budget(), seed=0
    )
    assert len(set(rows)) == 11
    assert method.shown == [4] * 3 + [6] * 3, "four fifths of 5 and of 8 labels"


def test_a_selection_with_a_row_twice_fails_its_episode_and_not_the_run(split, monkeypatch):
    monkeypatch.setattr(jobs, "select_support", lambda selector, method, pool, k, *_, **__: [0] * k)
    results = mfbench.evaluate(Memory(), split, ks=[0, 5], draws=1, selector="farthest")
    assert {row.k for row in results.failures} == {5}
    assert all("1 of them distinct" in row.failure for row in results.failures)


class Committee(Memory):
    """Members agree on all but some configurations, which are known by their positions."""

    name = "committee"

    def __init__(self, disputed):
        super().__init__()
        self.disputed = [c.positions.tobytes() for c in disputed]

    def adapt(self, support, *, budget, seed):
        return Opinion(self.disputed, seed)


class Opinion(Predicted):
    def __init__(self, disputed, seed):
        self.disputed, self.seed = disputed, seed

    def predict(self, configurations):
        known = [c.positions.tobytes() in self.disputed for c in configurations]
        return [
            mfbench.Prediction(0.0, (self.seed if disputed else 1.0) * np.ones_like(c.positions))
            for disputed, c in zip(known, configurations, strict=True)
        ]


def test_uncertainty_labels_what_the_members_disagree_on(split):
    task = split.test[0]
    published = task.draws[0].tolist()
    for disputed in sorted(set(range(12)) - set(published[:5])):
        method = Committee([task.support[disputed]])
        rows = select_support(
            Selector.UNCERTAINTY, method, task.support, 6, published, budget=Budget(), seed=0
        )
        assert rows == [*published[:5], disputed]


def test_uncertainty_learns_in_rounds_from_what_it_chose(split):
    task, method = split.test[0], Memory()
    published = task.draws[0].tolist()
    asked = Selector.UNCERTAINTY, method, task.support, 12, published
    rows = select_support(*asked, budget=Budget(), seed=0)
    assert rows[:5] == published[:5]
    assert sorted(rows) == list(range(12))
    assert method.shown == [4] * 3 + [8] * 3, "four fifths of 5 and of 10 labels"
    assert select_support(*asked, budget=Budget(), seed=0) == rows


def test_a_row_on_the_board_says_its_selector(make_split, tmp_path, monkeypatch):
    make_split(tmp_path / "chains", name="chains")
    monkeypatch.setenv("MFBENCH_DATA", str(tmp_path))
    run = [
        "evaluate",
        "-m",
        "constant",
        "-s",
        "chains",
        "--k",
        "0,5",
        "--draws",
        "2",
        "--selector",
        "farthest",
    ]
    assert main([*run, "--out", str(tmp_path / "run")]) == 0
    assert json.loads((tmp_path / "run" / "run.json").read_text())["request"]["selector"] == "farthest"
    checked = check_run(tmp_path / "run")
    assert checked.card.run.selector == "farthest"
    stored = json.loads((tmp_path / "run" / "results.json").read_text())["episodes"]
    for episode in checked.reference.episodes:
        mine = next(r for r in stored if (r["family_id"], r["k"], r["draw"]) == episode.key)
        task = next(t for t in checked.reference.split.test if t.family_id == episode.family_id)
        rows = mine.get("selected", [])
        assert [c.config_id for c in episode.support] == [task.support[i].config_id for i in rows]
    card = checked.card.model_copy(update={"description": "Means of what is farthest apart."})
    store = open_store(tmp_path / "store")
    file_submission(store, replace(checked, card=card))
    assert main(["store", "verify", "--to", str(tmp_path / "store")]) == 0
    wrong = {**checked.card.run.selected, "test-0": {"5/0": "1 2 3"}}
    bad = card.model_copy(update={"run": card.run.model_copy(update={"selected": wrong})})
    with pytest.raises(SubmissionError, match="no support at K = 5"):
        check(replace(checked, card=bad).files)


@pytest.mark.parametrize(
    ("selector", "edit", "match"),
    [
        (None, lambda rows: rows, "nobody chose"),
        ("random", lambda rows: rows, "nobody chose"),
        ("farthest", lambda rows: None, "K = 5, draw 0 has no rows"),
        ("farthest", lambda rows: {**rows, "test-0": {"5/0": "0 1 2 3 4"}}, "K = 5, draw 1 has no rows"),
        ("farthest", lambda rows: {**rows, "nobody": {"5/0": "0 1 2 3 4"}}, "no episode nobody, K = 5"),
    ],
)
def test_rows_and_who_chose_them_come_together(maker, selector, edit, match):
    chosen = {f"test-{i}": dict.fromkeys(["5/0", "5/1"], "0 1 2 3 4") for i in range(len(maker.split.test))}
    run = {"ks": [0, 5], "selector": "farthest", "selected": chosen}
    check(maker.files(run=run))
    with pytest.raises(SubmissionError, match=match) as error:
        check(maker.files(run={**run, "selector": selector, "selected": edit(chosen)}))
    assert "\n" not in str(error.value)


def test_an_episode_that_failed_needs_no_rows(maker):
    chosen = {f"test-{i}": {"5/0": "0 1 2 3 4"} for i in range(1, len(maker.split.test))}
    run = {"ks": [0, 5], "draws": 1, "selector": "farthest", "selected": chosen}
    failures = [{"family": "test-0", "k": 5, "reason": "select: it could not"}]
    assert check(maker.files(run=run, failures=failures)).card.run.selector == "farthest"


def test_an_episode_has_one_name(maker):
    """``05/0`` beside ``5/0`` would replace its rows unseen."""
    chosen = {f"test-{i}": {"5/0": "0 1 2 3 4"} for i in range(len(maker.split.test))}
    files = maker.files(run={"ks": [5], "draws": 1, "selector": "farthest", "selected": chosen})
    files["submission.yaml"] = files["submission.yaml"].replace(b"5/0", b"05/0")
    with pytest.raises(SubmissionError, match="05/0"):
        check(files)
