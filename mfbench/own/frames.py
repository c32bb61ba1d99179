"""Structures as a file holds them, before anything is known about their units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

__all__ = ["Frame", "Frames"]


@dataclass(frozen=True, eq=False)
class Frame:
    """One structure with its labels, in the file's own units.

    Attributes:
        numbers: [n] atomic numbers.
        positions: [n, 3].
        energy: or None where the frame has none.
        forces: [n, 3], or gradients where the file's key says so (``Frames.gradients``); None where absent.
        charge: in units of e, None where the file does not say.
        n_unpaired: unpaired electrons, None where the file does not say.
        periodic: whether it has periodic boundaries.
        group: name of the trajectory or molecule that it belongs to; empty where unknown.
    """

    numbers: np.ndarray
    positions: np.ndarray
    energy: float | None = None
    forces: np.ndarray | None = None
    charge: int | None = None
    n_unpaired: int | None = None
    periodic: bool = False
    group: str = ""

    def __len__(self) -> int:
        """Number of atoms."""
        return len(self.numbers)


@dataclass(frozen=True, eq=False)
class Frames:
    """What was read from one file.

    Attributes:
        path: the file.
        frames: in the file's order.
        keys: what was taken from which key: ``energy``, ``forces``, ``charge``, ``spin``.
        gradients: whether the key of the forces names gradients, whose sign is the opposite.
        units: what the file itself declares: ``energy``, ``length``, ``forces`` → unit.
    """

    path: Path
    frames: tuple[Frame, ...]
    keys: Mapping[str, str] = field(default_factory=dict)
    gradients: bool = False
    units: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.frames)
