"""The ``chemistry`` construction: its table of families, and the places where each occurs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol, Self, TypeVar

import biotite.structure as struc
from pydantic import BaseModel, ConfigDict, ValidationError

from mfbench.data.strict_yaml import read_yaml
from mfbench.errors import DataError
from mfbench_tasks.families.read_table import read_table
from mfbench_tasks.fragments.building_blocks import Entry
from mfbench_tasks.fragments.modify import modify, substitute
from mfbench_tasks.fragments.protonate import prepare_chemistry
from mfbench_tasks.recipes.recipe import Gates, Sampling
from mfbench_tasks.structures.read import find_structure, read_structure

__all__ = ["ChemistryFamily", "Place", "load_families", "load_places", "open_place", "with_overrides"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChemistryFamily(_Strict):
    """One family: what it is made of, where it may be cut, its charge and spin.

    ``anchors`` are residue names. ``ligand_set`` (sites) is a pattern of the first shell's letters.
    ``atoms`` (ligands): residue name → atoms of the moiety. ``bond`` (bridges): atom of the anchor, then
    ``residue.atom`` patterns it is bonded to. ``build``: anchors in ``build_on`` become
    this residue or element.
    """

    id: str
    fold: Literal["train", "validation", "test"]
    test_stratum: Literal["", "seen-elements", "unseen-element"] = ""
    title: str
    kind: Literal["site", "modified", "bridge", "ligand", "halogen"]
    anchors: list[str]
    elements: list[str]
    ligand_set: str = ""
    atoms: dict[str, str] = {}
    bond: str = ""
    to: list[str] = []
    depth: tuple[int, int] = (1, 3)
    build: str = ""
    build_on: list[str] = []
    metal_charge: int = 0
    n_unpaired: int = 0
    spin_reason: str = ""
    spin_check: str = ""
    max_atoms: int = 42
    alone: int = 9  # heavy atoms from which a core stands without a contact
    repeat_graphs: bool = False

    def builds(self, name: str) -> bool:
        """Whether an anchor of this residue name has to be turned into ``build``."""
        return name in self.build_on


class Place(_Strict):
    """Where a family occurs: an anchor residue of an entry."""

    family: str
    pdb_id: str
    chain: str
    residue: str  # number and insertion code
    name: str
    detail: str = ""  # ligand set, or the partner of a bridge

    @property
    def label(self) -> str:
        """``A97``."""
        return f"{self.chain}{self.residue}"


def load_families(path: Path) -> list[ChemistryFamily]:
    """The family table.

    Raises:
        DataError: it is missing or wrong; the message names the field.
    """
    try:
        rows = read_yaml(path)
        families = [ChemistryFamily.model_validate(row) for row in rows["families"]]
    except (KeyError, TypeError) as error:
        raise DataError(f"{path} is not a family table: {str(error).splitlines()[0]}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path}: {first['input']!r:.60} {place}: {first['msg']}") from error
    ids = [family.id for family in families]
    for name in ids:
        if ids.count(name) > 1:
            raise DataError(f"{path} lists family {name} twice")
    return families


class _HasSampling(Protocol):
    """A recipe with gates and sampling."""

    @property
    def gates(self) -> Gates: ...

    @property
    def sampling(self) -> Sampling: ...

    def model_copy(self, *, update: Mapping[str, Any]) -> Self: ...


_Sampled = TypeVar("_Sampled", bound=_HasSampling)


def with_overrides(recipe: _Sampled, path: Path) -> _Sampled:
    """A recipe with the bounds and steps that the family table asks for by fragment kind.

    Raises:
        DataError: the table is missing or names an unknown bound.
    """
    try:
        by_kind = read_yaml(path)["by_kind"]
    except (KeyError, TypeError) as error:
        raise DataError(f"{path} has no overrides by kind: {str(error).splitlines()[0]}") from error
    update = {}
    for part in ("gates", "sampling"):
        section = getattr(recipe, part)
        known = set(type(section).model_fields)
        for kind, values in by_kind[part].items():
            for name in values:
                if name not in known:
                    raise DataError(f"{path}: {part} of {kind} has no {name}")
        update[part] = section.model_copy(update={"by_kind": section.by_kind | by_kind[part]})
    return recipe.model_copy(update=update)


def load_places(path: Path) -> list[Place]:
    """The table of places.

    Raises:
        DataError: it is missing or wrong.
    """
    columns = list(Place.model_fields)
    try:
        return [Place.model_validate(row) for row in read_table(path, columns, others=False)]
    except ValidationError as error:
        raise DataError(f"{path} is not a table of places: {str(error).splitlines()[0]}") from error


@lru_cache(maxsize=4)
def _structure(folder: Path, pdb_id: str) -> struc.AtomArray:
    return read_structure(find_structure(folder, pdb_id))


def open_place(folder: Path, family: ChemistryFamily, place: Place) -> tuple[Entry, int, bool]:
    """The prepared entry of a place.

    Returns:
        The entry, the anchor's residue index, and whether the anchor was built.

    Raises:
        DataError: the entry has no such residue.
        StructureError: its file is missing or unreadable.
    """
    atoms = _structure(Path(folder), place.pdb_id)
    start, stop = _span(atoms, place)
    built = family.builds(place.name)
    if built and family.kind == "site":
        atoms = substitute(atoms, start, family.build)
    elif built:
        atoms = modify(atoms, start, stop, family.build)
    entry = Entry(prepare_chemistry(atoms))
    return entry, int(entry.residue[start]), built


def _span(atoms: struc.AtomArray, place: Place) -> tuple[int, int]:
    labels = (atoms.chain_id == place.chain) & (atoms.res_name == place.name)
    for i in labels.nonzero()[0]:
        if f"{atoms.res_id[i]}{atoms.ins_code[i]}".strip() == place.residue:
            j = i
            while j < len(labels) and labels[j] and atoms.res_id[j] == atoms.res_id[i]:
                j += 1
            return int(i), int(j)
    raise DataError(f"{place.pdb_id} has no residue {place.name} {place.label}")
