"""Labels at further levels of theory: tables of energies and forces beside the geometries they belong to.

``labels/<level>/`` lies beside the splits (or inside a self-contained one). ``level.json`` says what the
level is; its parts hold energies and forces by ``config_id``, never positions again. Parts are added and
never changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError

from mfbench.data.configuration import Configuration
from mfbench.data.parquet import FORCE_GRID, lists, read_table, round_to_grid, sha256, vectors
from mfbench.errors import DataError, UnknownNameError

__all__ = [
    "LABEL_FILE",
    "LABEL_SCHEMA",
    "EnergyShift",
    "Labels",
    "LevelCard",
    "available_levels",
    "find_level_folder",
    "read_labels",
    "read_level",
    "read_level_labels",
    "write_labels",
    "write_level",
]

LABEL_SCHEMA = pa.schema(
    [
        ("config_id", pa.string()),
        ("energy", pa.float64()),  # eV
        ("atomic_forces", pa.list_(pa.list_(pa.float32(), 3))),  # eV/Å
    ]
)
LABEL_FILE = re.compile(
    r"(?:\.\./)?labels/([A-Za-z0-9][A-Za-z0-9_.-]*)/(level\.json|[A-Za-z0-9][A-Za-z0-9_.-]*\.parquet)"
)
"""Names that a manifest may give to files of labels, relative to the split's folder."""

Labels = Mapping[str, tuple[float, np.ndarray]]
"""config_id → energy (eV) and forces [n, 3] (eV/Å)."""


class LevelCard(BaseModel):
    """``level.json``.

    Attributes:
        name, description, citation: of the level.
        settings: what the numbers depend on.
        tools: versions of what computed them.
        isolated_atom_energies_eV: atomic number → eV, on the level's own zero.
        zero: what that is: ``atoms`` (bare nuclei and electrons), ``valence`` (valence electrons only),
            ``formation`` (heat of formation).
        labels: configurations that have one.
        failed: config_id → why there is no label.
        seconds_per_label: median CPU seconds.
        files: part → SHA-256.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: int = 1
    name: str
    description: str
    citation: str
    settings: dict[str, Any]
    tools: dict[str, str]
    isolated_atom_energies_eV: dict[int, float]
    zero: str = ""
    labels: int
    failed: dict[str, str]
    seconds_per_label: float
    files: dict[str, str]


class EnergyShift(BaseModel):
    """What is added to a level's energies to put them on the scale of a split's reference level.

    Attributes:
        elements: atomic number → eV per atom.
        anion, cation: eV per unit of negative and of positive charge.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    elements: dict[int, float]
    anion: float = 0.0
    cation: float = 0.0

    def of(self, c: Configuration) -> float:
        """eV of one configuration.

        Raises:
            DataError: an element without a shift.
        """
        try:
            atoms = sum(self.elements[int(z)] for z in c.atomic_numbers)
        except KeyError as error:
            raise DataError(f"{c.config_id}: no energy zero for element {error.args[0]}") from None
        return atoms + self.anion * max(-c.total_charge, 0) + self.cation * max(c.total_charge, 0)


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


def read_level(folder: Path) -> LevelCard:
    """``folder/level.json``.

    Raises:
        DataError: it is missing, or not such a card.
    """
    path = Path(folder) / "level.json"
    try:
        return LevelCard.model_validate_json(
            path.read_text(encoding="utf-8").replace('"schema":', '"schema_":', 1)
        )
    except FileNotFoundError:
        raise DataError(f"{path} is missing: no labels there") from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not the card of a level ({' '.join(str(error).split()[:8])})") from None


def write_level(folder: Path, card: LevelCard) -> None:
    """Write ``folder/level.json``."""
    record = {"schema" if k == "schema_" else k: v for k, v in card.model_dump(mode="json").items()}
    (Path(folder) / "level.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


def read_level_labels(folder: Path, *, verify: bool = True) -> tuple[LevelCard, dict[str, Any]]:
    """The card and all labels of a level.

    Raises:
        DataError: a part is missing, altered or damaged, or two parts label one configuration.
    """
    card = read_level(folder)
    out: dict[str, tuple[float, np.ndarray]] = {}
    for part, expected in sorted(card.files.items()):
        path = Path(folder) / part
        if verify and path.is_file() and sha256(path) != expected:
            raise DataError(f"{path} is corrupted or altered (its SHA-256 is not the card's)")
        found = read_labels(path)
        if twice := out.keys() & found.keys():
            raise DataError(f"{path} labels {min(twice)} again")
        out |= found
    return card, out


def available_levels(split_folder: Path) -> list[str]:
    """Levels that have labels for the split of this folder, or for its neighbours."""
    places = _places(split_folder)
    return sorted({path.parent.name for place in places for path in place.glob("*/level.json")})


def find_level_folder(split_folder: Path, level: str) -> Path:
    """Where the labels of a level lie for the split of this folder.

    Raises:
        UnknownNameError: there are none.
    """
    for place in _places(split_folder):
        if (place / level / "level.json").is_file():
            return place / level
    known = ", ".join(available_levels(split_folder)) or "none"
    raise UnknownNameError(f"no labels at the level '{level}' beside {split_folder}: there are {known}")


def _places(split_folder: Path) -> Sequence[Path]:
    return (Path(split_folder) / "labels", Path(split_folder).parent / "labels")
