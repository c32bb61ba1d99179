"""``predictions.parquet`` from strangers: bounded, typed, complete, finite; and its canonical form.

Canonical: rows in the order of episodes, energies and forces on a binary grid, so that the same predictions
give the same numbers. Scores are computed from these rounded values. Forces are kept as errors, predicted
minus label: smaller numbers than forces, which take a third less space.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mfbench.data.parquet import FORCE_GRID, parquet_of, round_to_grid
from mfbench.data.printable_text import printable
from mfbench.errors import SubmissionError
from mfbench.protocol.episode import Episode
from mfbench.protocol.run_episode import EpisodeRecord
from mfbench.protocol.run_folder import PREDICTION_SCHEMA
from mfbench.submission.card import Card
from mfbench.submission.reference_episodes import ReferenceEpisodes

__all__ = ["ENERGY_GRID", "MAX_BYTES", "canonical_bytes", "read_predictions"]

ENERGY_GRID = 2.0**-20
"""eV: a tenth of what re-labelling on another machine changes. Forces share the labels' grid."""
MAX_BYTES = 256 * 2**20
_LARGEST = 1e9
"""eV and eV/Å: squares of larger errors would not be finite in what is computed from them."""
_COLUMNS = PREDICTION_SCHEMA.names
_ERRORS = "force_errors"
_KEPT_SCHEMA = PREDICTION_SCHEMA.set(
    PREDICTION_SCHEMA.get_field_index("forces"), pa.field(_ERRORS, pa.list_(pa.float32()))
)


class _Rows(NamedTuple):
    """Columns as arrays. ``forces``: flat, ``ends`` [rows + 1] its offsets, ``errors``: less the labels."""

    family: np.ndarray
    k: np.ndarray
    draw: np.ndarray
    config: np.ndarray
    energy: np.ndarray
    forces: np.ndarray
    ends: np.ndarray
    errors: bool


def read_predictions(data: bytes, card: Card, reference: ReferenceEpisodes) -> list[EpisodeRecord]:
    """One record per reference episode, rounded to the grid; one without rows has its reason.

    Args:
        data: the file.
        card: says why episodes are missing.
        reference: the episodes that must be there.

    Raises:
        SubmissionError: kind ``predictions`` (not such a table, wrong types, NaN or infinity, ids twice or
            unknown, wrong number of forces), or ``coverage`` (an episode is incomplete, or missing
            without a reason).
    """
    rows = _columns(_table(data, reference), len(reference.episodes))
    episode_of = {episode.key: i for i, episode in enumerate(reference.episodes)}
    keys = zip(rows.family.tolist(), rows.k.tolist(), rows.draw.tolist(), strict=True)
    codes = np.array([episode_of.get(key, -1) for key in keys], dtype=np.int64)
    if (codes < 0).any():
        i = int(np.argmax(codes < 0))
        name = f"family {_show(rows.family[i])}, K = {rows.k[i]}, draw {rows.draw[i]}"
        raise SubmissionError("predictions", f"there is no episode {name} in this run")
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(reference.episodes) + 1))
    records: list[EpisodeRecord] = []
    place: dict[str, dict[str, int]] = {}
    for i, episode in enumerate(reference.episodes):
        chosen = order[bounds[i] : bounds[i + 1]]
        reason = card.reason(*episode.key)
        if not len(chosen):
            if reason is None:
                raise SubmissionError(
                    "coverage",
                    f"{_episode(episode)} has no predictions: add them, or a reason under 'failures'",
                )
            records.append(EpisodeRecord(*episode.key, failure=reason))
            continue
        if reason is not None:
            raise SubmissionError(
                "coverage", f"{_episode(episode)} has predictions, and is declared failed"
            )
        records.append(_record(rows, chosen, episode, reference, place))
    return records


def _record(
    rows: _Rows,
    chosen: np.ndarray,
    episode: Episode,
    reference: ReferenceEpisodes,
    place: dict[str, dict[str, int]],
) -> EpisodeRecord:
    """The rows of an episode, put in the order of its query."""
    family = episode.family_id
    names = place.setdefault(family, {c.config_id: i for i, c in enumerate(episode.query)})
    index = np.array([names.get(name, -1) for name in rows.config[chosen].tolist()], dtype=np.int64)
    if (index < 0).any():
        name = _show(rows.config[chosen][np.argmax(index < 0)])
        raise SubmissionError("predictions", f"{_episode(episode)}: {name} is not in its query")
    if len(np.unique(index)) < len(index):
        raise SubmissionError("predictions", f"{_episode(episode)}: a configuration is predicted twice")
    if len(index) < len(names):
        raise SubmissionError(
            "coverage",
            f"{_episode(episode)}: {len(index)} of {len(names)} query configurations are predicted: "
            "an episode is predicted whole, or declared failed",
        )
    chosen = chosen[np.argsort(index)]
    starts, lengths = rows.ends[chosen], rows.ends[chosen + 1] - rows.ends[chosen]
    if np.any(lengths != 3 * reference.n_atoms[family]):
        i = int(np.argmax(lengths != 3 * reference.n_atoms[family]))
        raise SubmissionError(
            "predictions",
            f"{_episode(episode)}: {episode.query[i].config_id} has {lengths[i]} force components, "
            f"its {reference.n_atoms[family][i]} atoms need {3 * reference.n_atoms[family][i]}",
        )
    total = int(lengths.sum())
    within = np.arange(total) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    forces = rows.forces[np.repeat(starts, lengths) + within]
    if rows.errors:
        forces = forces + reference.labels[family][1].ravel()
    return EpisodeRecord(
        *episode.key,
        energies=round_to_grid(rows.energy[chosen], ENERGY_GRID),
        forces=round_to_grid(forces, FORCE_GRID).astype(np.float32).reshape(-1, 3),
    )


def _table(data: bytes, reference: ReferenceEpisodes) -> pa.Table:
    """The table, after its metadata promised no more than the episodes need."""
    if len(data) > MAX_BYTES:
        raise SubmissionError("predictions", f"predictions.parquet is larger than {MAX_BYTES >> 20} MiB")
    rows = sum(len(episode.query) for episode in reference.episodes)
    values = sum(3 * int(reference.n_atoms[e.family_id].sum()) for e in reference.episodes)
    try:
        file = parquet_of(data)
        names = file.schema_arrow.names
        if sorted(names) not in (sorted(_COLUMNS), sorted(_KEPT_SCHEMA.names)):
            raise SubmissionError(
                "predictions",
                f"the columns are {_show(', '.join(map(str, names)))}, not {', '.join(_COLUMNS)}",
            )
        meta = file.metadata
        groups = [meta.row_group(i) for i in range(meta.num_row_groups)]
        held = max(
            (c.num_values for g in groups for c in (g.column(i) for i in range(g.num_columns))), default=0
        )
        if meta.num_rows > rows or held > 2 * values + rows:
            raise SubmissionError(
                "predictions", f"it holds {meta.num_rows:,} rows; the episodes of this run need {rows:,}"
            )
        if sum(g.total_byte_size for g in groups) > 64 * (values + rows) + 2**20:
            raise SubmissionError("predictions", "it unpacks to far more than its rows can hold")
        table = file.read(use_threads=False)
        table.validate(full=True)
        return table
    except SubmissionError:
        raise
    except Exception as error:  # whatever a damaged file makes of the reader
        reason = printable(error, 120) or type(error).__name__
        raise SubmissionError("predictions", f"predictions.parquet cannot be read ({reason})") from None


def _columns(table: pa.Table, n_episodes: int) -> _Rows:
    columns = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        if column.null_count:
            raise SubmissionError("predictions", f"column {name} has empty cells")
        columns[name] = column
    text = {name: _strings(name, columns[name]) for name in ("family_id", "config_id")}
    whole = {name: _integers(name, columns[name]) for name in ("k", "draw")}
    energy = _floats("energy", columns["energy"])
    name = _ERRORS if _ERRORS in columns else "forces"
    ends, forces = _lists(name, columns[name])
    identity = (text["family_id"], whole["k"], whole["draw"], text["config_id"])
    return _Rows(*identity, energy, forces, ends, errors=name == _ERRORS)


def _strings(name: str, column: pa.Array) -> np.ndarray:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise SubmissionError("predictions", f"column {name} is {_show(column.type)}, not text")
    found: np.ndarray = column.to_numpy(zero_copy_only=False)
    return found


def _integers(name: str, column: pa.Array) -> np.ndarray:
    if not pa.types.is_integer(column.type):
        raise SubmissionError("predictions", f"column {name} is {_show(column.type)}, not whole numbers")
    try:
        found: np.ndarray = pc.cast(column, pa.int64()).to_numpy()
        return found
    except pa.ArrowInvalid:
        raise SubmissionError("predictions", f"column {name} holds numbers out of range") from None


def _floats(name: str, column: pa.Array) -> np.ndarray:
    if column.type not in (pa.float32(), pa.float64()):
        raise SubmissionError(
            "predictions", f"column {name} is {_show(column.type)}, not float32 or float64"
        )
    numbers: np.ndarray = column.to_numpy(zero_copy_only=False).astype(np.float64)
    if not np.isfinite(numbers).all():
        raise SubmissionError("predictions", f"column {name} holds NaN or infinity")
    if np.abs(numbers).max(initial=0.0) > _LARGEST:
        raise SubmissionError("predictions", f"column {name} holds numbers beyond {_LARGEST:.0e}")
    return numbers


def _lists(name: str, column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Offsets [rows + 1] and the flat numbers; rows are lists of 3n numbers, or of n triples."""
    lists = (pa.ListType, pa.LargeListType)
    if not isinstance(column.type, lists):
        raise SubmissionError("predictions", f"column {name} is {_show(column.type)}, not lists of numbers")
    ends, flat = column.offsets.to_numpy().astype(np.int64), column.values
    if isinstance(flat.type, pa.FixedSizeListType) and flat.type.list_size == 3:
        if flat.null_count:
            raise SubmissionError("predictions", f"column {name} has empty cells")
        ends, flat = 3 * ends, flat.flatten()
    if flat.null_count:
        raise SubmissionError("predictions", f"column {name} has empty cells")
    return ends, _floats(name, flat)


def canonical_bytes(episodes: Sequence[Episode], records: Sequence[EpisodeRecord]) -> bytes:
    """The canonical ``predictions.parquet``: with errors of forces, or with forces where that is smaller (a
    method that predicts none). Failed episodes have no rows."""
    return min((_written(episodes, records, errors) for errors in (True, False)), key=len)


def _written(episodes: Sequence[Episode], records: Sequence[EpisodeRecord], errors: bool) -> bytes:
    schema = _KEPT_SCHEMA if errors else PREDICTION_SCHEMA
    last = schema.names[-1]
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    for episode, record in zip(episodes, records, strict=True):
        if record.failure is not None:
            continue
        n = len(episode.query)
        columns["family_id"] += [record.family_id] * n
        columns["k"] += [record.k] * n
        columns["draw"] += [record.draw] * n
        columns["config_id"] += [c.config_id for c in episode.query]
        energies, forces = record.predicted
        columns["energy"] += energies.tolist()
        ends = np.cumsum([len(c) for c in episode.query])[:-1]
        values = forces - np.concatenate([c.forces for c in episode.query]) * errors
        columns[last] += [part.ravel() for part in np.split(values, ends)]
    buffer = io.BytesIO()
    pq.write_table(
        pa.table(columns, schema=schema),
        buffer,
        compression="brotli",
        compression_level=11,
        use_dictionary=["family_id", "k", "draw", "config_id"],
        column_encoding={"energy": "BYTE_STREAM_SPLIT", f"{last}.list.element": "BYTE_STREAM_SPLIT"},
    )
    return buffer.getvalue()


def _episode(episode: Episode) -> str:
    return f"episode {episode.family_id}, K = {episode.k}, draw {episode.draw}"


def _show(value: object) -> str:
    text = "".join(c if c.isprintable() else "?" for c in str(value))
    return text if len(text) <= 80 else text[:77] + "..."
