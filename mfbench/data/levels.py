"""Labels at further levels of theory: tables of energies and forces beside the geometries they belong to.

``labels/<level>/`` lies beside the splits (or inside a self-contained one). ``level.json`` says what the
level is; its parts hold energies and forces by ``config_id``, never positions again. Parts are added and
never changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from mfbench.data.bond_types import bond_name, bond_types
from mfbench.data.configuration import Configuration
from mfbench.data.label_table import read_labels
from mfbench.data.parquet import sha256
from mfbench.errors import DataError, UnknownNameError

__all__ = [
    "LABEL_FILE",
    "EnergyShift",
    "LevelCard",
    "available_levels",
    "find_level_folder",
    "read_level",
    "read_level_labels",
    "write_level",
]

LABEL_FILE = re.compile(
    r"(?:\.\./)?labels/([A-Za-z0-9][A-Za-z0-9_.-]*)/(level\.json|[A-Za-z0-9][A-Za-z0-9_.-]*\.parquet)"
)
"""Names that a manifest may give to files of labels, relative to the split's folder."""


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
        bonds: name of a bond's type (``mfbench.data.bond_types.bond_name``) → eV per bond; a type that is
            not there adds nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    elements: dict[int, float]
    anion: float = 0.0
    cation: float = 0.0
    bonds: dict[str, float] = {}

    def of(self, c: Configuration) -> float:
        """eV of one configuration.

        Raises:
            DataError: an element without a shift.
        """
        try:
            atoms = sum(self.elements[int(z)] for z in c.atomic_numbers)
        except KeyError as error:
            raise DataError(f"{c.config_id}: no energy zero for element {error.args[0]}") from None
        bonded = bond_types(c) if self.bonds else {}
        bonds = sum(n * self.bonds.get(bond_name(kind), 0.0) for kind, n in bonded.items())
        return atoms + bonds + self.anion * max(-c.total_charge, 0) + self.cation * max(c.total_charge, 0)


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
