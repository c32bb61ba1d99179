"""The board's pure functions: order, ranks, filters, curves, molecules, and inert hostile text."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("streamlit")

from mfbench.cli import main
from mfbench.metrics.statistics import RankRange, rank_ranges
from mfbench.metrics.student_t import two_sided
from mfbench.store import file_submission, open_store, read_store
from mfbench.submission.check import check
from mfbench_leaderboard.data.board import Board, Choice, filter_rows, standings
from mfbench_leaderboard.data.curves import constant_line, curves
from mfbench_leaderboard.data.families import family_errors, family_view
from mfbench_leaderboard.data.pareto import points_of
from mfbench_leaderboard.data.ranks import rank_groups, rank_methods
from mfbench_leaderboard.data.text import interval, number, seconds
from mfbench_leaderboard.figures.against_k import against_k, against_k_legend
from mfbench_leaderboard.figures.molecule import molecule
from mfbench_leaderboard.style import badge, note
from mfbench_leaderboard.table import leaderboard_table

EVIL = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
CHOICE = Choice("board-chains", 10)


@pytest.fixture(scope="module")
def board(maker, tmp_path_factory):
    """Three methods with growing errors, the constant line, and one without K = 10."""
    store = open_store(tmp_path_factory.mktemp("board") / "store")
    for number_, error in enumerate((0.1, 0.3, 0.9)):
        file_submission(
            store, check(maker.files(seed=number_, error=error, method=f"m{number_}", arch="mace"))
        )
    file_submission(
        store, check(maker.files(edit=lambda e, f, _: (e, [0 * x for x in f]), method="constant"))
    )
    file_submission(store, check(maker.files(seed=9, error=0.2, method="partial", run={"ks": [0, 5]})))
    return Board(read_store(store))


def names(rows):
    return [row.summary.card.method for row in rows]


def test_smaller_errors_stand_first_and_rows_without_a_value_last(board):
    found = standings(board, CHOICE)
    assert names(found.rows) == ["m0", "m1", "m2", "constant", "partial"]
    assert not found.ranked  # three families
    assert found.rows[3].is_line
    assert found.rows[3].cells["force_rmse"].flagged
    assert found.rows[4].cells == {}
    row = found.rows[0]
    assert row.cells["force_rmse"].lo < row.cells["force_rmse"].value < row.cells["force_rmse"].hi


def test_every_stratum_shows_its_own_values(board):
    every = {q: standings(board, CHOICE._replace(query=q)).rows[0] for q in ("all", "seen", "unseen")}
    values = {row.cells["force_rmse"].value for row in every.values()}
    assert len(values) == 3


def test_filters_hide_only_what_they_say(board):
    rows = standings(board, CHOICE).rows
    assert filter_rows(rows) == rows
    assert names(filter_rows(rows, archs=["none"])) == ["constant", "partial"]
    assert names(filter_rows(rows, text="M1")) == ["m1"]
    assert filter_rows(rows, trusts=["verified"]) == []


def test_curves_and_the_constant_line(board):
    ids = [row.summary.id for row in standings(board, CHOICE).rows]
    found = curves(board, CHOICE, "force_rmse", ids)
    assert [sorted(c.cells) for c in found] == [[0, 5, 10]] * 4 + [[0, 5]]
    line = constant_line(board, CHOICE, "force_rmse")
    assert sorted(line) == [0, 5, 10]
    assert points_of(board, standings(board, CHOICE).rows, "force_rmse", "adapt_seconds") == []
    figure = against_k("force_rmse", found, line, [0, 5, 10])
    assert len(figure.data) >= 5
    text = against_k_legend(found)
    assert [name in text for name in ("m0", "m2", "constant method")] == [True] * 3


def test_a_family_has_proteins_fragments_and_everyones_error():
    from mfbench.submission.reference_episodes import known_split

    view = family_view(known_split("cath-mini"), "1.10.8")
    assert view.proteins == ["1p3q_Q", "2qho_B", "2oob_A"]
    assert {f.role for f in view.fragments} == {"pool", "held out"}
    assert {len(f.positions) == len(f.atomic_numbers) for f in view.fragments} == {True}
    figure = molecule(view.fragments[0].atomic_numbers, view.fragments[0].positions)
    assert {trace.name for trace in figure.data} >= {"H", "C"}
    assert all(np.isfinite(trace.x).all() for trace in figure.data)
    scene, eye = figure.layout.scene, figure.layout.scene.camera.eye
    for axis in "xyz":
        low, high = scene[f"{axis}axis"].range
        assert all(low < trace[axis].min() <= trace[axis].max() < high for trace in figure.data)
    box, away = (np.linalg.norm([found[axis] for axis in "xyz"]) for found in (scene.aspectratio, eye))
    assert box / 2 < away * np.sin(np.pi / 8)  # plotly looks 45° wide: whole however it is turned


def test_everyones_error_on_a_family(board):
    found = family_errors(board, "board-chains", "test-0", 10, "force_rmse")
    assert [label for _, label, _, _ in found] == ["m0", "m1", "m2", "constant"]
    assert [line for *_, line in found] == [False, False, False, True]


@pytest.mark.parametrize("effect", [0.0, 0.5])
def test_many_methods_are_ranked_as_few_are(effect):
    """The t-test that takes over among many methods agrees with the bootstrap where both can decide."""
    rng = np.random.default_rng(3)
    family = rng.lognormal(0, 0.5, size=24)
    quality = np.exp(effect * np.arange(12))
    errors = quality[:, None] * family * rng.lognormal(0, 0.1, size=(12, 24))
    few = rank_ranges(errors, np.arange(24))
    padded = np.concatenate([errors, errors[-1] * rng.lognormal(3, 0.1, size=(10, 24))])
    many = rank_methods(padded, np.arange(24))[:12]
    assert few == many == [RankRange(*((1, 12) if effect == 0 else (i, i))) for i in range(1, 13)]


def test_ranks_need_ten_families_and_hold_their_level():
    rng = np.random.default_rng(0)
    assert rank_methods(rng.lognormal(size=(30, 9)), np.arange(9)) is None
    false = 0
    for _ in range(40):
        found = rank_methods(rng.lognormal(0, 0.3, size=(25, 20)), np.arange(20))
        false += max(place.best for place in found) > 1
    assert false <= 6  # 5 % of 40 is 2


def test_groups_of_ranks_are_those_that_are_told_apart_from_all_others():
    ranges = [(1, 2), (1, 2), (3, 3), (4, 6), (4, 5), (5, 6)]
    assert rank_groups([RankRange(*pair) for pair in ranges]) == [0, 0, 1, 2, 2, 2]
    assert rank_groups([RankRange(1, 3), RankRange(1, 2), RankRange(2, 3)]) == [0, 0, 0]
    assert [str(RankRange(1, 2)), str(RankRange(3, 3))] == ["1–2", "3"]


def test_students_t():
    assert two_sided(np.array([0.0, 2.0, 2.093, 12.706]), 19)[2] == pytest.approx(0.05, rel=0.01)
    assert two_sided(np.array([12.706]), 1)[0] == pytest.approx(0.05, rel=0.01)


def test_hostile_text_is_inert(maker, store):
    files = maker.files(method=EVIL[:70], description=EVIL, authors=[EVIL], contact=EVIL)
    file_submission(store, check(files))
    board = Board(read_store(store))
    rows = standings(board, CHOICE).rows
    html = leaderboard_table(rows, rank_by="force_rmse", ranked=False, total_families=3)
    for text in (html, badge(EVIL, "warn", EVIL), note(EVIL)):
        assert "<img" not in text
        assert "<script" not in text
    assert Path(store.url, "submissions", rows[0].summary.id).is_dir()


def test_numbers_are_readable():
    assert [number(x) for x in (3.4567, 0.0123, 1234.5, None, float("nan"), 0)] == [
        "3.46", "0.012", "1,234", "–", "–", "0",
    ]  # fmt: skip
    assert interval(2.91, 3.68) == "2.9 – 3.7"
    assert interval(24.1, 24.4) == "24.1 – 24.4"
    assert interval(None, None) == ""
    assert seconds(0.97) == "0.97 s"
    assert seconds(600) == "10.0 min"


def test_the_command_names_a_store_that_cannot_be_opened(capsys):
    assert main(["leaderboard", "--store", "nosuch://x"]) == 2
    assert "cannot be opened" in capsys.readouterr().err
