"""Checks of the labels: total energies and forces in eV and eV/Å, free of outliers."""

from __future__ import annotations

import numpy as np

from mfbench.audit.checks.check import Subject
from mfbench.audit.checks.unit_advice import energy_advice, force_advice
from mfbench.data.configuration import Configuration
from mfbench.data.parquet import FORCE_GRID
from mfbench.data.split import Split
from mfbench.errors import DataError

__all__ = ["energies", "everything", "forces", "net_force"]

BINDING = (-10.0, 0.0)
"""eV per atom, total energy less that of the isolated atoms: molecules have -2 to -7; Hartree, kcal/mol or
energies that lack an atom fall outside."""
LARGEST_FORCE = 15.0
"""eV/Å, of a component."""
_SCF_NOISE = 1e-3
"""eV/Å: what an SCF leaves of a net force."""


def everything(split: Split) -> list[Configuration]:
    """Every configuration that has a role."""
    return [c for t in split.tasks for c in t.everything]


def energies(subject: Subject) -> str:
    """Energies are total energies in eV on the scale of the isolated atoms."""
    atoms = subject.split.isolated_atom_energies
    seen = []
    for c in everything(subject.split):
        if c.energy is None:
            raise DataError(f"{c.config_id} has no energy")
        missing = sorted({int(z) for z in c.atomic_numbers} - atoms.keys())
        if missing:
            raise DataError(f"{c.config_id}: the manifest has no isolated atom of element {missing[0]}")
        zero = sum(atoms[int(z)] for z in c.atomic_numbers)
        binding = (c.energy - zero) / len(c)
        if not BINDING[0] <= binding <= BINDING[1]:
            raise DataError(
                f"{c.config_id}: {binding:.2f} eV per atom from isolated atoms, outside "
                f"{BINDING[0]:.0f} to {BINDING[1]:.0f}{energy_advice(c.energy, zero, len(c))}"
            )
        seen.append(binding)
    return f"{min(seen):.2f} to {max(seen):.2f} eV per atom from isolated atoms"


def forces(subject: Subject) -> str:
    """Forces are finite, one per atom, in the energies' unit, and no component is an outlier."""
    largest = 0.0
    for c in everything(subject.split):
        forces = c.label[1]
        if forces.shape != c.positions.shape:
            raise DataError(f"{c.config_id}: forces of shape {forces.shape} for {len(c)} atoms")
        top = float(np.abs(forces).max())
        if not top <= LARGEST_FORCE:  # also where it is not a number
            raise DataError(
                f"{c.config_id}: a force component of {top:.1f} eV/Å (bound {LARGEST_FORCE:.0f})"
                f"{force_advice(everything(subject.split))}"
            )
        largest = max(largest, top)
    if advice := force_advice(everything(subject.split)):
        raise DataError(f"forces do not follow the energies{advice}")
    return f"largest component {largest:.2f} eV/Å (bound {LARGEST_FORCE:.0f})"


def net_force(subject: Subject) -> str:
    """The forces on a configuration sum to zero, up to the rounding of the stored ones."""
    largest = 0.0
    for c in everything(subject.split):
        net = float(np.abs(c.label[1].sum(axis=0)).max())
        if not net <= len(c) * FORCE_GRID / 2 + _SCF_NOISE:
            raise DataError(f"{c.config_id}: its forces sum to {net:.4f} eV/Å, not to zero")
        largest = max(largest, net)
    return f"largest sum {largest:.4f} eV/Å, the rounding of stored forces"
