"""Reading structure files: PDB or mmCIF, plain or gzipped, into biotite atom arrays."""

from __future__ import annotations

import gzip
import io
import warnings
import zlib
from pathlib import Path

import biotite.structure as struc
import numpy as np
from biotite.structure.io import pdb, pdbx

from mfbench.errors import StructureError

__all__ = ["find_structure", "read_structure"]

_SUFFIXES = (".cif.gz", ".pdb.gz", ".ent.gz", ".cif", ".pdb", ".ent")


def find_structure(folder: Path, pdb_id: str) -> Path:
    """The file of an entry: ``<id>.cif|pdb|ent[.gz]`` in ``folder`` or its ``entries`` subfolder.

    Raises:
        StructureError: there is none.
    """
    for place in (Path(folder), Path(folder) / "entries"):
        for suffix in _SUFFIXES:
            path = place / f"{pdb_id.lower()}{suffix}"
            if path.exists():
                return path
    command = f"mfbench data fetch-entries {pdb_id} --to {folder}"
    raise StructureError(f"no structure file of {pdb_id} in {folder}: {command}")


def read_structure(path: Path) -> struc.AtomArray:
    """First model of a structure file, heavy atoms only, author's chain and residue numbering.

    Of alternative locations the one with the highest occupancy stays. Residues that differ only in
    their insertion code stay apart (annotation ``ins_code``). The array has no bonds yet.

    Raises:
        StructureError: the file is missing, empty, truncated, or not a structure.
    """
    path = Path(path)
    text = _text(path)
    if not text.strip():
        raise StructureError(f"{path.name} is empty: download it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # biotite guesses absent elements, and says so
            atoms = _parse_cif(text) if _is_cif(path) else _parse_pdb(path, text)
    except StructureError:
        raise
    except Exception as error:
        # Parsers fail on broken files with whatever exception the broken line provokes.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        kind = "mmCIF" if _is_cif(path) else "PDB"
        raise StructureError(f"{path.name} is not a readable {kind} file: {reason}") from error
    if atoms.array_length() == 0:
        raise StructureError(f"{path.name} holds no atoms: is it a structure file?")
    if not np.all(np.isfinite(atoms.coord)):
        raise StructureError(f"{path.name} holds coordinates that are not numbers")
    return atoms[~np.isin(atoms.element, ("H", "D"))]


def _is_cif(path: Path) -> bool:
    return ".cif" in path.suffixes


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if path.suffix == ".gz" and data:
            data = gzip.decompress(data)
        return data.decode("utf-8")
    except FileNotFoundError:
        raise StructureError(f"{path.name} does not exist in {path.parent}") from None
    except EOFError:
        raise StructureError(f"{path.name} is truncated: download it again") from None
    except (OSError, zlib.error, UnicodeDecodeError) as error:
        raise StructureError(f"{path.name} cannot be read ({error}): download it again") from error


def _parse_pdb(path: Path, text: str) -> struc.AtomArray:
    records = [line for line in text.splitlines() if line.startswith(("ATOM  ", "HETATM"))]
    if not records:
        raise StructureError(f"{path.name} has no ATOM record: it is not a PDB file")
    # biotite would read a line cut inside a number as a smaller number: columns 31-54 must be there.
    short = [line for line in records if len(line.rstrip()) < 54]
    if short:
        raise StructureError(f"{path.name} is truncated at '{short[0][:27].strip()}': download it again")
    return pdb.PDBFile.read(io.StringIO(text)).get_structure(model=1, altloc="occupancy")


def _parse_cif(text: str) -> struc.AtomArray:
    return pdbx.get_structure(pdbx.CIFFile.read(io.StringIO(text)), model=1, altloc="occupancy")
