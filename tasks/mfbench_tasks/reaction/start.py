"""Near-attack starts by distance geometry: reactants as one complex whose new bonds are nearly there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rdkit import Chem, DistanceGeometry, RDLogger
from rdkit.Chem import rdDistGeom

from mfbench.data.molecular_graph import METALS
from mfbench.errors import DataError
from mfbench_tasks.reaction.coordinate import Coordinate
from mfbench_tasks.reaction.system import System

__all__ = ["embed", "read_system"]

RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]  # the stubs lack it

_SLACK = 0.15  # Å
_INLINE = 0.97  # of the sum of both distances: 165 degrees where they are equal
_METAL_DONOR = 2.1  # Å
_CROWDED = 0.7  # of RDKit's lower bounds between atoms that are not bonded: a complex is crowded


def read_system(
    family_id: str,
    name: str,
    smiles: str,
    *,
    broken: Sequence[Sequence[int]],
    formed: Sequence[Sequence[int]],
    inline: Sequence[Sequence[int]] = (),
    near: Sequence[Sequence[int]] = (),
    gap: float | None = None,
) -> System:
    """A system from a SMILES; ``broken``, ``formed``, ``inline`` and ``near`` are map numbers.

    Raises:
        DataError: the SMILES cannot be read, or lacks a map number.
    """
    molecule = _molecule(smiles)
    if molecule is None:
        raise DataError(f"{family_id}: {name}: '{smiles}' is not a SMILES")
    index = {a.GetAtomMapNum(): a.GetIdx() for a in molecule.GetAtoms() if a.GetAtomMapNum()}

    def atoms(groups: Sequence[Sequence[int]], width: int, ordered: bool = False) -> np.ndarray:
        try:
            found = [[index[k] for k in group] for group in groups]
        except KeyError as error:
            raise DataError(f"{family_id}: {name}: '{smiles}' has no atom {error}") from None
        return np.array(found if ordered else [sorted(g) for g in found], dtype=int).reshape(-1, width)

    system = System(
        family_id=family_id,
        name=name,
        smiles=smiles,
        atomic_numbers=np.array([a.GetAtomicNum() for a in molecule.GetAtoms()], np.int32),
        bonds=np.array(
            sorted(tuple(sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx()))) for b in molecule.GetBonds())
        ),
        total_charge=Chem.GetFormalCharge(molecule),
        coordinate=Coordinate(atoms(broken, 2), atoms(formed, 2)),
        inline=atoms(inline, 3, ordered=True),
        near=atoms([g for g in near if all(k in index for k in g)], 2),
        gap=gap,
    )
    bonds = set(map(tuple, system.bonds.tolist()))
    if not set(map(tuple, system.coordinate.broken.tolist())) <= bonds:
        raise DataError(f"{family_id}: {name}: '{smiles}' lacks a bond that should break")
    if set(map(tuple, system.coordinate.formed.tolist())) & bonds:
        raise DataError(f"{family_id}: {name}: '{smiles}' has a bond that should form")
    return system


def embed(system: System, count: int, seed: int) -> list[np.ndarray]:
    """Near-attack complexes [n, 3] (Å) of idealised geometry; fewer than ``count`` where that fails."""
    molecule = _molecule(system.smiles)
    if molecule is None:
        raise DataError(f"'{system.smiles}' is not a SMILES")
    parameters = rdDistGeom.ETKDGv3()
    settings = {"randomSeed": seed, "useRandomCoords": True, "embedFragmentsSeparately": False}
    for name, value in settings.items():
        setattr(parameters, name, value)  # properties, which the stubs take for methods
    parameters.SetBoundsMat(_bounds(system, molecule))
    found = rdDistGeom.EmbedMultipleConfs(molecule, count, parameters)
    return [molecule.GetConformer(k).GetPositions() for k in found]


def _molecule(smiles: str) -> Chem.Mol | None:
    options = Chem.SmilesParserParams()
    setattr(options, "removeHs", False)  # noqa: B010  # as in ``embed``
    molecule = Chem.MolFromSmiles(smiles, options)
    return None if molecule is None else Chem.AddHs(molecule)


def _bounds(system: System, molecule: Chem.Mol) -> np.ndarray:
    """[n, n] upper bounds above the diagonal and lower bounds below it, Å."""
    bounds: np.ndarray = rdDistGeom.GetMoleculeBoundsMatrix(molecule)
    hops = Chem.GetDistanceMatrix(molecule)
    z = system.atomic_numbers
    for j in range(len(z)):
        for i in range(j):
            if hops[i, j] > 3:
                floor = 1.8 if 1 in (z[i], z[j]) else 2.7
                if {int(z[i]), int(z[j])} & METALS:
                    floor = 1.8
                bounds[j, i] = min(bounds[j, i] * _CROWDED, floor) if bounds[j, i] > 0.1 else floor
                bounds[i, j] = min(bounds[i, j], 12.0)

    def pin(i: int, j: int, low: float, high: float) -> None:
        i, j = sorted((int(i), int(j)))
        bounds[i, j], bounds[j, i] = high, low

    for i, j in system.coordinate.formed:
        distance = system.apart([i, j])
        pin(i, j, distance - _SLACK, distance + _SLACK)
    for leaving, centre, entering in system.inline:
        whole = system.bond_length([leaving, centre]) + system.apart([centre, entering])
        pin(leaving, entering, _INLINE * whole - _SLACK, whole + _SLACK)
    for i, j in system.near:
        pin(i, j, _METAL_DONOR - _SLACK, _METAL_DONOR + _SLACK)
    DistanceGeometry.DoTriangleSmoothing(bounds)
    return bounds
