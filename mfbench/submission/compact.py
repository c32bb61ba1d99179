"""``errors.parquet``: a compact submission keeps errors per configuration instead of predictions.

One row per query configuration, in the order of episodes and of their queries, which the split's data hash
fixes. Three numbers on grids, some four bytes together:

``energy``     predicted less label, in 2⁻¹³ eV (0.003 kcal/mol)
``force_rms``  1024 log₂ of the RMS over the configuration's force components in eV/Å (steps of 0.07 %)
``force_mae``  1024 × mean absolute error ÷ RMS of the same components

Every score follows from them. Whether another submission copies this one is told from *fingerprints*
(``mfbench.submission.detectors.error_fingerprint``), which need forces and are therefore kept beside the
rows. What cannot be checked without forces (units, order) was checked before they were dropped; whoever
doubts the numbers runs the method again (``mfbench store verify --rerun``), so that only methods which are
registered here can be kept so.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mfbench.data.parquet import parquet_of
from mfbench.data.printable_text import printable
from mfbench.errors import SubmissionError
from mfbench.metrics.errors import ConfigurationErrors
from mfbench.results.episode_errors import EpisodeErrors
from mfbench.submission.card import Card
from mfbench.submission.detectors.error_fingerprint import WIDTH
from mfbench.submission.reference_episodes import ReferenceEpisodes

__all__ = ["ERRORS_FILE", "Kept", "compact_bytes", "read_compact"]

ERRORS_FILE = "errors.parquet"
ENERGY_STEP = 2.0**-13
"""eV. Rounding errs by 0.001 kcal/mol (rms), which adds 10⁻⁶ of itself to an error of 1 kcal/mol."""
_OCTAVE = 1024
"""Steps of ``force_rms`` per factor of two: an RMS errs by 0.02 % (rms), a mean by far less. Scores of all
submissions are within 0.001 kcal/mol and kcal/mol/Å of those of their predictions."""
_SHARE = 1024
_NONE = -(2**20)
"""Code of an RMS of zero."""
_SCHEMA = pa.schema(
    [
        ("family_id", pa.string()),
        ("k", pa.int16()),
        ("draw", pa.int16()),
        ("energy", pa.int64()),
        ("force_rms", pa.int32()),
        ("force_mae", pa.int16()),
    ]
)
_FINGERPRINTS = b"mfbench_fingerprints"
_MAX_BYTES = 64 * 2**20
_LARGEST = 2**50


@dataclass(frozen=True, eq=False)
class Kept:
    """What a compact submission holds instead of predictions.

    Attributes:
        episodes: errors, in the order of the reference episodes.
        fingerprints: K → [n_families, WIDTH], see ``error_fingerprint``.
    """

    episodes: list[EpisodeErrors]
    fingerprints: dict[int, np.ndarray]


def compact_bytes(episodes: Sequence[EpisodeErrors], fingerprints: Mapping[int, np.ndarray]) -> bytes:
    """The file. Failed episodes have no rows."""
    columns: dict[str, list[Any]] = {name: [] for name in _SCHEMA.names}
    for episode in episodes:
        if episode.errors is None:
            continue
        found = _encoded(episode.errors)
        n = len(found["energy"])
        for name, value in zip(_SCHEMA.names[:3], episode.key, strict=True):
            columns[name] += [value] * n
        for name, codes in found.items():
            columns[name] += codes.tolist()
    table = pa.table(columns, schema=_SCHEMA)
    text = {
        str(k): base64.b64encode(np.asarray(values, np.float16).tobytes()).decode()
        for k, values in sorted(fingerprints.items())
    }
    table = table.replace_schema_metadata({_FINGERPRINTS: json.dumps(text)})
    buffer = io.BytesIO()
    pq.write_table(
        table,
        buffer,
        compression="brotli",
        compression_level=11,
        use_dictionary=_SCHEMA.names[:3],
        column_encoding=dict.fromkeys(_SCHEMA.names[3:], "BYTE_STREAM_SPLIT"),
        write_statistics=False,
    )
    return buffer.getvalue()


def read_compact(data: bytes, card: Card, reference: ReferenceEpisodes) -> Kept:
    """Errors of every reference episode; one without rows has its declared reason.

    Raises:
        SubmissionError: kind ``predictions`` (no such table, numbers out of range) or ``coverage`` (an
            episode is incomplete, or missing without a reason).
    """
    table, fingerprints = _table(data, reference)
    keys = list(zip(*(table[name].to_pylist() for name in _SCHEMA.names[:3]), strict=True))
    codes = {name: table[name].to_numpy() for name in _SCHEMA.names[3:]}
    starts = [0, *(i for i in range(1, len(keys)) if keys[i] != keys[i - 1]), len(keys)]
    blocks = {keys[a]: slice(a, b) for a, b in pairwise(starts) if b > a}
    if len(blocks) + 1 != len(starts) and keys:
        raise SubmissionError("predictions", f"the rows of {ERRORS_FILE} are not in order of episodes")
    found = []
    for episode in reference.episodes:
        block, reason = blocks.pop(episode.key, None), card.reason(*episode.key)
        where = f"episode {episode.family_id}, K = {episode.k}, draw {episode.draw}"
        if block is None:
            if reason is None:
                raise SubmissionError("coverage", f"{where} has no errors and no declared failure")
            found.append(EpisodeErrors(*episode.key, failure=reason))
            continue
        if reason is not None:
            raise SubmissionError("coverage", f"{where} has errors, and is declared failed")
        if block.stop - block.start != len(episode.query):
            n = block.stop - block.start
            raise SubmissionError("coverage", f"{where} has {n} rows, its query {len(episode.query)}")
        errors = _decoded({name: values[block] for name, values in codes.items()})
        found.append(EpisodeErrors(*episode.key, errors=errors))
    if blocks:
        raise SubmissionError("predictions", f"there is no episode {next(iter(blocks))} in this run")
    return Kept(found, fingerprints)


def _encoded(errors: ConfigurationErrors) -> dict[str, np.ndarray]:
    if not all(np.isfinite(x).all() for x in (errors.energy, errors.force_square, errors.force_absolute)):
        raise SubmissionError("predictions", "an error is not finite: such an episode has failed")
    rms = np.sqrt(errors.force_square)
    with np.errstate(divide="ignore", invalid="ignore"):  # where the error is exactly zero
        octaves = np.where(rms > 0, np.rint(_OCTAVE * np.log2(rms)), _NONE)
        share = np.where(rms > 0, np.rint(_SHARE * errors.force_absolute / rms), 0)
    energy = np.rint(errors.energy / ENERGY_STEP).astype(np.int64)
    return {"energy": energy, "force_rms": octaves.astype(np.int64), "force_mae": share.astype(np.int64)}


def _decoded(codes: Mapping[str, np.ndarray]) -> ConfigurationErrors:
    octaves = codes["force_rms"].astype(np.float64)
    rms = np.where(octaves > _NONE, 2.0 ** (octaves / _OCTAVE), 0.0)
    return ConfigurationErrors(codes["energy"] * ENERGY_STEP, rms**2, rms * codes["force_mae"] / _SHARE)


def _table(data: bytes, reference: ReferenceEpisodes) -> tuple[pa.Table, dict[int, np.ndarray]]:
    """The table and its fingerprints, after its metadata promised no more than the episodes need."""
    if len(data) > _MAX_BYTES:
        raise SubmissionError("predictions", f"{ERRORS_FILE} is larger than {_MAX_BYTES >> 20} MiB")
    rows = sum(len(episode.query) for episode in reference.episodes)
    try:
        file = parquet_of(data)
        if not file.schema_arrow.remove_metadata().equals(_SCHEMA):
            names = ", ".join(_SCHEMA.names)
            raise SubmissionError("predictions", f"the columns of {ERRORS_FILE} are not {names}")
        if file.metadata.num_rows > rows:
            n = file.metadata.num_rows
            raise SubmissionError("predictions", f"it holds {n:,} rows; the episodes need {rows:,}")
        table = file.read(use_threads=False)
        table.validate(full=True)
        text = json.loads((table.schema.metadata or {})[_FINGERPRINTS])
        fingerprints = {int(k): _fingerprint(value, len(reference.families)) for k, value in text.items()}
    except SubmissionError:
        raise
    except Exception as error:  # whatever a damaged file makes of the reader
        reason = printable(error, 120) or type(error).__name__
        raise SubmissionError("predictions", f"{ERRORS_FILE} cannot be read ({reason})") from None
    if any(column.null_count for column in table.columns):
        raise SubmissionError("predictions", f"{ERRORS_FILE} has empty cells")
    share, energy = table["force_mae"].to_numpy(), table["energy"].to_numpy()
    octaves = table["force_rms"].to_numpy().astype(np.int64)
    bad = (share < 0) | (share > _SHARE) | (np.abs(energy) > _LARGEST) | (octaves > 30 * _OCTAVE)
    if bad.any():
        raise SubmissionError("predictions", f"{ERRORS_FILE} holds numbers out of range")
    return table, fingerprints


def _fingerprint(text: str, n_families: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.float16).reshape(n_families, WIDTH).astype(np.float32)
