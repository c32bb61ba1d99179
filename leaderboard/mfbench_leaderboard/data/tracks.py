"""The same method in several tracks, at the same K."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfbench.metrics.statistics import Interval, ratio
from mfbench.protocol.protocol import Track
from mfbench_leaderboard.data.board import TRACKS, Board, Choice, Row

__all__ = ["AcrossTracks", "across_tracks", "converged_over_standard", "tracks_of"]


@dataclass(frozen=True)
class AcrossTracks:
    """One method and its weights: track → row. ``name`` is that of its row in the first track."""

    name: str
    model: str
    rows: dict[Track, Row]


def tracks_of(rows: Sequence[Row], metric: str) -> list[Track]:
    """Tracks in which a row that is no reference line has the metric, in the order of the board."""
    found = {row.track for row in rows if not row.is_line and metric in row.cells}
    return [track for track in TRACKS if track in found]


def across_tracks(board: Board, rows: Sequence[Row], metric: str) -> list[AcrossTracks]:
    """Rows with the metric, those of one method with the same weights together, best first.

    Where a track has a method twice (other options), the better row stands for it.
    """
    found: dict[tuple, dict[Track, Row]] = {}
    able = [row for row in rows if metric in row.cells and not row.is_line]
    for row in sorted(able, key=lambda r: r.cells[metric].value):
        found.setdefault(_identity(board, row), {}).setdefault(row.track, row)
    entries = []
    for tracks in found.values():
        first = next(tracks[track] for track in TRACKS if track in tracks)
        card = first.summary.card
        model = " · ".join(x for x in (card.arch, card.backend) if x)
        entries.append(AcrossTracks(card.method, model, tracks))
    return entries


def _identity(board: Board, row: Row) -> tuple:
    """What makes two rows the same method: its code, and its weights as far as they were deposited."""
    card = row.summary.card
    origin = board.snapshot.summaries.get(card.weights_from or "")
    weights = card.weights_sha256 or (origin.card.weights_sha256 if origin else None)
    return card.implementation or card.method, card.arch, card.backend, weights or card.parameters


def converged_over_standard(board: Board, choice: Choice, entry: AcrossTracks) -> Interval | None:
    """Geometric mean over families of converged ÷ standard; None without both, on the same families."""
    pair = [entry.rows.get(track) for track in (Track.CONVERGED, Track.STANDARD)]
    if None in pair or pair[0].summary.families != pair[1].summary.families:
        return None
    errors = board.families(choice.split, choice.k, choice.rank_by, choice.query, choice.level)
    top, bottom = (errors[row.summary.id] for row in pair)
    able = np.isfinite(top) & np.isfinite(bottom) & (top > 0) & (bottom > 0)
    if not able.any():
        return None
    return ratio(top[able], bottom[able], np.array(pair[0].summary.groups)[able])
