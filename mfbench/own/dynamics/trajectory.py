"""A trajectory on disk: appended frame by frame, whole up to its last complete frame after a kill."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mfbench.data.elements import symbol
from mfbench.work.files import write_text

__all__ = ["Recorded", "Trajectory", "write_frames"]


@dataclass(frozen=True, eq=False)
class Recorded:
    """Frames of a trajectory.

    Attributes:
        times_ps: [frames].
        positions: [frames, n, 3], Å.
        velocities: [frames, n, 3], in ASE's unit.
        energies_eV: [frames] potential plus kinetic energy.
        temperatures_K: [frames].
        uncertainties: [frames] largest uncertainty of a force component, eV/Å; 0 where not asked for.
        random_states: state of the thermostat's random numbers after each frame, as JSON.
    """

    times_ps: np.ndarray
    positions: np.ndarray
    velocities: np.ndarray
    energies_eV: np.ndarray
    temperatures_K: np.ndarray
    uncertainties: np.ndarray
    random_states: list[str]


class Trajectory:
    """Frames in two files: numbers as raw float64 rows, random states as lines.

    Args:
        stem: path without ending; ``.f64`` and ``.states`` are added.
        n_atoms: of the molecule.
    """

    def __init__(self, stem: Path, n_atoms: int):
        self._numbers = stem.with_suffix(".f64")
        self._states = stem.with_suffix(".states")
        self._n = n_atoms
        self._width = 4 + 6 * n_atoms

    def append(self, frame: Recorded) -> None:
        """Write one frame; it counts once both files hold it whole."""
        head = [frame.times_ps[0], frame.energies_eV[0], frame.temperatures_K[0], frame.uncertainties[0]]
        row = np.concatenate([head, frame.positions[0].ravel(), frame.velocities[0].ravel()])
        with open(self._states, "a", encoding="utf-8") as file:
            file.write(json.dumps(json.loads(frame.random_states[0])) + "\n")
        with open(self._numbers, "ab") as file:
            file.write(row.astype("<f8").tobytes())
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> Recorded | None:
        """All whole frames; what a kill left half-written is cut off. None where there is none."""
        if not self._numbers.is_file():
            for path in (self._states,):
                path.unlink(missing_ok=True)
            return None
        raw = np.frombuffer(self._numbers.read_bytes()[: self._whole_bytes()], "<f8")
        rows = raw.reshape(-1, self._width)
        states = self._states.read_text(encoding="utf-8").split("\n")[: len(rows)]
        if not len(rows):
            self._numbers.unlink()
            self._states.unlink(missing_ok=True)
            return None
        os.truncate(self._numbers, rows.nbytes)
        self._states.write_text("".join(f"{line}\n" for line in states), encoding="utf-8")
        shape = (len(rows), self._n, 3)
        half = 4 + 3 * self._n
        return Recorded(
            rows[:, 0],
            rows[:, 4:half].reshape(shape),
            rows[:, half:].reshape(shape),
            rows[:, 1],
            rows[:, 2],
            rows[:, 3],
            states,
        )

    def _whole_bytes(self) -> int:
        size = 8 * self._width
        return self._numbers.stat().st_size // size * size


def write_frames(
    path: Path, numbers: np.ndarray, positions: np.ndarray, charge: int, n_unpaired: int
) -> None:
    """Geometries [frames, n, 3] (Å) of one molecule as extended XYZ, as ``mfbench label`` reads them."""
    names = [f"{symbol(int(z)):<2}" for z in numbers]
    state = f"charge={int(charge)} n_unpaired={int(n_unpaired)}"
    comment = f'Properties=species:S:1:pos:R:3 {state} pbc="F F F"'
    text = []
    for frame in positions:
        rows = (f"{name} {x:.8f} {y:.8f} {z:.8f}" for name, (x, y, z) in zip(names, frame, strict=True))
        text.append("\n".join([str(len(names)), comment, *rows]) + "\n")
    write_text(path, "".join(text))
