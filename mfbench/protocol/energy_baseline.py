"""The energy baseline that every method shares, and its closed-form correction from a support set.

A force field's total energies are dominated by a linear part that no gradient step should have to
find. It is therefore solved for, the same way for every method:

1. *Baseline*: per-element energies (and one term each for anions and cations), by least squares on
   meta-train, shrunk towards the isolated atoms of the level of theory.
2. *Correction*: what the support says beyond it. The residual r of a model on K configurations is
   taken as r_i = Σ_z n_iz a_z + b_graph(i) + noise with Gaussian priors, and its posterior mean is
   added to every prediction:  c(x) = k(x)ᵀ (K + 1)⁻¹ r,
   k(x, x') = s_a² n(x)·n(x') + s_b² [same graph], in units of the noise variance (Rasmussen &
   Williams 2006, eq. 2.25). It is shrunk: a graph met once moves by s_b² / (1 + s_b²) of its residual.
   Where tasks differ in their level of theory, bonds by type and charges have terms like those of
   elements (``correction_prior``).

The operator depends on compositions, bonds and graphs only, never on the model: it is a constant matrix
in every gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mfbench.data.bond_types import bond_type_counts
from mfbench.data.configuration import Configuration
from mfbench.data.molecular_graph import graph_id
from mfbench.data.split import Split
from mfbench.protocol.correction_prior import ONE_LEVEL, CorrectionPrior, prior_of

__all__ = [
    "EnergyBaseline",
    "correction_between",
    "correction_kernel",
    "correction_operator",
    "fit_baseline",
    "fit_zero",
    "graph_names",
    "split_baseline",
]

_RIDGE = 1e-3


@dataclass(frozen=True)
class EnergyBaseline:
    """Linear energies, and the prior of what is corrected beyond them.

    Attributes:
        elements: atomic number → eV; an element outside meta-train keeps its isolated atom's energy.
        anion, cation: eV per unit of negative and of positive charge.
        prior: of the correction from a support.
    """

    elements: Mapping[int, float]
    anion: float = 0.0
    cation: float = 0.0
    prior: CorrectionPrior = ONE_LEVEL

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, for the card of a checkpoint; the prior where it is not ``ONE_LEVEL``."""
        elements = {str(z): e for z, e in self.elements.items()}
        record: dict[str, Any] = {"elements": elements, "anion": self.anion, "cation": self.cation}
        return record if self.prior == ONE_LEVEL else record | {"correction": self.prior.to_dict()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> EnergyBaseline:
        """What ``to_dict`` wrote."""
        elements = {int(z): float(e) for z, e in record["elements"].items()}
        prior = CorrectionPrior.from_dict(record.get("correction", {}))
        return cls(elements, float(record["anion"]), float(record["cation"]), prior)

    def energies(self, configurations: Sequence[Configuration]) -> np.ndarray:
        """[n] eV."""
        table = np.zeros(128)
        table[list(self.elements)] = list(self.elements.values())
        return np.array(
            [
                table[c.atomic_numbers].sum()
                + self.anion * max(-c.total_charge, 0)
                + self.cation * max(c.total_charge, 0)
                for c in configurations
            ]
        )


def fit_baseline(
    configurations: Sequence[Configuration], isolated_atoms: Mapping[int, float]
) -> EnergyBaseline:
    """Least squares on labelled configurations, shrunk towards isolated atoms (eV): these alone where a
    split has no train families."""
    if not configurations:
        return EnergyBaseline(dict(isolated_atoms))
    elements = np.unique(np.concatenate([c.atomic_numbers for c in configurations])).tolist()
    start = EnergyBaseline(dict(isolated_atoms))
    target = np.array([c.energy for c in configurations]) - start.energies(configurations)
    features = np.column_stack([_counts(configurations, elements), _charges(configurations)])
    gram = features.T @ features / len(target) + _RIDGE * np.eye(features.shape[1])
    shifts = np.linalg.solve(gram, features.T @ target / len(target))
    fitted = {z: float(isolated_atoms.get(z, 0.0) + s) for z, s in zip(elements, shifts, strict=False)}
    return EnergyBaseline({**isolated_atoms, **fitted}, float(shifts[-2]), float(shifts[-1]))


def split_baseline(split: Split) -> EnergyBaseline:
    """What every method has on a split: ``fit_baseline`` on its train families, and its prior."""
    fitted = fit_baseline(split.train_configurations, split.isolated_atom_energies)
    return replace(fitted, prior=prior_of(split))


def fit_zero(configurations: Sequence[Configuration], residuals: np.ndarray) -> EnergyBaseline:
    """Linear energies of what a model with another energy zero leaves of labels: ``residuals`` [n] in eV.

    Two zeros can be thousands of eV apart per atom, and shrinking such a shift by a thousandth would be an
    error: plain least squares first, the baseline's shrinkage on what is left.
    """
    elements = sorted({int(z) for c in configurations for z in c.atomic_numbers})
    shifts, *_ = np.linalg.lstsq(_counts(configurations, elements), residuals)
    start = dict(zip(elements, shifts.tolist(), strict=True))
    labelled = [c.with_label(float(r), c.label[1]) for c, r in zip(configurations, residuals, strict=True)]
    return fit_baseline(labelled, start)


def graph_names(configurations: Sequence[Configuration]) -> list[str]:
    """Molecular graph of each configuration: its fragment's, or perceived where it names none.

    A fragment's graph stays when bonds break along a reaction, so one offset serves the whole path.
    """
    return [
        c.graph_id or graph_id(c.atomic_numbers, c.positions, c.total_charge, c.n_unpaired)
        for c in configurations
    ]


def correction_kernel(
    first: Sequence[Configuration],
    second: Sequence[Configuration],
    *,
    scale: float = 1.0,
    prior: CorrectionPrior = ONE_LEVEL,
) -> np.ndarray:
    """[n_first, n_second] prior covariance of the corrections, in units of the noise variance.

    ``scale`` multiplies all spreads of the ``prior``: below 1 for a model whose own errors are large.
    """
    elements = sorted({int(z) for c in (*first, *second) for z in c.atomic_numbers})
    counts = _counts(first, elements) @ _counts(second, elements).T
    same = np.array(graph_names(first))[:, None] == np.array(graph_names(second))[None]
    kernel: np.ndarray = prior.element**2 * counts + prior.graph**2 * same
    if prior.bond:
        one, other = bond_type_counts(first, second)
        kernel = kernel + prior.bond**2 * one @ other.T
    if prior.charge:
        kernel = kernel + prior.charge**2 * _charges(first) @ _charges(second).T
    return scale**2 * kernel


def correction_operator(
    support: Sequence[Configuration],
    query: Sequence[Configuration],
    *,
    scale: float = 1.0,
    prior: CorrectionPrior = ONE_LEVEL,
) -> np.ndarray:
    """[n_query, K]: multiplied with the support's residuals (eV) it gives the query's correction (eV)."""
    if not support:
        return np.zeros((len(query), 0))
    gram = correction_kernel(support, support, scale=scale, prior=prior) + np.eye(len(support))
    return np.linalg.solve(gram, correction_kernel(support, query, scale=scale, prior=prior)).T


def correction_between(kernel_support: np.ndarray, kernel_query: np.ndarray) -> np.ndarray:
    """``correction_operator`` [n_query, K] from the kernels [K, K] and [n_query, K]."""
    gram = kernel_support + np.eye(len(kernel_support))
    return np.linalg.solve(gram, kernel_query.T).T


def _counts(configurations: Sequence[Configuration], elements: Sequence[int]) -> np.ndarray:
    """[n, len(elements)] atoms of each element."""
    if not configurations:
        return np.zeros((0, len(elements)))
    row = np.repeat(np.arange(len(configurations)), [len(c) for c in configurations])
    places = 128 * row + np.concatenate([c.atomic_numbers for c in configurations])
    table = np.bincount(places, minlength=128 * len(configurations)).reshape(-1, 128)
    return table[:, list(elements)].astype(float)


def _charges(configurations: Sequence[Configuration]) -> np.ndarray:
    """[n, 2] units of negative and of positive charge."""
    charges = np.array([c.total_charge for c in configurations], dtype=float)
    return np.column_stack([np.maximum(-charges, 0), np.maximum(charges, 0)])
