"""Modifications that no entry has: built onto native residues from the chemical dictionary."""

from __future__ import annotations

import warnings

import biotite.structure as struc
import numpy as np
from biotite.structure import info

from mfbench.errors import StructureError

__all__ = ["modify", "substitute"]

_FRAME = 3  # atoms that place the new ones


def modify(atoms: struc.AtomArray, start: int, stop: int, name: str) -> struc.AtomArray:
    """Atoms with the residue ``start:stop`` turned into ``name`` (as LYS into ALY, acetyl-lysine).

    The dictionary's coordinates are laid over the three shared atoms nearest to the new ones; strain is
    left to the relaxation.

    Raises:
        StructureError: fewer than three atoms are shared.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        template = info.residue(name)
    template = template[(template.element != "H") & (template.atom_name != "OXT")]
    native = atoms[start:stop]
    shared = [n for n in template.atom_name if n in native.atom_name]
    new = np.array([n not in shared for n in template.atom_name])
    if len(shared) < _FRAME or not new.any():
        raise StructureError(f"{native.res_name[0]} {native.res_id[0]} cannot become {name}")
    centre = template.coord[new].mean(axis=0)
    old = template[~new]
    near = np.argsort(np.linalg.norm(old.coord - centre, axis=1), kind="stable")[:_FRAME]
    frame = old[near]
    target = struc.array([native[native.atom_name == n][0] for n in frame.atom_name])
    _, transform = struc.superimpose(target, frame)
    added = transform.apply(template[new])
    kept = native[np.isin(native.atom_name, shared)]
    for category in ("chain_id", "res_id", "ins_code"):
        getattr(added, category)[:] = getattr(native, category)[0]
    residue = struc.concatenate([_plain(kept), _plain(added)])
    residue.res_name[:] = name
    residue.hetero[:] = True
    return struc.concatenate([_plain(atoms[:start]), residue, _plain(atoms[stop:])])


def substitute(atoms: struc.AtomArray, start: int, element: str) -> struc.AtomArray:
    """Atoms with the metal ion at ``start`` replaced by another element."""
    atoms = atoms.copy()
    symbol = element.upper()
    atoms.element[start] = atoms.atom_name[start] = atoms.res_name[start] = symbol
    return atoms


def _plain(atoms: struc.AtomArray) -> struc.AtomArray:
    """Without bonds and further annotations, which the dictionary's entries have and files have not."""
    atoms = atoms.copy()
    atoms.bonds = None
    needed = ("chain_id", "res_id", "ins_code", "res_name", "hetero", "atom_name", "element")
    for name in set(atoms.get_annotation_categories()) - set(needed):
        atoms.del_annotation(name)
    return atoms
