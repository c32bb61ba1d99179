"""Relaxations and Langevin replicas on the GFN2 surface, with ASE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator, all_changes
from ase.constraints import FixCom
from ase.md.langevin import Langevin
from ase.optimize import LBFGS

from mfbench_tasks.labelling.tblite import Label

__all__ = ["Surface", "SurfaceCalculator", "langevin", "relax"]

_HYDROGEN_MASS = 4.0
"""amu. Heavier hydrogens allow 2 fs steps; the distribution of positions does not depend on masses."""


class Surface(Protocol):
    """A potential energy surface to move on: GFN2, or GFN2 under a bias."""

    def warm_label(self, positions: np.ndarray) -> Label:
        """Energy in eV and forces [n, 3] in eV/Å at positions [n, 3] (Å), from where the last call was."""

    def start_cold(self) -> None:
        """Let the next ``warm_label`` start cold."""


class SurfaceCalculator(Calculator):
    """An engine's ``warm_label`` as an ASE calculator."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012  # as in ASE's own class

    def __init__(self, engine: Surface):
        super().__init__()  # type: ignore[no-untyped-call]  # ASE has no types
        self._engine = engine

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Energy in eV and forces in eV/Å of ``atoms``."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        label = self._engine.warm_label(atoms.positions)
        self.results = {"energy": label.energy, "forces": label.forces}


def relax(
    engine: Surface, atomic_numbers: np.ndarray, positions: np.ndarray, *, fmax: float, steps: int
) -> tuple[np.ndarray, float, float]:
    """Relax positions [n, 3] (Å) until no force exceeds ``fmax`` eV/Å, or for so many steps.

    Returns:
        Positions [n, 3] in Å, energy before and after in eV.

    Raises:
        ScfFailure: a step did not converge.
    """
    engine.start_cold()
    atoms = Atoms(atomic_numbers, positions)
    atoms.calc = SurfaceCalculator(engine)
    before = atoms.get_potential_energy()
    optimizer = LBFGS(atoms, logfile=None, maxstep=0.15)  # type: ignore[arg-type]  # None: no log
    optimizer.run(fmax=fmax, steps=steps)
    return atoms.positions.copy(), before, atoms.get_potential_energy()


def langevin(
    engine: Surface,
    atomic_numbers: np.ndarray,
    positions: np.ndarray,
    rng: np.random.Generator,
    *,
    temperature_K: float,
    equilibration: int,
    spacing: int,
    frames: int,
    timestep_fs: float,
    friction_per_fs: float,
) -> Iterator[np.ndarray]:
    """Positions [n, 3] (Å) along one Langevin replica, every ``spacing`` steps after equilibration.

    The replica is short: strong friction brings it to its temperature within tens of femtoseconds.

    Raises:
        ScfFailure: a step did not converge.
    """
    engine.start_cold()
    masses = Atoms(atomic_numbers).get_masses()
    masses[np.asarray(atomic_numbers) == 1] = _HYDROGEN_MASS
    atoms = Atoms(atomic_numbers, positions, masses=masses)
    atoms.set_constraint(FixCom())  # with fixcm=True, ASE's own correction disturbs the thermostat
    atoms.calc = SurfaceCalculator(engine)
    speeds = np.sqrt(units.kB * temperature_K / masses)
    atoms.set_velocities(rng.normal(size=(len(atoms), 3)) * speeds[:, None])
    dynamics = Langevin(
        atoms,
        timestep=timestep_fs * units.fs,
        temperature_K=temperature_K,
        friction=friction_per_fs / units.fs,
        fixcm=False,
        rng=rng,
    )
    dynamics.run(equilibration)
    for _ in range(frames):
        dynamics.run(spacing)
        yield atoms.positions.copy()
