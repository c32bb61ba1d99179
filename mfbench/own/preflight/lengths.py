"""In which unit positions are: bond lengths tell Å, Bohr and nm apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.data.molecular_graph import covalent_radius
from mfbench.errors import DataError
from mfbench.own.frames import Frame
from mfbench.own.preflight.finding import Finding
from mfbench.own.units import LENGTH_UNITS, unit_named

__all__ = ["find_length_unit"]

_TOLERANCE = 0.3
"""Of the logarithm of (nearest neighbour distance ÷ sum of covalent radii); Å and Bohr differ by 0.64."""


def find_length_unit(
    frames: Sequence[Frame], declared: str | None, asked: str | None
) -> tuple[str, Finding]:
    """Unit of the positions; what the file declares or the user says must agree with the bond lengths.

    Raises:
        DataError: no unit makes the distances bonds, or the declared unit does not.
    """
    ratio = float(np.median([_reach(frame) for frame in frames]))
    fitting = [unit for unit, factor in LENGTH_UNITS.items() if abs(np.log(ratio * factor)) < _TOLERANCE]
    proof = f"nearest neighbours at {ratio:.2f} × the sum of covalent radii"
    if asked is not None:
        return unit_named(asked, LENGTH_UNITS), Finding("length", asked, "as you say", "--length-unit")
    if declared is not None:
        unit = unit_named(declared, LENGTH_UNITS)
        if fitting and unit not in fitting:
            raise DataError(
                f"the file declares lengths in {unit}, but its bonds are those of {fitting[0]} ({proof}): "
                "mend it, or give --length-unit"
            )
        return unit, Finding("length", unit, f"declared; {proof}", "--length-unit")
    if not fitting:
        raise DataError(f"positions are in no unit known here ({proof} in Å): give --length-unit")
    return fitting[0], Finding("length", fitting[0], proof, "--length-unit")


def _reach(frame: Frame) -> float:
    """Median over atoms of the distance to the nearest atom, over the sum of both covalent radii."""
    if len(frame) < 2:
        return 1.0
    apart = np.linalg.norm(frame.positions[:, None] - frame.positions[None], axis=-1)
    radii = np.array([covalent_radius(z) for z in frame.numbers])
    relative = apart / (radii[:, None] + radii[None])
    return float(np.median(np.min(relative + np.diag(np.full(len(frame), np.inf)), axis=1)))
