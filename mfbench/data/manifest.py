"""The manifest of a split: what it is, how it was made, and the hash that every result carries.

Two layouts. A *self-contained* folder holds all five tables. A *construction* holds its own three and
takes fragments and configurations from blocks of a pool beside it, which other constructions share.
Either may name tables of labels at further levels of theory.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from mfbench.data.levels import LABEL_FILE, EnergyShift
from mfbench.data.parquet import sha256
from mfbench.errors import DataError

__all__ = [
    "FILES",
    "OWN",
    "POOL",
    "Manifest",
    "data_hash",
    "label_levels",
    "read_manifest",
    "tables",
    "verify_files",
]

OWN = ("draws.parquet", "families.parquet", "roles.parquet")
"""Tables that every split has in its own folder."""
FILES = tuple(sorted(("configurations.parquet", "fragments.parquet", *OWN)))
"""All tables of a self-contained split."""
POOL = "../pool"
"""Where a construction's blocks lie: the one place outside its folder that a manifest may name."""
_BLOCK = re.compile(rf"{re.escape(POOL)}/([A-Za-z0-9][A-Za-z0-9_.-]*)\.(configurations|fragments)\.parquet")


class Manifest(BaseModel):
    """``manifest.json``. Energies are in eV; hashes are hexadecimal SHA-256."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: int
    name: str
    version: str
    level_of_theory: str
    license: str
    seed: int
    recipe: dict[str, Any]
    tools: dict[str, str]
    isolated_atom_energies_eV: dict[int, float]
    counts: dict[str, Any]
    changelog: list[str]
    files: dict[str, str]
    data_hash: str
    energy_shifts: dict[str, EnergyShift] = {}
    """Level of theory → what puts its energies on the scale of ``level_of_theory``. Of tasks that have
    a level of their own."""


def data_hash(files: Mapping[str, str], shifts: Mapping[str, EnergyShift] | None = None) -> str:
    """One SHA-256 for the whole split: that of the lines ``name:sha`` in order of name, and of what is
    added to energies where tasks have levels."""
    lines = [f"{name}:{files[name]}\n" for name in sorted(files)]
    for level, shift in sorted((shifts or {}).items()):
        record = shift.model_dump(mode="json", exclude_defaults=True)
        lines.append(f"energies {level}:{json.dumps(record, sort_keys=True)}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Read and check ``folder/manifest.json``.

    Raises:
        DataError: it is missing, is not a manifest, or its own hash does not fit its file list.
    """
    path = folder / "manifest.json"
    try:
        text = path.read_text(encoding="utf-8").replace('"schema":', '"schema_":', 1)
        manifest = Manifest.model_validate_json(text)
    except FileNotFoundError:
        raise DataError(f"{path} is missing: is {folder} a split?") from None
    except (ValidationError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()
        raise DataError(f"{path} is not a manifest ({' '.join(reason[:2])})") from None
    if not _is_complete(manifest.files):
        raise DataError(f"{path}: the file list is not that of a split: download the split again")
    if manifest.data_hash != data_hash(manifest.files, manifest.energy_shifts):
        raise DataError(f"{path}: the data hash does not fit the file list: download the split again")
    return manifest


def tables(manifest: Manifest, kind: str) -> list[str]:
    """Files that hold ``configurations`` or ``fragments``, relative to the split's folder, in order."""
    file = f"{kind}.parquet"
    return sorted(name for name in manifest.files if name == file or name.endswith(f".{file}"))


def label_levels(manifest: Manifest) -> dict[str, str]:
    """Level → folder of its labels, relative to the split's folder."""
    found = (LABEL_FILE.fullmatch(name) for name in manifest.files)
    return {m[1]: m[0].rpartition("/")[0] for m in found if m is not None}


def _is_complete(files: dict[str, str]) -> bool:
    """Whether a file list is one of the two layouts, with or without labels, and leads nowhere else."""
    files = {name: digest for name, digest in files.items() if not LABEL_FILE.fullmatch(name)}
    if set(files) == set(FILES):
        return True
    others = [name for name in files if name not in OWN]
    blocks = [match for name in others if (match := _BLOCK.fullmatch(name)) is not None]
    if not set(OWN) <= set(files) or not others or len(blocks) < len(others):
        return False
    parts = [{m[1] for m in blocks if m[2] == kind} for kind in ("configurations", "fragments")]
    return parts[0] == parts[1]


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file with its hash.

    Raises:
        DataError: names the first file that is missing or altered.
    """
    for name, expected in sorted(manifest.files.items()):
        path = folder / name
        if not path.is_file():
            raise DataError(f"{path} is missing: download or rebuild {manifest.name}")
        if sha256(path) != expected:
            raise DataError(
                f"{path} is corrupted or altered (its SHA-256 is not the manifest's): "
                f"download or rebuild {manifest.name}"
            )
