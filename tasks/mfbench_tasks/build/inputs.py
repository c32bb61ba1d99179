"""Everything that a build reads, by its hash: a journal goes on only with the same files."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mfbench.errors import StructureError
from mfbench.work.request import file_digests
from mfbench_tasks.families.cath import TABLES
from mfbench_tasks.structures.read import find_structure

__all__ = ["engine", "entry_digests", "table_digests"]


def engine() -> dict[str, Any]:
    """The program that labels: another version gives other numbers."""
    return {"tblite": version("tblite")}


def entry_digests(folder: Path, entries: Iterable[str]) -> dict[str, str]:
    """File of an entry → SHA-256, for the entries that are there; planning names those that are not.

    Args:
        folder: of structures.
        entries: PDB ids.
    """
    paths = []
    for pdb_id in sorted(set(entries)):
        try:
            paths.append(find_structure(folder, pdb_id))
        except StructureError:
            continue
    return file_digests(paths, Path(folder))


def table_digests(folder: Path) -> dict[str, str]:
    """Table beside the structures → SHA-256."""
    return file_digests([Path(folder) / name for name in TABLES], Path(folder))
