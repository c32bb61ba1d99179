"""The labelling engine: GFN2-xTB in the gas phase, through tblite, one thread."""

from __future__ import annotations

import contextlib
import ctypes
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "ANGSTROM_TO_BOHR",
    "HARTREE_TO_EV",
    "LEVEL_OF_THEORY",
    "Gfn2",
    "Label",
    "ScfFailure",
    "load_openblas",
]

LEVEL_OF_THEORY = "GFN2-xTB (gas phase)"
HARTREE_TO_EV = 27.211386245988
"""CODATA 2018."""
ANGSTROM_TO_BOHR = 1.0 / 0.529177210903
"""CODATA 2018."""
_KELVIN_TO_HARTREE = 3.166811563e-6
_LABEL_ACCURACY = 0.1
_WARM_ACCURACY = 1.0
_ATOMS, _CHARGES = 0, 1
"""The SCF starts from a superposition of atoms, or from electronegativity equilibration charges."""


class ScfFailure(RuntimeError):
    """The self-consistent field did not converge, or the energy or a force is not finite."""


class Label(NamedTuple):
    """Total energy in eV, forces [n, 3] in eV/Å, and by how many eV the SCF's two starts differ."""

    energy: float
    forces: np.ndarray
    start_gap: float = 0.0


def load_openblas() -> bool:
    """Let the machine's OpenBLAS serve what is loaded after it; False where there is none.

    Wheels bring a BLAS that is two to three times slower; symbols that are loaded globally first win.
    Energies agree to 1e-8 Eh. It chooses its kernels by itself, whoever asks first: the last digits of a
    label must not depend on what this process labelled before.
    """
    with contextlib.suppress(OSError):
        ctypes.CDLL("libopenblas.so.0", mode=ctypes.RTLD_GLOBAL)
        return True
    return False


def _tblite() -> ModuleType:
    load_openblas()
    from tblite import interface

    return interface


class Gfn2:
    """GFN2-xTB of one molecule: its atoms, charge and spin are fixed, only positions change.

    Args:
        atomic_numbers: [n].
        total_charge: in units of e.
        n_unpaired: unpaired electrons; spin polarisation is switched on where it is not zero.
        method: tblite's name; the other xTB levels run through the same class.
    """

    def __init__(
        self,
        atomic_numbers: np.ndarray,
        total_charge: int = 0,
        n_unpaired: int = 0,
        *,
        method: str = "GFN2-xTB",
    ):
        self._method = method
        self._numbers = np.asarray(atomic_numbers, dtype=np.int32)
        self._charge, self._unpaired = float(total_charge), int(n_unpaired)
        self._interface = _tblite()
        self._calculator: Any = None
        self._warm: Any = None

    def label(self, positions: np.ndarray) -> Label:
        """Energy and forces of positions [n, 3] (Å), by a cold SCF at tight accuracy.

        The result depends on the positions alone, never on what was computed before. An open shell
        may have several self-consistent states: its SCF starts twice, and the lower one stays.

        Raises:
            ScfFailure: no convergence.
        """
        one = self._run(positions, _LABEL_ACCURACY, None)[0]
        if not self._unpaired:
            return one
        self._calculator.set("guess", _CHARGES)
        try:
            two = self._run(positions, _LABEL_ACCURACY, None)[0]
        finally:
            self._calculator.set("guess", _ATOMS)
        return min(one, two, key=lambda label: label.energy)._replace(
            start_gap=abs(one.energy - two.energy)
        )

    def warm_label(self, positions: np.ndarray) -> Label:
        """As ``label``, faster and looser, from the last ``warm_label`` on: for relaxing and sampling.

        Raises:
            ScfFailure: no convergence.
        """
        label, self._warm = self._run(positions, _WARM_ACCURACY, self._warm)
        return label

    def start_cold(self) -> None:
        """Let the next ``warm_label`` start cold: call it before each new trajectory, so that trajectories
        do not depend on their order."""
        self._warm = None

    def _run(self, positions: np.ndarray, accuracy: float, start: Any) -> tuple[Label, Any]:
        coordinates = np.asarray(positions, dtype=np.float64) * ANGSTROM_TO_BOHR
        try:
            if self._calculator is None:
                self._calculator = self._new(coordinates)
            else:
                self._calculator.update(coordinates)
            self._calculator.set("accuracy", accuracy)
            result = self._calculator.singlepoint(start)
        except RuntimeError as error:
            self._warm = None
            raise ScfFailure(str(error).splitlines()[0]) from error
        energy = float(result.get("energy")) * HARTREE_TO_EV
        forces = -np.asarray(result.get("gradient")) * (HARTREE_TO_EV * ANGSTROM_TO_BOHR)
        if not (np.isfinite(energy) and np.all(np.isfinite(forces))):
            raise ScfFailure("energy or forces are not finite")
        return Label(energy, forces), result

    def _new(self, coordinates: np.ndarray) -> Any:
        calculator = self._interface.Calculator(
            self._method, self._numbers, coordinates, self._charge, self._unpaired
        )
        calculator.set("verbosity", 0)
        calculator.set("temperature", 300.0 * _KELVIN_TO_HARTREE)
        if self._unpaired:
            calculator.add("spin-polarization", 1.0)
        return calculator
