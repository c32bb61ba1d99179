"""mmCIF text into atom records: author's identifiers first, labels where there are none."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TypeVar

from biotite.structure.io import pdbx

from mfbench.errors import StructureError
from mfbench_tasks.structures.records import AtomRecord

__all__ = ["read_mmcif"]

_Number = TypeVar("_Number", int, float)
_NOTHING = ("", ".", "?")


def read_mmcif(text: str) -> list[AtomRecord]:
    """The atoms of the first model of the first block that holds any, in file order.

    Raises:
        StructureError: no ``_atom_site``, no coordinates, or a value that is no number (named).
    """
    try:
        site = _atom_site(text)
    except StructureError:
        raise
    except Exception as error:
        # The parser fails on broken files with whatever exception the broken line provokes.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise StructureError(f"it is not a readable mmCIF file: {reason}") from error
    rows = len(next(iter(site.values())))

    def column(*names: str) -> list[str]:
        """The first of these items that says something, row by row."""
        found = [site[name] for name in names if name in site]
        return [next((v for v in row if v not in _NOTHING), "") for row in zip(*found, strict=True)] or (
            [""] * rows
        )

    models = column("pdbx_pdb_model_num")
    first = [i for i in range(rows) if models[i] == models[0]]
    residue, chain = column("auth_comp_id", "label_comp_id"), column("auth_asym_id", "label_asym_id")
    name = column("auth_atom_id", "label_atom_id")
    element, location = column("type_symbol"), column("label_alt_id")
    insertion, occupancy, group = column("pdbx_pdb_ins_code"), column("occupancy"), column("group_pdb")
    numbers = _numbers(column("auth_seq_id", "label_seq_id"), chain, residue, name, location)
    x, y, z = (column(f"cartn_{axis}") for axis in "xyz")

    def coordinate(axis: list[str], i: int) -> float:
        return _number(axis[i], float, f"{name[i]} of {residue[i]}")

    return [
        AtomRecord(
            chain=chain[i],
            number=numbers[i],
            insertion=insertion[i],
            residue=residue[i],
            name=name[i],
            element=element[i],
            location=location[i],
            occupancy=occupancy[i],
            hetero=group[i].upper() == "HETATM",
            position=(coordinate(x, i), coordinate(y, i), coordinate(z, i)),
        )
        for i in first
    ]


def _atom_site(text: str) -> dict[str, list[str]]:
    """Columns of ``_atom_site``, names in lower case: they are not case-sensitive."""
    for block in pdbx.CIFFile.read(io.StringIO(text)).values():
        for name in block:
            if name.lower() == "atom_site":
                columns = {
                    item.lower(): [str(v) for v in block[name][item].as_array(str)] for item in block[name]
                }
                missing = [f"Cartn_{axis}" for axis in "xyz" if f"cartn_{axis}" not in columns]
                if missing:
                    raise StructureError(f"its _atom_site has no {missing[0]}: it holds no coordinates")
                return columns
    raise StructureError("it has no _atom_site: it is not a readable mmCIF file of a structure")


def _numbers(
    given: list[str], chain: list[str], residue: list[str], name: list[str], location: list[str]
) -> list[int]:
    """Residue numbers. Labels number no hetero residue: such a one ends where its chain or name changes,
    or one of its atoms comes again, and is counted from one."""
    out: list[int] = []
    count = 0
    current: tuple[str, str] | None = None
    atoms: set[tuple[str, str]] = set()
    for i, text in enumerate(given):
        if text:
            out.append(_number(text, int, f"{name[i]} of {residue[i]}"))
            current = None
            continue
        here, atom = (chain[i], residue[i]), (name[i], location[i])
        if here != current or atom in atoms:
            count, current, atoms = count + 1, here, set()
        atoms.add(atom)
        out.append(count)
    return out


def _number(text: str, kind: Callable[[str], _Number], where: str) -> _Number:
    try:
        return kind(text)
    except ValueError:
        raise StructureError(f"it is not a readable mmCIF file: '{text[:20]}' at {where}") from None
