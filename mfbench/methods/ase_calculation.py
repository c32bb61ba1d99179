"""One configuration through an ASE calculator: an energy and forces, or the reason in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfbench.data.configuration import Configuration, Prediction
from mfbench.errors import PredictionError

__all__ = ["calculate"]

_MOVED = 1e-6  # Å


def calculate(calculator: Any, configuration: Configuration, vacuum: float | None = None) -> Prediction:
    """Energy (eV) and forces [n, 3] (eV/Å) of a calculator, whatever numbers it wraps them in.

    Args:
        vacuum: Å on each side of the molecule, in a cell; None: no cell.

    Raises:
        PredictionError: it raised, gives no energy or no forces, gives something else than numbers, one
            that is not finite, or moved its atoms, so that its numbers are of another geometry.
    """
    from ase.calculators.calculator import PropertyNotImplementedError

    atoms = _atoms(configuration, vacuum)
    numbers, positions = atoms.numbers.copy(), atoms.positions.copy()
    atoms.calc = calculator

    def check_atoms() -> None:
        """A shift of all atoms changes no force; anything else is another geometry."""
        if len(atoms) != len(numbers) or np.any(atoms.numbers != numbers):
            raise PredictionError("it changed the order or the elements of its atoms")
        if len(numbers) and np.ptp(atoms.positions - positions, axis=0).max() > _MOVED:
            raise PredictionError("it moved its atoms: this is another geometry's energy")

    try:
        energy = _energy(atoms)
        check_atoms()
        forces = atoms.get_forces()
        check_atoms()
    except PredictionError as error:
        raise _refusal(calculator, configuration, str(error)) from None
    except PropertyNotImplementedError as error:
        raise _refusal(calculator, configuration, f"it gives no {error or 'energy or forces'}") from error
    except (Exception, SystemExit) as error:
        said = " ".join(str(error).split())
        reason = f"{type(error).__name__}: {said}" if said else type(error).__name__
        raise _refusal(calculator, configuration, f"{reason}{_hint(error, vacuum)}") from error
    if energy is None or forces is None:
        raise _refusal(calculator, configuration, f"it gives no {'energy' if energy is None else 'forces'}")
    return _prediction(calculator, configuration, energy, forces)


def _atoms(configuration: Configuration, vacuum: float | None) -> Any:
    from ase import Atoms

    atoms = Atoms(numbers=configuration.atomic_numbers, positions=configuration.positions)
    if vacuum is not None:
        atoms.center(vacuum=vacuum)
    charge, unpaired = configuration.total_charge, configuration.n_unpaired
    atoms.info.update(charge=charge, spin=unpaired + 1)
    first = np.arange(len(atoms)) == 0
    if charge:
        atoms.set_initial_charges(charge * first)
    if unpaired:
        atoms.set_initial_magnetic_moments(unpaired * first)
    return atoms


def _energy(atoms: Any) -> Any:
    """The energy, or the free energy of calculators that have that alone."""
    from ase.calculators.calculator import PropertyNotImplementedError

    try:
        return atoms.get_potential_energy()
    except PropertyNotImplementedError:
        if "free_energy" in getattr(atoms.calc, "implemented_properties", ()):
            return atoms.get_potential_energy(force_consistent=True)
        raise


def _prediction(calculator: Any, configuration: Configuration, energy: Any, forces: Any) -> Prediction:
    """Numbers from scalars, arrays of one element, float32, or tensors of a framework."""
    try:
        energy, forces = (np.asarray(_detached(x), dtype=np.float64) for x in (energy, forces))
    except (TypeError, ValueError, RuntimeError) as error:
        reason = f"its energy or forces are no numbers ({' '.join(str(error).split())})"
        raise _refusal(calculator, configuration, reason) from None
    wanted = (len(configuration), 3)
    if energy.size != 1:
        raise _refusal(calculator, configuration, f"its energy has shape {energy.shape}, not one number")
    if forces.shape != wanted and forces.shape != (1, *wanted):
        raise _refusal(calculator, configuration, f"its forces have shape {forces.shape}, not {wanted}")
    if not (np.isfinite(energy).all() and np.isfinite(forces).all()):
        raise _refusal(calculator, configuration, "its energy or forces are not finite")
    return Prediction(energy.item(), forces.reshape(wanted).copy())


def _detached(value: Any) -> Any:
    """A tensor that knows its gradient has to be told to forget it."""
    return value.detach().cpu() if hasattr(value, "detach") else value


def _hint(error: BaseException, vacuum: float | None) -> str:
    """What may help: many calculators say of a missing cell only that a matrix is singular."""
    said = str(error).lower()
    if vacuum is None and any(word in said for word in ("cell", "singular", "periodic", "pbc")):
        return " (molecules have no cell: from_ase(..., vacuum=10) gives them one)"
    return ""


def _refusal(calculator: Any, configuration: Configuration, reason: str) -> PredictionError:
    from ase.symbols import Symbols

    formula = Symbols(configuration.atomic_numbers).get_chemical_formula()
    return PredictionError(f"{type(calculator).__name__} on {formula}: {reason}")
