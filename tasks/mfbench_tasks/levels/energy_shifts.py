"""What puts the energies of a level on the scale of the reference level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.label_table import Labels
from mfbench.data.levels import EnergyShift

__all__ = ["mean_beyond_atoms", "shift_by_atoms", "shift_by_fit"]

_RIDGE = 1e-3
"""Mean-square weight that keeps a rare element near its isolated atom."""


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
    return EnergyShift(
        elements={**start.elements, **fitted}, anion=float(found[-2]), cation=float(found[-1])
    )


def mean_beyond_atoms(shifts: Sequence[tuple[EnergyShift, EnergyShift]], start: EnergyShift) -> EnergyShift:
    """A shift for a level that training never saw: ``start`` (its isolated atoms), and the mean of what a
    fit adds to isolated atoms at train levels of its kind.

    xTB's atomisation energies and charged molecules are off by electronvolts in a way that elements and
    charge explain; levels that are calibrated on heats of formation, and DFT, share what they are off by.

    Args:
        shifts: of train levels, (fitted, by isolated atoms).
        start: of the level.
    """
    if not shifts:
        return start
    elements = {}
    for z, energy in start.elements.items():
        added = [fit.elements[z] - atoms.elements[z] for fit, atoms in shifts if z in fit.elements]
        elements[z] = energy + (float(np.mean(added)) if added else 0.0)
    return EnergyShift(
        elements=elements,
        anion=float(np.mean([fit.anion for fit, _ in shifts])),
        cation=float(np.mean([fit.cation for fit, _ in shifts])),
    )
