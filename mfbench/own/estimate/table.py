"""Errors that methods made on test molecules of the benchmark, each with a vector of what it is like."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.elements import symbol
from mfbench.data.farthest_points import fingerprints
from mfbench.errors import DataError

__all__ = ["METRICS", "ErrorTable", "load_table", "write_table"]

SHIPPED = Path(__file__).parents[2] / "embedded" / "estimate.npz"
METRICS = ("force_rmse", "energy_rmse_within")
"""kcal/mol/Å and kcal/mol."""


@dataclass(frozen=True, eq=False)
class ErrorTable:
    """Errors of test molecules.

    Attributes:
        families: [n] family of each molecule, with its split.
        graphs: [n] molecular graph.
        vectors: [n, d] mean environments, projected.
        errors: method → [n, K, metric]; NaN where a molecule has none.
        ks: support sizes.
        elements: atomic numbers that the vectors know.
        centre, axes: of the projection: [e], [d, e].
        note: where the errors are from, in words.
    """

    families: np.ndarray
    graphs: np.ndarray
    vectors: np.ndarray
    errors: dict[str, np.ndarray]
    ks: tuple[int, ...]
    elements: tuple[int, ...]
    centre: np.ndarray
    axes: np.ndarray
    note: str

    def project(self, configurations: Sequence[Configuration]) -> np.ndarray:
        """[d] vector of a molecule, mean over its configurations.

        Raises:
            DataError: it holds an element that no molecule of the table holds.
        """
        found = {int(z) for c in configurations for z in c.atomic_numbers}
        if missing := sorted(found - set(self.elements)):
            names = ", ".join(map(symbol, missing))
            raise DataError(f"no test molecule of the benchmark holds {names}: there is nothing to go by")
        whole = fingerprints(configurations, self.elements).mean(axis=0)
        projected: np.ndarray = self.axes @ (whole - self.centre)
        return projected


def write_table(path: Path, table: ErrorTable) -> None:
    """Write a table; the same table gives the same bytes."""
    meta = {"ks": table.ks, "elements": table.elements, "note": table.note, "methods": list(table.errors)}
    arrays: dict[str, Any] = {
        "meta": np.array(json.dumps(meta)),
        "families": table.families,
        "graphs": table.graphs,
        "vectors": table.vectors.astype(np.float32),
        "centre": table.centre.astype(np.float32),
        "axes": table.axes.astype(np.float32),
        **{f"errors/{name}": value.astype(np.float32) for name, value in table.errors.items()},
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    path.write_bytes(buffer.getvalue())


def load_table(path: Path = SHIPPED) -> ErrorTable:
    """The table that ships, or another.

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            meta = json.loads(str(file["meta"]))
            return ErrorTable(
                file["families"],
                file["graphs"],
                file["vectors"].astype(float),
                {name: file[f"errors/{name}"].astype(float) for name in meta["methods"]},
                tuple(meta["ks"]),
                tuple(meta["elements"]),
                file["centre"].astype(float),
                file["axes"].astype(float),
                meta["note"],
            )
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path} is no table of errors ({error}): install mfbench again") from None
