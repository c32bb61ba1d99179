"""Labels in the predictions, predictions that ignore the geometry, and predictions in the wrong order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.submission.detectors.evidence import Evidence
from mfbench.submission.detectors.findings import Finding, Kind
from mfbench.submission.detectors.units import correlation

__all__ = [
    "ENERGY_NOISE", "FORCE_NOISE", "exact_findings", "flat_finding", "leak_findings", "order_findings",
]  # fmt: skip

FORCE_NOISE = 1e-3
"""eV/Å. Re-labelling elsewhere, or with a looser SCF, changes forces by less; no learned model does."""
ENERGY_NOISE = 1e-4
"""eV, of differences within a fragment."""
_FORCE_SHARE, _ENERGY_SHARE = 0.01, 0.05
"""Share of configurations below the noise that is no accident."""
_SAMPLES = 400


def leak_findings(evidence: Sequence[Evidence]) -> list[Finding]:
    """Errors below what labels themselves are known to, in more configurations than chance explains."""
    for e in evidence:
        p, labels = e.within
        if found := exact_findings(e.k, e.force_errors, p - labels, labels):
            return found
        r = correlation(e.forces.ravel(), e.label_forces.ravel())
        if 1 - r**2 < 1e-6:
            return [_leak(e.k, "forces are a multiple of the labels")]
    return []


def exact_findings(
    k: int, force_errors: np.ndarray, energy_errors: np.ndarray, differences: np.ndarray
) -> list[Finding]:
    """Errors of configurations below label noise.

    Args:
        k: number of labels.
        force_errors: [n] RMS of a configuration's force errors, eV/Å.
        energy_errors, differences: [n] errors of energies and the labels' energies, each less its mean
            over the fragment, eV.
    """
    exact = force_errors < FORCE_NOISE
    if exact.sum() >= 3 and exact.mean() >= _FORCE_SHARE:
        return [_leak(k, f"forces of {exact.mean():.0%} of the configurations agree with the labels to "
                         f"{1e3 * FORCE_NOISE:g} meV/Å")]  # fmt: skip
    differ = np.abs(differences) > 10 * ENERGY_NOISE
    exact = np.abs(energy_errors)[differ] < ENERGY_NOISE
    if exact.sum() >= 5 and exact.mean() >= _ENERGY_SHARE:
        return [_leak(k, f"energy differences of {exact.mean():.0%} of the configurations agree with "
                         f"the labels to {1e3 * ENERGY_NOISE:g} meV")]  # fmt: skip
    return []


def _leak(k: int, what: str) -> Finding:
    return Finding(
        kind=Kind.LEAKED_LABELS,
        message=f"at K = {k}, {what}: below label noise. The labels leaked into the predictions, or the "
        "method calls the labelling level of theory.",
    )


def flat_finding(ks: Sequence[int]) -> Finding:
    """Forces that do not depend on the geometry, at these K."""
    return Finding(
        kind=Kind.CONSTANT_PREDICTIONS,
        message=f"at K = {', '.join(map(str, ks))}, forces do not depend on the "
        "geometry: this is no force field.",
    )


def order_findings(evidence: Sequence[Evidence]) -> list[Finding]:
    """Predictions that do not depend on the geometry, or belong to another geometry of the fragment."""
    flat = [e for e in evidence if _is_flat(e)]
    if flat:
        return [flat_finding([e.k for e in flat])]
    for e in evidence:
        share, r = _swapped(e)
        if share >= 0.5:
            return [
                Finding(
                    kind=Kind.SHUFFLED_PREDICTIONS,
                    message=f"at K = {e.k}, {share:.0%} of the predicted forces fit another configuration "
                    f"of the same fragment better (correlation {r:.2f}): check the order of the rows.",
                )
            ]
        forces = correlation(e.forces.ravel(), e.label_forces.ravel())
        energies = correlation(*e.within)
        p, labels = (
            float(np.linalg.norm(x)) for x in e.within
        )  # noise is larger than labels, a shuffle as large
        if forces >= 0.8 and abs(energies) < 0.15 and 0.5 < p / max(labels, 1e-12) < 2:
            return [
                Finding(
                    kind=Kind.SHUFFLED_PREDICTIONS,
                    message=f"at K = {e.k}, forces follow the labels (correlation {forces:.2f}) and "
                    f"energies do not ({energies:.2f}): check the order of the energies.",
                )
            ]
    return []


def _is_flat(e: Evidence) -> bool:
    """Whether every configuration of a fragment gets the same forces (zero, usually)."""
    size = np.sqrt(e.per_configuration(e.forces**2))
    if size.max() < 1e-6:
        return True
    starts = np.concatenate([[0], np.cumsum(e.n_atoms)[:-1]])
    _, first, code = np.unique(e.fragments, return_index=True, return_inverse=True)
    if len(first) == len(code):
        return False
    shift = np.repeat(starts[first[code]] - starts, e.n_atoms) + np.arange(len(e.forces))
    return bool(np.abs(e.forces - e.forces[shift]).max() < 1e-6)


def _swapped(e: Evidence) -> tuple[float, float]:
    """Share of (sampled) configurations whose forces fit another one's labels well and its own badly."""
    starts = np.concatenate([[0], np.cumsum(e.n_atoms)[:-1]])
    swapped, seen, strengths = 0, 0, []
    for fragment in np.unique(e.fragments):
        rows = np.flatnonzero(e.fragments == fragment)
        if len(rows) < 3:
            continue
        atoms = starts[rows][:, None] + np.arange(e.n_atoms[rows[0]])
        p, labels = (x[atoms].reshape(len(rows), -1) for x in (e.forces, e.label_forces))
        p, labels = p - p.mean(axis=0), labels - labels.mean(axis=0)  # what all share tells nothing
        norms = np.linalg.norm(p, axis=1)[:, None] * np.linalg.norm(labels, axis=1)[None]
        cosine = np.abs(np.divide(p @ labels.T, norms, out=np.zeros_like(norms), where=norms > 0))
        own, best = np.diag(cosine), cosine.max(axis=1)
        bad = (best >= 0.7) & (own < best - 0.3)
        swapped += int(bad.sum())
        strengths += best[bad].tolist()
        seen += len(rows)
        if seen >= _SAMPLES:
            break
    return swapped / max(seen, 1), float(np.mean(strengths)) if strengths else 0.0
