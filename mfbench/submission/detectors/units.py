"""Unit and sign mistakes: predictions that follow the labels, but on another scale or the other way.

A factor is recognised by two numbers: how well predictions correlate with labels (a mistake of units
leaves that alone), and the ratio of their root-mean-squares. A weak model shrinks its predictions, but
not to a fiftieth, and one that correlates well hardly shrinks them at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL
from mfbench.submission.detectors.evidence import Evidence
from mfbench.submission.detectors.findings import Finding, Kind

__all__ = ["ENERGY_UNITS", "FORCE_UNITS", "unit_findings"]

_HARTREE = 27.211386245988  # eV
_BOHR = 0.529177210903  # Å
ENERGY_UNITS = {
    "eV": 1.0,
    "kcal/mol": EV_TO_KCAL_MOL,
    "kJ/mol": 4.184 * EV_TO_KCAL_MOL,
    "Hartree": 1 / _HARTREE,
    "meV": 1e3,
}
"""Unit → what one eV is in it."""
FORCE_UNITS = {
    "eV/Å": 1.0,
    "kcal/mol/Å": EV_TO_KCAL_MOL,
    "kJ/mol/Å": 4.184 * EV_TO_KCAL_MOL,
    "Hartree/Bohr": _BOHR / _HARTREE,
    "Hartree/Å": 1 / _HARTREE,
    "eV/Bohr": _BOHR,
    "kcal/mol/Bohr": EV_TO_KCAL_MOL * _BOHR,
    "meV/Å": 1e3,
    "eV/Å times Å per Bohr the wrong way (1.89)": 1 / _BOHR,
}
"""Unit → what one eV/Å is in it."""
_STRONG, _CLEAR = 0.8, 0.5
"""Correlations from which any factor, and from which a factor of five or more, is believed."""
_OPPOSITE = -0.5
_TOLERANCE = 0.25
"""Of the logarithm of a ratio."""


def unit_findings(evidence: Sequence[Evidence]) -> list[Finding]:
    """Mistakes in forces, in energy differences within fragments, and in total energies."""
    found = []
    for what, units, pick in (
        ("forces", FORCE_UNITS, lambda e: (e.forces.ravel(), e.label_forces.ravel())),
        ("energy differences", ENERGY_UNITS, lambda e: e.within),
    ):
        # The K at which predictions follow the labels best says most.
        pairs = [pick(e) for e in evidence]
        best = max(pairs, key=lambda pair: abs(correlation(*pair)), default=None)
        found += _scale(what, units, *best) if best else []
    return found + _totals(evidence, bool(found))


def _scale(what: str, units: dict[str, float], p: np.ndarray, labels: np.ndarray) -> list[Finding]:
    r = correlation(p, labels)
    if abs(r) < _CLEAR:
        return []
    found = []
    if r <= _OPPOSITE:
        hint = "gradients instead of forces?" if what == "forces" else "the other sign?"
        found.append(
            Finding(
                kind=Kind.SIGN_MISTAKE,
                message=f"{what} point the wrong way (correlation with the labels {r:.2f}): {hint} "
                "Multiply them by -1.",
            )
        )
    ratio = _rms(p) / _rms(labels)
    unit = min(units, key=lambda name: abs(np.log(ratio / units[name])))
    factor = units[unit]
    close = abs(np.log(ratio / factor)) <= _TOLERANCE if abs(r) >= _STRONG else not 0.08 < ratio < 5
    if factor != 1.0 and close:
        wanted = next(iter(units))
        found.append(
            Finding(
                kind=Kind.UNIT_MISTAKE,
                message=f"{what} look like {unit}, not {wanted}: they are {ratio:.3g} times the size of "
                f"the labels (correlation {r:.2f}). Multiply them by {1 / factor:.6g}.",
            )
        )
    return found


def _totals(evidence: Sequence[Evidence], differences_are_off: bool) -> list[Finding]:
    """Total energies are thousands of eV, so their ratio to the labels tells the unit by itself."""
    for e in evidence:
        if not np.all(e.labels):
            continue
        ratio = float(np.median(e.energies / e.labels))
        for unit, factor in ENERGY_UNITS.items():
            if factor != 1.0 and abs(abs(ratio) / factor - 1) < 0.05:
                return [
                    Finding(
                        kind=Kind.UNIT_MISTAKE,
                        message=f"total energies look like {unit}, not eV: they are {ratio:.4g} times the "
                        f"labels. Multiply them by {1 / factor:.6g}.",
                    )
                ]
        if abs(ratio + 1) < 0.05:
            return [
                Finding(
                    kind=Kind.SIGN_MISTAKE,
                    message="total energies have the wrong sign: multiply them by -1.",
                )
            ]
        error = e.energies - e.labels
        if (
            not differences_are_off
            and _rms(error) > 50
            and _rms(error + e.atomic_energies) < 0.2 * _rms(error)
        ):
            return [
                Finding(
                    kind=Kind.ENERGY_REFERENCE,
                    message="energies seem to lack the isolated atoms' energies: labels are total energies "
                    "(split.isolated_atom_energies).",
                )
            ]
    return []


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of two vectors, not centred; 0 where one is zero."""
    size = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / size) if size > 0 else 0.0


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
