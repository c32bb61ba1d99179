"""Errors against K, for a figure."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from mfbench.protocol.protocol import Track
from mfbench_leaderboard.data.board import Board, Cell, Choice, level_cells, level_constant
from mfbench_leaderboard.data.levels import EVERY_LEVEL

__all__ = ["Curve", "constant_line", "curves", "label"]


@dataclass(frozen=True)
class Curve:
    """One submission's errors: K → cell. ``method``: its label without the track."""

    name: str
    label: str
    cells: dict[int, Cell]
    method: str = ""
    track: Track = Track.STANDARD


def curves(board: Board, choice: Choice, metric: str, names: Sequence[str]) -> list[Curve]:
    """Curves of some submissions, in the order given; of the choice, K and order do not matter."""
    of = _by_level if choice.level != EVERY_LEVEL else _whole
    by_name = of(board, choice, metric, set(names))
    found = []
    for name in names:
        if cells := by_name.get(name):
            track = board.snapshot.summaries[name].card.track
            found.append(Curve(name, label(board, name), cells, label(board, name, track=False), track))
    return found


def _whole(board: Board, choice: Choice, metric: str, names: Set[str]) -> dict[str, dict[int, Cell]]:
    """id → K → cell, as it was scored."""
    frame = board.select(choice.split, metric=metric, query=choice.query)
    found: dict[str, dict[int, Cell]] = {}
    for r in frame[frame["submission"].isin(names)].sort_values("k").itertuples():
        cell = Cell(r.value, _none(r.lo), _none(r.hi), _none(r.constant))
        found.setdefault(r.submission, {})[int(r.k)] = cell
    return found


def _by_level(board: Board, choice: Choice, metric: str, names: Set[str]) -> dict[str, dict[int, Cell]]:
    """id → K → cell, over the families of a level."""
    found: dict[str, dict[int, Cell]] = {}
    for k in board.ks(choice.split):
        for name, (cell, _) in level_cells(board, choice, metric, k, names).items():
            found.setdefault(name, {})[k] = cell
    return found


def label(board: Board, name: str, *, track: bool = True) -> str:
    """The method's name, with what tells it from others of the construction that bear it.

    Args:
        board: where it stands.
        name: id of the submission.
        track: whether the track may tell them apart; without it, one method has one label in all tracks.
    """
    card = board.snapshot.summaries[name].card
    rivals = [s for s in board.of(card.run.split) if s.card.method == card.method and s.id != name]
    parts = [card.method]
    if card.arch and any(s.card.arch != card.arch for s in rivals):
        parts.append(card.arch)
        rivals = [s for s in rivals if s.card.arch == card.arch]
    if any(s.card.track != card.track for s in rivals):
        parts += [str(card.track)] * track
        rivals = [s for s in rivals if s.card.track == card.track]
    if rivals:
        parts.append(name[-4:])
    return " · ".join(parts)


def constant_line(board: Board, choice: Choice, metric: str) -> dict[int, float]:
    """K → what the constant method reaches, from the submission with the most draws; at one level of
    several, only if it was submitted."""
    if choice.level != EVERY_LEVEL:
        at = {k: level_constant(board, choice, metric, k) for k in board.ks(choice.split)}
        return {k: value for k, value in at.items() if value is not None}
    frame = board.select(choice.split, metric=metric, query=choice.query).dropna(subset=["constant"])
    draws = frame["submission"].map({s.id: s.card.run.draws for s in board.of(choice.split)})
    last = frame.assign(draws=draws.astype(int)).sort_values(["draws", "constant"]).groupby("k").last()
    return {int(k): float(value) for k, value in last["constant"].items()}


def _none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
