"""Tables of labels: energies and forces by ``config_id``, without positions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mfbench.data.parquet import FORCE_GRID, lists, read_table, round_to_grid, vectors
from mfbench.errors import DataError

__all__ = ["LABEL_SCHEMA", "Labels", "read_labels", "write_labels"]

LABEL_SCHEMA = pa.schema(
    [
        ("config_id", pa.string()),
        ("energy", pa.float64()),  # eV
        ("atomic_forces", pa.list_(pa.list_(pa.float32(), 3))),  # eV/Å
    ]
)

Labels = Mapping[str, tuple[float, np.ndarray]]
"""config_id → energy (eV) and forces [n, 3] (eV/Å)."""


def write_labels(path: Path, labels: Labels) -> None:
    """Write a part, rows in order of config_id; the same labels give the same bytes. Forces are rounded
    to the storage grid."""
    names = sorted(labels)
    table = pa.table(
        {
            "config_id": names,
            "energy": [float(labels[name][0]) for name in names],
            "atomic_forces": vectors([round_to_grid(labels[name][1], FORCE_GRID) for name in names]),
        },
        schema=LABEL_SCHEMA,
    )
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=False,
        column_encoding={
            "config_id": "DELTA_BYTE_ARRAY",
            "atomic_forces.list.element.list.element": "BYTE_STREAM_SPLIT",
        },
    )


def read_labels(path: Path) -> dict[str, tuple[float, np.ndarray]]:
    """The labels of one part.

    Raises:
        DataError: it is missing, damaged, or no table of labels.
    """
    table = read_table(path)
    if missing := sorted(set(LABEL_SCHEMA.names) - set(table.column_names)):
        raise DataError(f"{path} has no column {missing[0]}: is it a table of labels?")
    forces = lists(table["atomic_forces"])
    rows = zip(table["config_id"].to_pylist(), table["energy"].to_pylist(), forces, strict=True)
    return {name: (energy, f.astype(np.float64).reshape(-1, 3)) for name, energy, f in rows}
