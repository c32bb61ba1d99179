"""What a label must keep to be stored, at any level: bounded forces that sum to zero."""

from __future__ import annotations

import numpy as np

from mfbench.audit.checks.labels import LARGEST_FORCE
from mfbench_tasks.labelling.entry import Entry

__all__ = ["NET_FORCE", "refusal"]

NET_FORCE = 1e-3
"""eV/Å, of a component: a level that is invariant under translation has none. PM7's hydrogen bonds jump at
rare geometries (8 of 6,292), and there its forces do not sum to zero."""


def refusal(entry: Entry) -> str:
    """Why a label is not stored; empty where it is."""
    if entry.failure or entry.forces is None:
        return entry.failure or "no forces"
    top = float(np.abs(entry.forces).max())
    if not top <= LARGEST_FORCE:
        return f"a force component of {top:.1f} eV/Å"
    net = float(np.abs(entry.forces.sum(axis=0)).max())
    return "" if net <= NET_FORCE else f"its forces sum to {net:.4f} eV/Å"
