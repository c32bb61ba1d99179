"""What a level of theory is to others: a name, an engine for a molecule, and what it covers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from mfbench.errors import MfbenchError
from mfbench_tasks.labelling.tblite import Label, ScfFailure

__all__ = [
    "ENERGY_TOLERANCE",
    "FORCE_TOLERANCE",
    "Engine",
    "Label",
    "Level",
    "LevelError",
    "ScfFailure",
    "check_molecule",
]


ENERGY_TOLERANCE = 1e-5
"""eV. Another machine's linear algebra changes the last digits of an SCF."""
FORCE_TOLERANCE = 3e-4
"""eV/Å: the SCF's, plus the rounding of stored forces (1.2e-4)."""


class LevelError(MfbenchError):
    """A level cannot label this molecule, or cannot run here: an element, a spin, a missing program."""


class Engine(Protocol):
    """One molecule at one level: atoms, charge and spin are fixed, only positions change."""

    def label(self, positions: np.ndarray) -> Label:
        """Energy (eV) and forces (eV/Å) of positions [n, 3] (Å), from a cold start: the label depends
        on the positions alone.

        Raises:
            ScfFailure: no convergence, or a label that a gate refuses.
        """
        ...


@dataclass(frozen=True)
class Level:
    """A level of theory.

    Attributes:
        name: as on the command line, e.g. ``gfn2``.
        description: one line for headers and cards.
        make: (atomic numbers [n], total charge in e, unpaired electrons) → engine.
        elements: atomic numbers that it is parametrised for; empty = the engine itself decides.
        open_shell: whether it labels unpaired electrons.
        citation: of the method.
        install: how to get what it runs on.
        settings: what the numbers depend on, for manifests.
        zero: what energy zero means: ``atoms`` (bare nuclei and electrons), ``valence`` (valence
            electrons only), ``formation`` (heat of formation).
        energy_tolerance, force_tolerance: eV and eV/Å by which two machines may differ.
        dear: whether a label takes many seconds.
    """

    name: str
    description: str
    make: Callable[[np.ndarray, int, int], Engine]
    elements: frozenset[int]
    citation: str
    install: str
    open_shell: bool = True
    settings: Mapping[str, object] = field(default_factory=dict)
    zero: str = "valence"
    energy_tolerance: float = ENERGY_TOLERANCE
    force_tolerance: float = FORCE_TOLERANCE
    dear: bool = False

    def engine(
        self, atomic_numbers: Sequence[int] | np.ndarray, total_charge: int = 0, n_unpaired: int = 0
    ) -> Engine:
        """An engine for one molecule.

        Raises:
            LevelError: an element without parameters, an impossible spin, a missing program.
        """
        numbers = np.asarray(atomic_numbers, dtype=np.int32)
        check_molecule(self, numbers, total_charge, n_unpaired)
        return self.make(numbers, int(total_charge), int(n_unpaired))


def check_molecule(level: Level, atomic_numbers: np.ndarray, total_charge: int, n_unpaired: int) -> None:
    """Refuse what no label can mean.

    Raises:
        LevelError: no atoms, an element that the level does not know, charge and spin that do not fit.
    """
    from ase.data import chemical_symbols

    if not len(atomic_numbers):
        raise LevelError("a molecule without atoms has no label")
    unknown = sorted(set(map(int, atomic_numbers)) - level.elements) if level.elements else []
    if unknown:
        raise LevelError(f"{level.name} has no parameters for {chemical_symbols[unknown[0]]}")
    electrons = int(np.sum(atomic_numbers)) - int(total_charge)
    if electrons < 0 or n_unpaired < 0 or n_unpaired > electrons or (electrons - n_unpaired) % 2:
        raise LevelError(
            f"{electrons} electrons cannot have {n_unpaired} unpaired ones: "
            f"charge {total_charge} and spin do not fit each other"
        )
    if n_unpaired and not level.open_shell:
        raise LevelError(f"{level.name} labels closed shells only, not {n_unpaired} unpaired electrons")
