"""The zero of own energies: element energies and charge terms that make a network's totals agree.

Raw energies of another program lie thousands of eV from those a start was trained on. What is linear in
composition and charge is solved for exactly, and belongs to the model: it predicts total energies in the
file's own zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.protocol.energy_baseline import EnergyBaseline

__all__ = ["elements_alone", "fit_zero"]

_EXACT = 1e-6
"""eV: to which element energies must stand in for charge terms."""


def fit_zero(
    baseline: EnergyBaseline, configurations: Sequence[Configuration], modelled: np.ndarray
) -> EnergyBaseline:
    """The baseline nearest to ``baseline`` whose energies plus ``modelled`` fit the labels best.

    Least squares of least norm: with one molecule, where elements cannot be told apart, its offset is
    shared out among them and its energies are right all the same.

    Args:
        baseline: to start from; elements that it lacks count as zero.
        configurations: labelled, n of them.
        modelled: [n] interaction energies of the network, eV.
    """
    elements = sorted({int(z) for c in configurations for z in c.atomic_numbers})
    known = {z: float(baseline.elements.get(z, 0.0)) for z in elements}
    start = EnergyBaseline({**baseline.elements, **known}, baseline.anion, baseline.cation)
    labels = np.array([c.energy for c in configurations], float)
    left = labels - start.energies(configurations) - modelled
    charges = np.array([c.total_charge for c in configurations], float)
    counts = [np.bincount(c.atomic_numbers, minlength=128)[elements] for c in configurations]
    features = np.column_stack([counts, np.maximum(-charges, 0), np.maximum(charges, 0)]).astype(float)
    shifts, *_ = np.linalg.lstsq(features, left, rcond=1e-9)
    fitted = {z: known[z] + float(s) for z, s in zip(elements, shifts, strict=False)}
    return EnergyBaseline(
        {**start.elements, **fitted}, start.anion + float(shifts[-2]), start.cation + float(shifts[-1])
    )


def elements_alone(
    baseline: EnergyBaseline, configurations: Sequence[Configuration]
) -> dict[int, float] | None:
    """Element energies (eV) that give the same zero for these molecules without terms for charges.

    Other programs know no charge. One molecule's charge, or charges that go with the composition, can be
    shared out among the elements; None where they cannot, as with two charges of one composition.
    """
    elements = sorted(baseline.elements)
    rows = {
        (np.bincount(c.atomic_numbers, minlength=128)[elements].tobytes(), c.total_charge): c
        for c in configurations
    }
    counts = np.array(
        [np.bincount(c.atomic_numbers, minlength=128)[elements] for c in rows.values()], float
    )
    charges = np.array([c.total_charge for c in rows.values()], float)
    wanted = baseline.anion * np.maximum(-charges, 0) + baseline.cation * np.maximum(charges, 0)
    shifts, *_ = np.linalg.lstsq(counts, wanted, rcond=1e-9)
    if np.max(np.abs(counts @ shifts - wanted), initial=0.0) > _EXACT:
        return None
    return {z: baseline.elements[z] + float(s) for z, s in zip(elements, shifts, strict=True)}
