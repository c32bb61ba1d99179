"""Reading structure files: PDB or mmCIF, plain or gzipped, into biotite atom arrays."""

from __future__ import annotations

import gzip
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path

import biotite.structure as struc
import numpy as np
from ase.data import atomic_numbers as _number_of

from mfbench.errors import StructureError
from mfbench_tasks.structures.choose_locations import check_unique, choose_locations
from mfbench_tasks.structures.read_mmcif import read_mmcif
from mfbench_tasks.structures.read_pdb import read_pdb
from mfbench_tasks.structures.records import AtomRecord
from mfbench_tasks.structures.residue_names import SIDE_CHAINS

__all__ = ["entry_id", "find_structure", "read_structure"]

_MMCIF = (".cif", ".mmcif")
_ALIASES = {("ILE", "CD"): "CD1"}
"""Of simulation programs."""
_SUFFIXES = (".cif.gz", ".pdb.gz", ".ent.gz", ".cif", ".pdb", ".ent", ".mmcif.gz", ".mmcif")


def find_structure(folder: Path, pdb_id: str) -> Path:
    """The file of an entry in ``folder`` or its ``entries`` subfolder, upper or lower case:
    ``<id>.cif|pdb|ent|mmcif[.gz]``, or wwPDB's ``pdb<id>.ent.gz``, also in folders by the id's middle.

    Raises:
        StructureError: there is none.
    """
    name = pdb_id.lower()
    for place in (Path(folder), Path(folder) / "entries"):
        for inside in (place, place / name[1:3]):
            for stem in (name, name.upper(), f"pdb{name}"):
                for suffix in _SUFFIXES:
                    for path in (inside / f"{stem}{suffix}", inside / f"{stem}{suffix.upper()}"):
                        if path.is_file():
                            return path
    command = f"mfbench data fetch-entries {pdb_id} --to {folder}"
    raise StructureError(f"no structure file of {pdb_id} in {folder}: {command}")


def entry_id(path: Path) -> str:
    """The entry that a file of any of these names holds, in lower case."""
    name = Path(path).name.lower()
    stem = next((name.removesuffix(s) for s in _SUFFIXES if name.endswith(s)), name)
    return stem.removeprefix("pdb") if stem.startswith("pdb") and len(stem) > 4 else stem


def read_structure(path: Path) -> struc.AtomArray:
    """First model of a structure file, heavy atoms only, author's chain and residue numbering.

    Of alternative locations the one with the highest occupancy stays. Residues that differ only in
    their insertion code stay apart (annotation ``ins_code``). The array has no bonds yet.

    Raises:
        StructureError: the file is missing, empty, truncated, not a structure, or names an atom twice.
    """
    path = Path(path)
    text = _text(path)
    if not text.strip():
        raise StructureError(f"{path.name} is empty: download it again")
    try:
        atoms = choose_locations(read_mmcif(text) if _is_mmcif(path) else read_pdb(text))
        heavy = [atom for atom in atoms if _element(atom) not in ("H", "D", "T")]
        check_unique(heavy)  # hydrogens that programs add may all be called H
        array = _array(heavy)
    except StructureError as error:
        raise StructureError(f"{path.name}: {error}") from error
    if array.array_length() == 0:
        raise StructureError(f"{path.name} holds no heavy atoms: is it a structure file?")
    if not np.all(np.isfinite(array.coord)):
        raise StructureError(f"{path.name} holds coordinates that are not numbers")
    return array


def _is_mmcif(path: Path) -> bool:
    return any(suffix.lower() in _MMCIF for suffix in path.suffixes)


def _text(path: Path) -> str:
    """The text of a file; a letter in a remark may be of another encoding."""
    try:
        data = path.read_bytes()
        if path.suffix.lower() == ".gz" and data:
            data = gzip.decompress(data)
    except FileNotFoundError:
        raise StructureError(f"{path.name} does not exist in {path.parent}") from None
    except EOFError:
        raise StructureError(f"{path.name} is truncated: download it again") from None
    except (OSError, zlib.error) as error:
        raise StructureError(f"{path.name} cannot be read ({error}): is it what its name says?") from error
    if b"\0" in data:
        raise StructureError(f"{path.name} cannot be read: it is no text, is it packed?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # atom records are ASCII in either
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _array(atoms: Sequence[AtomRecord]) -> struc.AtomArray:
    array = struc.AtomArray(len(atoms))
    array.coord = np.array([atom.position for atom in atoms], dtype=np.float32).reshape(-1, 3)
    for category, values in (
        ("chain_id", [atom.chain for atom in atoms]),
        ("res_id", [atom.number for atom in atoms]),
        ("ins_code", [atom.insertion for atom in atoms]),
        ("res_name", [_residue(atom) for atom in atoms]),
        ("hetero", [atom.hetero for atom in atoms]),
        ("atom_name", [_name(atom) for atom in atoms]),
        ("element", [_element(atom) for atom in atoms]),
    ):
        if values:
            array.set_annotation(category, np.array(values))
    return array


def _residue(atom: AtomRecord) -> str:
    """Amino acids in capitals, as everything here knows them; other names as they are."""
    upper = atom.residue.upper()
    return upper if upper in SIDE_CHAINS else atom.residue


def _name(atom: AtomRecord) -> str:
    """Atoms of amino acids under the names that ``SIDE_CHAINS`` has."""
    residue = _residue(atom)
    upper = atom.name.upper()
    return _ALIASES.get((residue, upper), upper) if residue in SIDE_CHAINS else atom.name


def _element(atom: AtomRecord) -> str:
    """The element in capitals; guessed from the atom's name where the file has none (old PDB files hold
    other things in these columns)."""
    given = atom.element.upper()
    if given in ("D", "T") or given.capitalize() in _number_of:
        return given
    name = atom.name.upper().lstrip("0123456789'")
    if _residue(atom) in SIDE_CHAINS:
        return name[:1]
    if name == atom.residue.upper() and name.capitalize() in _number_of:
        return name  # an ion bears the name of its element
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an atom without a name has no element either
        return str(struc.infer_elements([name])[0])
