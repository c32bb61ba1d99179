"""The leaderboard's rows: one per submission, for a construction, a K, a subset of the query, a rank."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from mfbench.metrics.errors import METRICS
from mfbench.metrics.statistics import RankRange, bootstrap_mean
from mfbench.protocol.catalogue import reference_lines
from mfbench.protocol.protocol import Track
from mfbench.store.index import Snapshot, Trust
from mfbench.store.rows import Summary
from mfbench.submission.detectors.findings import Finding
from mfbench_leaderboard.data.levels import EVERY_LEVEL, at_level, is_at
from mfbench_leaderboard.data.ranks import rank_groups, rank_methods
from mfbench_leaderboard.data.text import HEADLINES

__all__ = [
    "FIRST",
    "TRACKS",
    "Board",
    "Cell",
    "Choice",
    "Row",
    "Standings",
    "families_at",
    "filter_rows",
    "level_cells",
    "level_constant",
    "standings",
]

CONSTANT = "constant"
FIRST = "levels"
"""The construction that the board opens on if it has a submission: there adaptation is the whole game."""
TRACKS = (Track.STANDARD, Track.CONVERGED, Track.LONG, Track.CLOSED_FORM, Track.OPEN)
"""In the order in which the board shows them."""


class Cell(NamedTuple):
    """A value, its 95 % interval, and what the constant method reaches on the same episodes."""

    value: float
    lo: float | None
    hi: float | None
    constant: float | None

    @property
    def flagged(self) -> bool:
        """Whether it is no better than the constant method."""
        return self.constant is not None and self.value >= self.constant


class Choice(NamedTuple):
    """What is looked at. ``level``: of theory, where tasks of the construction have several."""

    split: str
    k: int
    query: str = "all"
    rank_by: str = "force_rmse"
    level: str = EVERY_LEVEL


@dataclass(frozen=True)
class Row:
    """One submission.

    Attributes:
        summary: what it declares, and what was found.
        trust: recomputed, verified or refuted.
        rank: places within its track that the data leave open; None for lines, refuted, partial, or few
            families.
        cells: metric → value, without those it has no value for.
        n_families: families behind the numbers.
        group: number of its group among the ranked of its track; every method of a group is told apart from
            every method of another.
    """

    summary: Summary
    trust: Trust
    rank: RankRange | None
    cells: dict[str, Cell]
    n_families: int
    group: int | None = None

    @property
    def track(self) -> Track:
        """What adaptation could spend."""
        return self.summary.card.track

    @property
    def is_line(self) -> bool:
        """Whether it is a reference line."""
        return self.summary.card.method in reference_lines()

    @property
    def findings(self) -> list[Finding]:
        """What checking found."""
        return self.summary.findings


@dataclass(frozen=True)
class Standings:
    """Rows track by track, in order; ``ranked`` says whether there were enough families for ranks."""

    rows: list[Row]
    ranked: bool


class Board:
    """A snapshot, ready for questions."""

    def __init__(self, snapshot: Snapshot):
        self.snapshot = snapshot
        self.rows: pa.Table = snapshot.rows.combine_chunks()
        self.scores: pd.DataFrame = self.rows.drop_columns(["families", "sketch"]).to_pandas()
        self._place = _index(self.scores)

    @property
    def splits(self) -> list[str]:
        """Constructions with a submission: the one that the board opens on, then the one with the most."""
        counts: dict[str, int] = {}
        for summary in self.snapshot.summaries.values():
            counts[summary.card.run.split] = counts.get(summary.card.run.split, 0) + 1
        return sorted(counts, key=lambda name: (name != FIRST, -counts[name], name))

    def of(self, split: str) -> list[Summary]:
        """Submissions on a construction."""
        return [s for s in self.snapshot.summaries.values() if s.card.run.split == split]

    def ks(self, split: str) -> list[int]:
        """Support sizes that any submission has."""
        return sorted({k for s in self.of(split) for k in s.card.run.ks})

    def select(
        self, split: str, k: int | None = None, metric: str | None = None, query: str | None = None
    ) -> pd.DataFrame:
        """Score rows that fit, as a frame; None fits all."""
        wanted = (split, k, metric, query)
        found = [
            rows
            for key, rows in self._place.items()
            if all(w is None or w == have for w, have in zip(wanted, key, strict=True))
        ]
        return self.scores.take(np.concatenate(found) if found else np.zeros(0, int))

    def families(
        self, split: str, k: int, metric: str, query: str = "all", level: str = EVERY_LEVEL
    ) -> dict[str, np.ndarray]:
        """id → error of each family, in the order of the summary's families; NaN where there is none, or
        its task is of another level."""
        rows = self._place.get((split, k, metric, query))
        if rows is None:
            return {}
        found = self.rows.select(["submission", "families"]).take(rows)
        names, lists = found["submission"].to_pylist(), found["families"].combine_chunks()
        flat, ends = lists.values.to_numpy(), lists.offsets.to_numpy()
        pairs = zip(names, itertools.pairwise(ends), strict=True)
        whole = {name: flat[a:b].astype(float) for name, (a, b) in pairs if b > a}
        names_of = {name: self.snapshot.summaries[name].families for name in whole}
        return {name: at_level(errors, names_of[name], level) for name, errors in whole.items()}


def _index(scores: pd.DataFrame) -> dict[tuple[str, int, str, str], np.ndarray]:
    """(split, K, metric, query) → row numbers: a filter looks up what it shows, and scans nothing."""
    names = {n: list(scores[n].cat.categories) for n in ("split", "metric", "query")}
    codes = [scores[n].cat.codes.to_numpy().astype(np.int64) for n in names]
    ks = scores["k"].to_numpy().astype(np.int64)
    sizes = [max(len(v), 1) for v in names.values()]
    combined = ((codes[0] * sizes[1] + codes[1]) * sizes[2] + codes[2]) * (ks.max(initial=0) + 1) + ks
    order = np.argsort(combined, kind="stable")
    starts = np.flatnonzero(np.diff(combined[order], prepend=-1))
    found = {}
    for rows in np.split(order, starts[1:]) if len(order) else []:
        split, metric, query = (names[n][code[rows[0]]] for n, code in zip(names, codes, strict=True))
        found[split, int(ks[rows[0]]), metric, query] = rows
    return found


def standings(board: Board, choice: Choice) -> Standings:
    """All submissions on a construction, ranked by one metric within their tracks; those without this K
    stand last in theirs, and those of another level of theory nowhere."""
    frame = board.select(choice.split, choice.k)
    frame = frame[frame["query"].isin([choice.query, "all"])]
    cells: dict[str, dict[str, Cell]] = {}
    counts: dict[str, int] = {}
    for row in frame.itertuples(index=False):
        if row.query != choice.query and row.metric in METRICS:
            continue
        bounds = (None, None) if np.isnan(row.lo) else (row.lo, row.hi)
        constant = None if np.isnan(row.constant) else row.constant
        cells.setdefault(row.submission, {})[row.metric] = Cell(row.value, *bounds, constant)
        if row.metric == choice.rank_by:
            counts[row.submission] = row.n_families
    if choice.level != EVERY_LEVEL:
        cells, counts = _at_level(board, choice, cells)
    shown = [s for s in board.of(choice.split) if _is_of(s, choice.level)]
    trusts = {s.id: board.snapshot.trust(s.id) for s in shown}
    ranked = _ranks(board, choice, [s for s in shown if trusts[s.id] != Trust.REFUTED])
    rows = [
        Row(s, trusts[s.id], rank, cells.get(s.id, {}), counts.get(s.id, 0), group)
        for s in shown
        for rank, group in [ranked.get(s.id, (None, None))]
    ]
    tracks = ([row for row in rows if row.track == track] for track in TRACKS)
    ordered = [row for part in tracks for row in _ordered(part, choice.rank_by)]
    return Standings(ordered, bool(ranked))


def level_cells(
    board: Board, choice: Choice, metric: str, k: int, names: Set[str] | None = None
) -> dict[str, tuple[Cell, int]]:
    """id → an error over the families of ``choice.level``, and their number; of ``names``, else of all."""
    errors = board.families(choice.split, k, metric, choice.query, choice.level)
    constant = _constant_of(board, errors)
    found = {}
    for name, values in errors.items():
        here = np.isfinite(values)
        if here.any() and (names is None or name in names):
            groups = np.array(board.snapshot.summaries[name].groups)
            value, *bounds = bootstrap_mean(values[here], groups[here])
            lo, hi = (None if np.isnan(bound) else bound for bound in bounds)
            found[name] = Cell(value, lo, hi, constant), int(here.sum())
    return found


def level_constant(board: Board, choice: Choice, metric: str, k: int) -> float | None:
    """What the constant method reaches on the families of ``choice.level``; None where it was not run."""
    return _constant_of(board, board.families(choice.split, k, metric, choice.query, choice.level))


def _constant_of(board: Board, errors: Mapping[str, np.ndarray]) -> float | None:
    summaries = board.snapshot.summaries
    lines = [values for name, values in errors.items() if summaries[name].card.method == CONSTANT]
    whole = [line[~np.isnan(line)] for line in lines]  # NaN: a family of another level
    return next((float(line.mean()) for line in whole if len(line)), None)


def _at_level(
    board: Board, choice: Choice, cells: dict[str, dict[str, Cell]]
) -> tuple[dict[str, dict[str, Cell]], dict[str, int]]:
    """Cells with the three errors at the level of the choice, costs as they are; families behind them."""
    found = {name: {m: c for m, c in values.items() if m not in METRICS} for name, values in cells.items()}
    counts = {}
    for metric in HEADLINES:
        for name, (cell, n) in level_cells(board, choice, metric, choice.k).items():
            found.setdefault(name, {})[metric] = cell
            counts[name] = n
    return found, counts


def _is_of(summary: Summary, level: str) -> bool:
    """Whether it was run at a level of theory, alone or among others."""
    return level == EVERY_LEVEL or summary.card.run.level in (None, level)


def families_at(rows: Sequence[Row], level: str = EVERY_LEVEL) -> list[str]:
    """Test families that any of the rows has, at a level of theory."""
    named = {family for row in rows for family in row.summary.families}
    return sorted(family for family in named if is_at(family, level))


def filter_rows(
    rows: Sequence[Row],
    *,
    tracks: Sequence[str] = (),
    archs: Sequence[str] = (),
    backends: Sequence[str] = (),
    trusts: Sequence[str] = (),
    text: str = "",
) -> list[Row]:
    """Rows that fit; an empty filter admits all. ``text`` is looked for in name, id and description."""

    def fits(row: Row) -> bool:
        card = row.summary.card
        return (
            (not tracks or card.track in tracks)
            and (not archs or (card.arch or "none") in archs)
            and (not backends or (card.backend or "none") in backends)
            and (not trusts or row.trust in trusts)
            and text.lower() in f"{card.method} {row.summary.id} {card.description}".lower()
        )

    return [row for row in rows if fits(row)]


def _ordered(rows: list[Row], metric: str) -> list[Row]:
    """Ranked rows by rank, at a tie the verified first, then by value. Unranked ones stand among them
    where their value belongs, and those without a value last."""
    ranked = [row for row in rows if row.rank is not None and metric in row.cells]
    ranked.sort(key=lambda r: (r.rank.best, r.trust != Trust.VERIFIED, r.cells[metric].value, r.summary.id))
    others = [row for row in rows if row.rank is None and metric in row.cells]
    others.sort(key=lambda r: (r.cells[metric].value, r.trust != Trust.VERIFIED, r.summary.id))
    found = []
    for row in ranked:
        while others and others[0].cells[metric].value < row.cells[metric].value:
            found.append(others.pop(0))
        found.append(row)
    return [*found, *others, *(row for row in rows if metric not in row.cells)]


def _ranks(board: Board, choice: Choice, shown: Sequence[Summary]) -> dict[str, tuple[RankRange, int]]:
    """id → ranks and group among those shown of its track that have every family; empty if there are too
    few families for any."""
    errors = board.families(choice.split, choice.k, choice.rank_by, choice.query, choice.level)
    able = [s for s in shown if s.card.method not in reference_lines() and s.id in errors]
    at = {s.id: _of_level(s, errors[s.id], choice.level) for s in able}
    whole = max((set(families) for families in at.values()), key=len, default=set())
    able = [s for s in able if set(at[s.id]) == whole]
    levels = {s.card.run.level for s in shown}
    if choice.level == EVERY_LEVEL and len(levels) > 1 and any(s.card.run.level for s in able):
        return {}  # rows of one level among several are no ranking of all
    found: dict[str, tuple[RankRange, int]] = {}
    for track in TRACKS:
        part = [s for s in able if s.card.track == track]
        ranks = _ranks_within(part, at)
        pairs = zip(ranks, rank_groups(ranks), strict=True)
        found |= {s.id: pair for s, pair in zip(part, pairs, strict=bool(ranks))}
    return found


def _of_level(summary: Summary, errors: np.ndarray, level: str) -> dict[str, float]:
    """family → error, of the families at a level."""
    pairs = zip(summary.families, errors.tolist(), strict=True)
    return {family: error for family, error in pairs if is_at(family, level)}


def _ranks_within(able: Sequence[Summary], at: Mapping[str, Mapping[str, float]]) -> list[RankRange]:
    """Ranks of submissions with the same families; empty if there are too few families."""
    if not able:
        return []
    families = list(at[able[0].id])
    matrix = np.array([[at[s.id][family] for family in families] for s in able])
    present = np.isfinite(matrix).all(axis=0)  # a stratum may be empty in a family, for everybody
    whole = matrix[:, present]
    group = dict(zip(able[0].families, able[0].groups, strict=True))
    groups = np.array([group[family] for family in families])
    return rank_methods(np.maximum(whole, 1e-12), groups[present]) or []
