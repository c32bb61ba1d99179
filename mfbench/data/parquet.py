"""Configurations as Parquet: the one place that knows columns, storage grids and encodings."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mfbench.data.configuration import Configuration
from mfbench.errors import DataError
from mfbench.work.files import written

__all__ = [
    "CONFIGURATION_SCHEMA",
    "FORCE_GRID",
    "POSITION_GRID",
    "lists",
    "parquet_of",
    "read_configurations",
    "read_table",
    "round_to_grid",
    "sha256",
    "vectors",
    "write_configurations",
]

POSITION_GRID = 2.0**-13
"""Å. Positions are rounded to it *before* labelling, so that labels are exact at what is stored."""
FORCE_GRID = 2.0**-12
"""eV/Å. Forces are rounded to it after labelling: an error of at most 1.22e-4 eV/Å."""

_VECTORS = pa.list_(pa.list_(pa.float32(), 3))
"""[n, 3], one row per atom. Readers also take 3n numbers in one list, as in cath-mini 1.0.0."""
CONFIGURATION_SCHEMA = pa.schema(
    [
        ("config_id", pa.string()),
        ("fragment_id", pa.string()),
        ("trajectory_id", pa.string()),
        ("atomic_numbers", pa.list_(pa.uint8())),
        ("positions", _VECTORS),  # Å
        ("energy", pa.float64()),  # eV
        ("atomic_forces", _VECTORS),  # eV/Å
        ("total_charge", pa.int8()),
        ("n_unpaired", pa.int8()),
        ("temperature_K", pa.float32()),
        ("sampler", pa.string()),
    ]
)


def round_to_grid(values: np.ndarray, grid: float) -> np.ndarray:
    """The nearest multiples of ``grid``: exact in float32 as long as ``|value|`` < 2¹¹ grid-free bits."""
    return np.round(np.asarray(values, dtype=np.float64) / grid) * grid


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_configurations(path: Path, configurations: Sequence[Configuration]) -> None:
    """Write labelled configurations; the same configurations give the same bytes.

    Raises:
        DataError: a configuration has no label, or a position off the storage grid.
    """
    for c in configurations:
        if c.energy is None or c.forces is None:
            raise DataError(f"configuration {c.config_id} has no label")
        if np.any(c.positions != round_to_grid(c.positions, POSITION_GRID)):
            raise DataError(f"configuration {c.config_id} was not rounded to the storage grid")
    columns = {
        "config_id": [c.config_id for c in configurations],
        "fragment_id": [c.fragment_id for c in configurations],
        "trajectory_id": [c.trajectory_id for c in configurations],
        "atomic_numbers": [np.asarray(c.atomic_numbers, np.uint8) for c in configurations],
        "positions": vectors([c.positions for c in configurations]),
        "energy": [float(c.label[0]) for c in configurations],
        "atomic_forces": vectors([round_to_grid(c.label[1], FORCE_GRID) for c in configurations]),
        "total_charge": [c.total_charge for c in configurations],
        "n_unpaired": [c.n_unpaired for c in configurations],
        "temperature_K": [c.temperature_K for c in configurations],
        "sampler": [c.sampler for c in configurations],
    }
    table = pa.table(columns, schema=CONFIGURATION_SCHEMA)
    # Grid-rounded floats have constant low bytes: splitting the bytes lets zstd remove them.
    with written(path) as temporary:
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            compression_level=19,
            use_dictionary=["fragment_id", "trajectory_id", "sampler"],
            column_encoding={
                "positions.list.element.list.element": "BYTE_STREAM_SPLIT",
                "atomic_forces.list.element.list.element": "BYTE_STREAM_SPLIT",
            },
        )


def read_table(path: Path) -> pa.Table:
    """Read a Parquet file.

    Raises:
        DataError: the file is missing, truncated or not Parquet.
    """
    try:
        return pq.read_table(path)
    except FileNotFoundError:
        raise DataError(f"{path} is missing: download or rebuild the split") from None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} cannot be read ({reason}): download or rebuild the split") from None


def parquet_of(data: bytes) -> pq.ParquetFile:
    """Parquet in memory. Read it with ``use_threads=False``.

    A thread of Arrow's that lets go of a Python buffer while the interpreter ends takes the process with
    it, exit code and all.
    """
    return pq.ParquetFile(pa.BufferReader(data))


def read_configurations(path: Path, graphs: Mapping[str, str] = {}) -> list[Configuration]:
    """Read the configurations of a Parquet file, in file order.

    Args:
        path: of the file.
        graphs: fragment → its molecular graph.

    Raises:
        DataError: the file is damaged, or its columns are not those of ``CONFIGURATION_SCHEMA``.
    """
    table = read_table(path)
    missing = set(CONFIGURATION_SCHEMA.names) - set(table.column_names)
    if missing:
        raise DataError(f"{path} has no column {sorted(missing)[0]}: is it a configuration table?")
    columns = {name: table[name].to_pylist() for name in _SCALARS}
    arrays = {name: lists(table[name]) for name in _ARRAYS}
    return [
        Configuration(
            atomic_numbers=arrays["atomic_numbers"][i].astype(np.int32),
            positions=arrays["positions"][i].astype(np.float64).reshape(-1, 3),
            total_charge=columns["total_charge"][i],
            n_unpaired=columns["n_unpaired"][i],
            energy=columns["energy"][i],
            forces=arrays["atomic_forces"][i].astype(np.float64).reshape(-1, 3),
            config_id=columns["config_id"][i],
            fragment_id=columns["fragment_id"][i],
            trajectory_id=columns["trajectory_id"][i],
            temperature_K=columns["temperature_K"][i],
            sampler=columns["sampler"][i],
            graph_id=graphs.get(columns["fragment_id"][i], ""),
        )
        for i in range(table.num_rows)
    ]


_ARRAYS = ("atomic_numbers", "positions", "atomic_forces")
_SCALARS = tuple(name for name in CONFIGURATION_SCHEMA.names if name not in _ARRAYS)


def vectors(rows: Sequence[np.ndarray]) -> pa.Array:
    """A column of arrays [n, 3]."""
    flat = np.concatenate([np.zeros((0, 3)), *rows]).astype(np.float32).ravel()
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, pa.FixedSizeListArray.from_arrays(flat, 3), type=_VECTORS)


def lists(column: pa.ChunkedArray) -> list[np.ndarray]:
    """The rows of a column of lists, or of lists of triples, as views of one flat array."""
    array = column.combine_chunks()
    offsets = array.offsets.to_numpy() - array.offsets[0].as_py()
    flat = array.flatten()
    if pa.types.is_list(flat.type) or pa.types.is_fixed_size_list(flat.type):
        flat, offsets = flat.flatten(), 3 * offsets
    numbers = flat.to_numpy(zero_copy_only=False)
    return [numbers[a:b] for a, b in itertools.pairwise(offsets)]
