"""What puts the energies of a level on the scale of the reference level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mfbench.data.bond_types import bond_name, bond_types
from mfbench.data.configuration import Configuration
from mfbench.data.label_table import Labels
from mfbench.data.levels import EnergyShift
from mfbench.protocol.correction_prior import BETWEEN_LEVELS
from mfbench.protocol.energy_baseline import correction_kernel

__all__ = ["shift_by_atoms", "shift_by_fit", "shift_by_molecules"]

_RIDGE = 1e-3
"""Mean-square weight that keeps a rare element near its isolated atom."""
_LOOSE = 1e-2
"""The same, as a sum of squares, where there are few molecules and no element is rare."""


def shift_by_atoms(reference: Mapping[int, float], level: Mapping[int, float]) -> EnergyShift:
    """Isolated atoms (eV) of the level become those of the reference; atomisation energies stay its own."""
    return EnergyShift(elements={z: reference[z] - energy for z, energy in level.items() if z in reference})


def shift_by_fit(
    configurations: Sequence[Configuration], labels: Labels, start: EnergyShift
) -> EnergyShift:
    """Least squares of the reference's energies less the level's, per element and charge, from ``start``.

    Args:
        configurations: of train tasks, with the reference's energies.
        labels: of the level.
        start: see ``shift_by_atoms``; the fit is shrunk towards it.
    """
    elements = sorted({int(z) for c in configurations for z in set(c.atomic_numbers.tolist())})
    counts = [np.bincount(c.atomic_numbers, minlength=128)[elements] for c in configurations]
    charges = np.array([c.total_charge for c in configurations])
    features = np.column_stack([np.array(counts), np.maximum(-charges, 0), np.maximum(charges, 0)])
    gap = np.array([c.label[0] - labels[c.config_id][0] - start.of(c) for c in configurations])
    gram = features.T @ features / len(gap) + _RIDGE * np.eye(features.shape[1])
    found = np.linalg.solve(gram, features.T @ gap / len(gap))
    fitted = {z: start.elements[z] + float(s) for z, s in zip(elements, found[:-2], strict=True)}
    return _shift({**start.elements, **fitted}, found[-2], found[-1])


def shift_by_molecules(
    molecules: Sequence[Configuration],
    reference: Sequence[float],
    level: Sequence[float],
    start: EnergyShift,
) -> EnergyShift:
    """A shift for a level that training never saw, from a few small molecules that belong to no task.

    Elements and charges by least squares, shrunk towards ``start``; what is left, by the posterior mean of
    the energy correction between levels, as if the molecules were a support: per bond of a type.

    Args:
        molecules: n of them.
        reference, level: their energies (eV) at the two levels.
        start: see ``shift_by_atoms``.
    """
    known = sorted({int(z) for c in molecules for z in c.atomic_numbers} & start.elements.keys())
    counts = np.array([np.bincount(c.atomic_numbers, minlength=128)[known] for c in molecules], float)
    charges = np.array([c.total_charge for c in molecules], float)
    charged = np.column_stack([np.maximum(-charges, 0), np.maximum(charges, 0)])
    linear = np.column_stack([counts, charged])
    gap = np.subtract(reference, level) - np.array([start.of(c) for c in molecules])
    found = np.linalg.solve(linear.T @ linear + _LOOSE * np.eye(linear.shape[1]), linear.T @ gap)
    prior = BETWEEN_LEVELS
    covariance = correction_kernel(molecules, molecules, prior=prior) + np.eye(len(molecules))
    weights = np.linalg.solve(covariance, gap - linear @ found)
    found += np.concatenate([prior.element**2 * counts.T @ weights, prior.charge**2 * charged.T @ weights])
    bonded = [bond_types(c) for c in molecules]
    kinds = sorted({kind for types in bonded for kind in types})
    share = {k: sum(w * types.get(k, 0) for w, types in zip(weights, bonded, strict=True)) for k in kinds}
    fitted = {z: start.elements[z] + float(s) for z, s in zip(known, found[:-2], strict=True)}
    bonds = {bond_name(kind): prior.bond**2 * share[kind] for kind in kinds}
    return _shift({**start.elements, **fitted}, start.anion + found[-2], start.cation + found[-1], bonds)


def _shift(
    elements: Mapping[int, float], anion: float, cation: float, bonds: Mapping[str, float] | None = None
) -> EnergyShift:
    """Rounded to micro-eV: last bits of a linear solve differ between machines, data hashes shall not."""
    return EnergyShift(
        elements={z: round(float(e), 6) for z, e in sorted(elements.items())},
        anion=round(float(anion), 6),
        cation=round(float(cation), 6),
        bonds={name: round(float(e), 6) for name, e in sorted((bonds or {}).items())},
    )
