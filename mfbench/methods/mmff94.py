"""MMFF94 (Halgren 1996), a classical force field, through RDKit: what molecular mechanics scores.

Bonds are perceived from each geometry, bond orders and formal charges follow from the total charge. A
molecule without MMFF94 parameters (a metal, a radical) is refused.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL
from mfbench.data.molecular_graph import bonds
from mfbench.errors import MfbenchError, PredictionError
from mfbench.methods.ase import AseMethod, from_ase
from mfbench.protocol.method import MethodContext

__all__ = ["mmff94", "mmff94_energy_forces"]


def mmff94(context: MethodContext) -> AseMethod:
    """The force field as it is, energies aligned as those of every calculator.

    Raises:
        MfbenchError: RDKit or ASE is not installed.
    """
    try:
        calculator = _calculator()
    except ModuleNotFoundError as error:
        raise MfbenchError(
            f"mmff94 needs the module '{error.name}', which is not installed (pip install 'mfbench[label]')"
        ) from None
    return from_ase(calculator, name="mmff94", split=context.split)


def mmff94_energy_forces(
    atomic_numbers: np.ndarray, positions: np.ndarray, total_charge: int
) -> tuple[float, np.ndarray]:
    """Energy (eV) and forces [n, 3] (eV/Å) at positions [n, 3] (Å).

    Raises:
        PredictionError: no bond orders fit the charge, or there are no parameters.
    """
    from rdkit.Chem.rdForceFieldHelpers import MMFFGetMoleculeForceField

    numbers = np.asarray(atomic_numbers, np.int32)
    positions = np.asarray(positions, np.float64)
    molecule, properties = _topology(numbers.tobytes(), bonds(numbers, positions).tobytes(), total_charge)
    molecule.GetConformer().SetPositions(positions)
    field = MMFFGetMoleculeForceField(molecule, properties)
    forces = -np.array(field.CalcGrad()).reshape(-1, 3)
    return field.CalcEnergy() / EV_TO_KCAL_MOL, forces / EV_TO_KCAL_MOL


@lru_cache(maxsize=1024)
def _topology(numbers: bytes, pairs: bytes, charge: int) -> tuple[Any, Any]:
    """A molecule with bond orders, and its MMFF94 atom types."""
    from rdkit import Chem
    from rdkit.Chem.rdDetermineBonds import DetermineBondOrders
    from rdkit.Chem.rdForceFieldHelpers import MMFFGetMoleculeProperties

    molecule = Chem.RWMol()
    for z in np.frombuffer(numbers, np.int32):
        atom = Chem.Atom(int(z))
        atom.SetNoImplicit(True)
        molecule.AddAtom(atom)
    for i, j in np.frombuffer(pairs, np.int64).reshape(-1, 2):
        molecule.AddBond(int(i), int(j), Chem.BondType.SINGLE)
    molecule.AddConformer(Chem.Conformer(molecule.GetNumAtoms()), assignId=True)
    try:
        DetermineBondOrders(molecule, charge=charge, allowChargedFragments=True)
    except (ValueError, RuntimeError) as error:
        said = " ".join(str(error).split())
        raise PredictionError(f"no bond orders fit these bonds and the charge {charge} ({said})") from None
    properties = MMFFGetMoleculeProperties(molecule)
    if properties is None:
        raise PredictionError("MMFF94 has no parameters for one of these atoms")
    return molecule, properties


def _calculator() -> Any:
    import rdkit  # noqa: F401
    from ase.calculators.calculator import Calculator

    class Mmff94(Calculator):
        """Of one molecule at a time."""

        implemented_properties: list[str] = ["energy", "forces"]  # noqa: RUF012

        def calculate(self, atoms: Any = None, properties: Any = None, system_changes: Any = ()) -> None:
            """Energy and forces of ``atoms``."""
            super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
            charge = int(atoms.info.get("charge", 0))
            if atoms.info.get("spin", 1) != 1:
                raise PredictionError("MMFF94 has no parameters for unpaired electrons")
            energy, forces = mmff94_energy_forces(atoms.numbers, atoms.positions, charge)
            self.results = {"energy": energy, "forces": forces}

    return Mmff94()  # type: ignore[no-untyped-call]
