"""Any ASE calculator as a level of theory: ``module:Class``, made without arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mfbench.errors import UnknownNameError
from mfbench.work.own_code import find_object
from mfbench_tasks.labelling.level import Level, LevelError
from mfbench_tasks.labelling.tblite import Label, ScfFailure

__all__ = ["AseEngine", "ase_level"]


class AseEngine:
    """One molecule through an ASE calculator, a new one for each label.

    Charge and spin are put where calculators look for them: ``atoms.info["charge"]``,
    ``atoms.info["spin"]`` (the multiplicity), initial charges and magnetic moments.
    """

    def __init__(
        self,
        make_calculator: Callable[[], Any],
        atomic_numbers: np.ndarray,
        total_charge: int = 0,
        n_unpaired: int = 0,
    ):
        self._make = make_calculator
        self._numbers = np.asarray(atomic_numbers)
        self._charge, self._unpaired = int(total_charge), int(n_unpaired)

    def label(self, positions: np.ndarray) -> Label:
        """Energy (eV) and forces (eV/Å) of positions [n, 3] (Å).

        Raises:
            ScfFailure: the calculator failed, or a number is not finite.
        """
        from ase import Atoms
        from ase.calculators.calculator import CalculatorError

        atoms = Atoms(self._numbers, np.asarray(positions, dtype=float))
        atoms.info.update(charge=self._charge, spin=self._unpaired + 1)
        if self._charge:
            atoms.set_initial_charges(np.full(len(atoms), self._charge / len(atoms)))
        if self._unpaired:
            atoms.set_initial_magnetic_moments(np.full(len(atoms), self._unpaired / len(atoms)))
        atoms.calc = self._make()
        try:
            energy, forces = float(atoms.get_potential_energy()), np.array(atoms.get_forces())
        except (CalculatorError, RuntimeError, NotImplementedError) as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise ScfFailure(reason[0][:200]) from error
        if not (np.isfinite(energy) and np.all(np.isfinite(forces))):
            raise ScfFailure("energy or forces are not finite")
        return Label(energy, forces)


def ase_level(name: str) -> Level:
    """The level of ``module:Class``.

    Raises:
        LevelError: no such module or class.
    """
    module = name.partition(":")[0]
    try:
        make_calculator = find_object(name)
    except UnknownNameError as error:
        raise LevelError(f"{name}: {error}") from None
    except ImportError as error:
        raise LevelError(
            f"{name}: cannot import {module} ({error}): install it, or check its name"
        ) from None

    def make(atomic_numbers: np.ndarray, total_charge: int, n_unpaired: int) -> AseEngine:
        return AseEngine(make_calculator, atomic_numbers, total_charge, n_unpaired)

    return Level(
        name=name,
        description=f"ASE calculator {name}",
        make=make,
        elements=frozenset(),
        citation="",
        install=f"the package of {module}",
        zero="unknown",
    )
