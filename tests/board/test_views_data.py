"""What the views show, without a browser: tracks, the front, pairs, citations, colours, constructions."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("streamlit")

import mfbench
from mfbench.data.split import load_split
from mfbench.metrics.errors import COSTS
from mfbench.protocol.protocol import Selector, Track
from mfbench.store import open_store, read_store
from mfbench.submission.card import PublicModelOrigin
from mfbench_campaign.filing.file_row import file_row
from mfbench_leaderboard import css
from mfbench_leaderboard.data.board import Board, Cell, Choice, families_at, standings
from mfbench_leaderboard.data.citation import bibtex
from mfbench_leaderboard.data.columns import columns_of
from mfbench_leaderboard.data.compare import Comparison
from mfbench_leaderboard.data.curves import curves, label
from mfbench_leaderboard.data.families import families_of
from mfbench_leaderboard.data.gains import learned
from mfbench_leaderboard.data.levels import at_level, levels_of
from mfbench_leaderboard.data.pairs import compare_rows
from mfbench_leaderboard.data.pareto import Point, front, points_of
from mfbench_leaderboard.data.tracks import across_tracks, converged_over_standard, tracks_of
from mfbench_leaderboard.figures.pareto import pareto_figure
from mfbench_leaderboard.table import leaderboard_table

CHOICE = Choice("levels", 50)
STORE = Path(__file__).parents[2] / "leaderboard" / "submissions"


@pytest.fixture(scope="module")
def board(made_up_store, tmp_path_factory):
    return Board(read_store(made_up_store(tmp_path_factory.mktemp("levels") / "store")))


def id_of(board, method, track="standard"):
    return next(
        s.id for s in board.of("levels") if s.card.method == method and s.card.track == Track(track)
    )


def test_the_board_opens_on_levels_however_few_its_rows(board, made_up_store, tmp_path):
    made_up_store(tmp_path / "store", "cath", ("standard", "converged"))
    store = made_up_store(tmp_path / "store2", "a-split", ("standard",))
    assert Board(read_store(store)).splits == ["a-split"]
    assert board.splits == ["levels"]
    board.snapshot.summaries.update(Board(read_store(store)).snapshot.summaries)
    assert board.splits[0] == "levels"
    for name in [n for n, s in board.snapshot.summaries.items() if s.card.run.split == "a-split"]:
        del board.snapshot.summaries[name]


def test_rows_are_ranked_within_their_track(board):
    found = standings(board, CHOICE)
    tracks = [row.track for row in found.rows]
    assert tracks == [Track.STANDARD] * 5 + [Track.CONVERGED] * 5
    for start in (0, 5):
        part = found.rows[start : start + 5]
        assert {row.summary.card.method for row in part[:2]} == {"maml", "pretrain"}
        assert [str(row.rank) for row in part] == ["1–2", "1–2", "3", "4", "5"]
        assert [row.group for row in part] == [0, 0, 1, 2, 3]


def test_the_table_names_tracks_and_draws_a_rule_between_groups_that_are_told_apart(board):
    rows = standings(board, CHOICE).rows
    html = leaderboard_table(rows, rank_by="force_rmse", ranked=True, total_families=16)
    assert html.count('<tr class="group">') == 2
    assert len(re.findall(r'<tr class="[^"]*apart', html)) == 6
    assert "not told apart from 1 other<" not in html  # it is in the title, not in the text
    assert 'title="not told apart from 1 other">1–2' in html
    only = [row for row in rows if row.track == Track.STANDARD]
    html = leaderboard_table(only, rank_by="force_rmse", ranked=True, total_families=16)
    assert '<tr class="group">' not in html


def test_one_method_in_two_tracks_is_one_line(board):
    rows = standings(board, CHOICE).rows
    assert tracks_of(rows, "force_rmse") == [Track.STANDARD, Track.CONVERGED]
    entries = across_tracks(board, rows, "force_rmse")
    assert sorted(e.name for e in entries) == ["maml", "pretrain", "reptile", "ridge", "scratch"]
    assert all(set(e.rows) == {Track.STANDARD, Track.CONVERGED} for e in entries)
    found = {e.name: converged_over_standard(board, CHOICE, e) for e in entries}
    assert found["scratch"].value == pytest.approx(0.6, abs=0.03)
    assert found["scratch"].lo < found["scratch"].value < found["scratch"].hi < 0.7
    standard = across_tracks(board, rows[:5], "force_rmse")
    assert {converged_over_standard(board, CHOICE, e) for e in standard} == {None}


def test_one_level_of_several_is_a_board_of_its_own(board):
    families = board.of("levels")[0].families
    assert levels_of("levels", families) == ["pm7"]
    assert levels_of("levels", [*families, "wb97x-d.family-00"]) == ["wb97x-d", "pm7"]
    assert levels_of("cath", ["1.10.8"]) == levels_of("not-here", ["pm7.x"]) == []
    assert standings(board, CHOICE._replace(level="wb97x-d")).rows[0].cells.keys() <= set(COSTS)
    whole, at = (standings(board, CHOICE._replace(level=level)) for level in ("all", "pm7"))
    assert [row.summary.id for row in at.rows] == [row.summary.id for row in whole.rows]
    for row, same in zip(at.rows, whole.rows, strict=True):
        assert row.cells["force_rmse"].value == pytest.approx(same.cells["force_rmse"].value, rel=1e-6)
        assert row.cells["force_rmse"].lo < row.cells["force_rmse"].value < row.cells["force_rmse"].hi
        assert row.n_families == 16
    name = at.rows[0].summary.id
    (curve,) = curves(board, CHOICE._replace(level="pm7"), "force_rmse", [name])
    assert curve.cells[50] == at.rows[0].cells["force_rmse"]
    errors = at_level(np.arange(2.0), ["pm7.a", "rm1.a"], "rm1")
    assert np.isnan(errors[0])
    assert errors[1] == 1


def test_labels_say_what_tells_rows_apart(board):
    name = id_of(board, "maml", "converged")
    assert label(board, name) == "maml · converged"
    assert label(board, name, track=False) == "maml"


def test_the_front_is_whom_nobody_beats_in_both():
    plane = {
        "cheap": (0, 9.0),
        "beaten": (320, 9.5),
        "fair": (320, 5.0),
        "tie": (8000, 5.0),
        "best": (8000, 3.0),
    }
    points = [Point(n, n, cost, error, None) for n, (cost, error) in plane.items()]
    assert [p.name for p in front(points)] == ["cheap", "fair", "best"]
    figure = pareto_figure(points, "gradients", "force_rmse")
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis.ticktext[0] == "none"
    assert min(figure.data[1].x) > 0
    assert [text for text in figure.data[1].text if text] == ["cheap", "fair", "best"]


def test_a_point_grows_with_training_in_area(board):
    points = points_of(board, standings(board, CHOICE).rows, "force_rmse", "gradient_evaluations")
    assert len(points) == 10
    figure = pareto_figure(points, "gradients", "force_rmse")
    sizes = dict(
        zip([row[0] for row in figure.data[1].customdata], figure.data[1].marker.size, strict=True)
    )
    area = {name: size**2 - sizes["scratch · standard"] ** 2 for name, size in sizes.items()}
    assert area["maml · standard"] == pytest.approx(4 * area["pretrain · standard"])


def test_two_rows_are_compared_family_by_family(board):
    names = [id_of(board, method) for method in ("maml", "scratch")]
    pair = compare_rows(board, CHOICE, *names)
    assert len(pair.families) == pair.wins == 16
    errors = board.families("levels", 50, "force_rmse")
    logs = np.log(errors[names[0]] / errors[names[1]])
    assert pair.ratio.value == pytest.approx(np.exp(logs.mean()))
    assert pair.difference.value == pytest.approx((errors[names[0]] - errors[names[1]]).mean())
    assert pair.told_apart
    back = compare_rows(board, CHOICE, *names[::-1])
    assert back.ratio.value == pytest.approx(1 / pair.ratio.value)
    assert back.wins == 0
    converged = [id_of(board, method, "converged") for method in ("maml", "pretrain")]
    assert not compare_rows(board, CHOICE, *converged).told_apart
    assert compare_rows(board, CHOICE._replace(k=7), *names) is None


def test_a_citation_bears_authors_and_the_hashes_of_data_and_code(board):
    summary = board.snapshot.summaries[id_of(board, "maml")]
    entry = bibtex(summary, "http://localhost/method?submission=x")
    assert entry.startswith(f"@misc{{mfbench:{summary.id},\n")
    assert "author       = {Ada Lovelace and Émilie du Châtelet}" in entry
    assert "ab" * 32 in entry
    assert "code 0.9.0 (0123456789ab)" in entry
    assert "year         = {2026}" in entry
    assert entry.count("{") == entry.count("}")
    hostile = summary.card.model_copy(update={"method": r"50% {of} \input & _x_", "authors": ["the team"]})
    entry = bibtex(summary.model_copy(update={"card": hostile}), "")
    assert r"50\% \{of\} \textbackslash{}input \& \_x\_ on levels" in entry
    assert "author       = {{the team}}" in entry
    assert "url" not in entry


def test_a_column_stands_only_where_a_row_fills_it(board):
    rows = standings(board, CHOICE).rows
    assert columns_of(rows) == []
    card = rows[3].summary.card
    public = PublicModelOrigin(name="SO3LR", licence="MIT")
    card = card.model_copy(
        update={"public_model": public, "run": card.run.model_copy(update={"selector": Selector.FARTHEST})}
    )
    summary = rows[3].summary.model_copy(update={"card": card})
    declared = {"stable_share": 0.934, "energy_coverage": 0.872, "force_coverage": 0.915}
    cells = rows[3].cells | {name: Cell(value, None, None, None) for name, value in declared.items()}
    rows[3] = replace(rows[3], summary=summary, cells=cells)
    found = columns_of(rows)
    assert {c.title: c.text(rows[3]) for c in found} == {
        "Support": "farthest", "Dynamics": "93 %", "Calibration": "87 % / 92 %", "Licence": "MIT"
    }  # fmt: skip
    assert [c.text(rows[0]) for c in found] == [""] * 4
    html = leaderboard_table(rows, rank_by="force_rmse", ranked=True, total_families=16)
    heads = html.partition("</thead>")[0].count("<th ")
    assert html.count(f'colspan="{heads}"') == 2
    assert html.count("SO3LR") == 1


def _contrast(a: str, b: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def test_everything_can_be_read_on_light_and_dark_paper():
    assert css.LIGHT.keys() == css.DARK.keys()
    for theme in (css.LIGHT, css.DARK):
        for ink in ("ink", "muted", "accent", "bad"):
            assert _contrast(theme[ink], theme["paper"]) >= 4.5, ink
        for tone in css.TONES:
            name = "neutral" if tone == "line" else tone
            assert _contrast(theme[f"{name}-ink"], theme[name]) >= 4.0, tone
        for line in (*css.PALETTE, css.MUTED):
            assert _contrast(line, theme["paper"]) >= 3, line


def test_pages_name_no_colour_beside_the_variables():
    package = Path(css.__file__).parent
    for file in [*package.glob("views/*.py"), package / "table.py", package / "style.py"]:
        assert not re.search(r"#[0-9a-fA-F]{6}|rgba?\(", file.read_text()), file.name
    rules = css.CSS.partition(".stMainBlockContainer")[2]
    assert set(re.findall(r"#[0-9a-fA-F]{6}", rules)) <= {"#ffffff"}
    assert set(re.findall(r"var\(--mf-([a-z-]+)\)", css.CSS)) <= set(css.LIGHT)


def test_what_labels_teach_is_drawn_for_methods_and_listed_for_all():
    comparison = Comparison.model_validate(json.loads((STORE / "compare.json").read_text()))
    found = learned(comparison, "force_rmse", 50)
    assert len(found.methods) == 8
    assert {"pretrain", "maml", "offset"} <= set(found.methods)
    assert "constant" in found.left_out
    assert len(found.methods) + len(found.left_out) == len({m for m, _ in found.scores})


@pytest.mark.parametrize("name", ["cath-mini", "levels-mini"])
def test_families_are_known_before_the_split_is_read(name):
    assert families_of(name) == {t.family_id: str(t.fold) for t in load_split(name).tasks}


def test_rows_of_one_level_each_have_a_line_at_theirs_and_are_no_ranking_of_all(tmp_path):
    store = open_store(tmp_path / "store")
    for level in ("pm7", "wb97x-d"):
        for method in ("constant", "random"):
            out = tmp_path / f"{level}-{method}"
            mfbench.evaluate(method, "levels-mini", level=level, ks=[5], draws=1, out=out)
            file_row(out, store.url, {"description": "A line.", "authors": ["us"]})
    board = Board(read_store(store))
    for level in ("pm7", "wb97x-d"):
        rows = standings(board, Choice("levels-mini", 5, level=level)).rows
        assert [row.summary.card.run.level for row in rows] == [level] * 2  # none of the other level
        line = next(row for row in rows if row.is_line).cells["force_rmse"].value
        assert {row.cells["force_rmse"].constant for row in rows} == {line}
        assert {len(families_at(rows, level)), rows[0].n_families} == {rows[1].n_families}
    whole = standings(board, Choice("levels-mini", 5))
    assert not whole.ranked
    levels = {family.partition(".")[0] for family in families_at(whole.rows)}
    assert levels == {"pm7", "wb97x-d"}
