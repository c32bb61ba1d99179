"""Unit and sign mistakes: predictions that follow the labels, but on another scale or the other way.

A factor is recognised by two numbers: how well predictions correlate with labels (a mistake of units
leaves that alone), and their slope against the labels. A weak model shrinks its predictions, but not to a
fiftieth, and one that correlates well hardly shrinks them at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.data.units import (
    CONVERTED_TWICE,
    ENERGY,
    FORCE,
    FORCE_CONVERTED_TWICE,
    advice,
    believed,
    consistent,
)
from mfbench.submission.detectors.evidence import Evidence
from mfbench.submission.detectors.findings import Finding, Kind

__all__ = ["correlation", "unit_findings"]

_OPPOSITE = -0.5
_TOTALS = 0.02
"""Relative: errors of total energies are far smaller, and units are further apart."""


def unit_findings(evidence: Sequence[Evidence]) -> list[Finding]:
    """Mistakes in forces, in energy differences within fragments, and in total energies."""
    found = []
    for what, units, pick in (
        ("forces", FORCE | FORCE_CONVERTED_TWICE, lambda e: (e.forces.ravel(), e.label_forces.ravel())),
        ("energy differences", ENERGY | CONVERTED_TWICE, lambda e: e.within),
    ):
        # The K at which predictions follow the labels best says most.
        pairs = [pick(e) for e in evidence]
        best = max(pairs, key=lambda pair: abs(correlation(*pair)), default=None)
        found += _scale(what, units, *best) if best else []
    return found + _totals(evidence, bool(found))


def _scale(what: str, units: dict[str, float], p: np.ndarray, labels: np.ndarray) -> list[Finding]:
    r = correlation(p, labels)
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
    wanted = next(iter(units))
    slope = float(p @ labels / (labels @ labels)) if r else 0.0
    likely = consistent(slope, r, units)
    if not likely or wanted in likely or not believed(units[likely[0]], r):
        return found
    others = [f"{name} ({1 / units[name]:.6g})" for name in likely[1:]]
    found.append(
        Finding(
            kind=Kind.UNIT_MISTAKE,
            message=f"{what} look like {likely[0]}, not {wanted}: they are {abs(slope):.4g} times the "
            f"labels (correlation {r:.2f}). {advice(units[likely[0]])}"
            + (f" It could also be {', '.join(others)}." if others else ""),
        )
    )
    return found


def _totals(evidence: Sequence[Evidence], differences_are_off: bool) -> list[Finding]:
    """Total energies are thousands of eV, so their ratio to the labels tells the unit by itself."""
    for e in evidence:
        if not np.all(e.labels):
            continue
        ratio = float(np.median(e.energies / e.labels))
        for unit, factor in (ENERGY | CONVERTED_TWICE).items():
            if factor != 1.0 and abs(abs(ratio) / factor - 1) < _TOTALS:
                return [
                    Finding(
                        kind=Kind.UNIT_MISTAKE,
                        message=f"total energies look like {unit}, not eV: they are {ratio:.4g} times the "
                        f"labels. {advice(np.sign(ratio) * factor)}",
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
