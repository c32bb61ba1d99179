"""Whether energies and forces belong together: along near pairs, work is the difference in energy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.work_and_energy import work_and_energy
from mfbench.errors import DataError
from mfbench.own.preflight.finding import Choices, Finding

__all__ = ["check_consistency"]

FOLLOWS = 0.95
"""Correlation from which pairs are near enough to judge by."""
SLOPE = (0.6, 1.6)
"""Work over energy, of labels in one unit; 0.72 was seen where steps are long. Units differ by 1.9."""
_FEWEST = 6
_MOST = 300
"""Frames of a molecule that are compared, each with each: its first ones, which follow one another."""


def check_consistency(labelled: Sequence[Configuration], choices: Choices) -> Finding:
    """A line of the preflight: how much work the forces do along near pairs, and the energies' difference.

    Args:
        labelled: in eV and Å.
        choices: where the user says both units and the sign, a contradiction is said and not refused.

    Raises:
        DataError: they contradict each other.
    """
    alike: dict[str, list[Configuration]] = defaultdict(list)
    for c in labelled:
        name = f"{c.graph_id} {c.atomic_numbers.tobytes().hex()}"
        if len(alike[name]) < _MOST:
            alike[name].append(replace(c, fragment_id=name))
    work, energy = work_and_energy([c for found in alike.values() for c in found])
    size = float(np.linalg.norm(work) * np.linalg.norm(energy))
    if len(work) < _FEWEST or not size:
        return Finding("consistency", "not tested", f"{len(work)} near pairs")
    r = float(work @ energy) / size
    slope = float(work @ energy / (energy @ energy))
    proof = f"along {len(work)} near pairs forces do {slope:.2f} × the energy, correlation {r:.2f}"
    if abs(r) < FOLLOWS:
        return Finding("consistency", "not tested: no frames are near enough to one another", proof)
    if SLOPE[0] <= slope <= SLOPE[1]:
        return Finding("consistency", "energies and forces belong together", proof)
    if choices.energy_unit and choices.forces_unit and choices.sign:
        return Finding("consistency", "energies and forces contradict each other", proof)
    raise DataError(
        f"energies and forces do not belong together: {proof}; look at their units and sign, and say "
        "--energy-unit, --forces-unit and --sign if they are right"
    )
