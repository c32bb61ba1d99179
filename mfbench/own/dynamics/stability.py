"""Whether a trajectory is physical: bonds that break or form, atoms that leave, energy that drifts."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from mfbench.data.molecular_graph import METALS, bonds, covalent_radius

__all__ = ["Stability", "energy_drift", "first_change", "judge"]

BROKEN = 1.6
"""A bond is broken beyond this multiple of the sum of covalent radii: 1.7 Å for C-H, 2.4 Å for C-C, where
no thermal vibration at 300-600 K goes."""
GAINED = 1.05
"""Two atoms without a bond have made one below this multiple of the sum of their covalent radii."""
DRIFT_SKIP = 0.1
"""Share of a trajectory that is left out of the drift: it starts from rest or from another level."""


@dataclass(frozen=True)
class Stability:
    """How a trajectory fared.

    Attributes:
        stable: no bond broke or formed, and every number stayed finite.
        simulated_ps: how far it came.
        first_break_ps: time of the first bond that broke or formed; None where there was none.
        first_break: which atoms and what happened, e.g. ``C1-H7 broke``; empty where nothing did.
        drift_meV_per_atom_ps: slope of the conserved energy (NVE), None for a thermostat.
        mean_temperature_K: over the trajectory.
        unsure_ps: time spent above the threshold of uncertainty; None where there was no threshold.
        first_unsure_ps: when that was first; None where it was not.
    """

    stable: bool
    simulated_ps: float
    first_break_ps: float | None
    first_break: str
    drift_meV_per_atom_ps: float | None
    mean_temperature_K: float
    unsure_ps: float | None = None
    first_unsure_ps: float | None = None

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values: the content of ``stability.json``."""
        return asdict(self)


def first_change(numbers: np.ndarray, positions: np.ndarray) -> tuple[int, str] | None:
    """First frame in which a bond of frame 0 is broken, or a new one made; and which.

    Args:
        numbers: [n] atomic numbers.
        positions: [frames, n, 3] in Å.

    Contacts of metals are no bonds here, as everywhere (``mfbench.data.molecular_graph``).
    """
    x = np.asarray(positions, float)
    lost = np.flatnonzero(~np.all(np.isfinite(x), axis=(1, 2)))
    if len(lost):
        x = x[: lost[0]]
    bonded = np.zeros((len(numbers), len(numbers)), bool)
    first = bonds(numbers, np.asarray(positions[0], float))
    bonded[first[:, 0], first[:, 1]] = True
    i, j = np.triu_indices(len(numbers), k=1)
    covalent = ~np.isin(numbers[i], list(METALS)) & ~np.isin(numbers[j], list(METALS))
    i, j = i[covalent], j[covalent]
    radii = np.array([covalent_radius(z) for z in numbers])
    relative = np.linalg.norm(x[:, i] - x[:, j], axis=-1) / (radii[i] + radii[j])
    changed = np.where(bonded[i, j], relative > BROKEN, relative < GAINED)
    frames = np.flatnonzero(changed.any(axis=1))
    if len(frames):
        pair = int(np.argmax(changed[frames[0]]))
        verb = "broke" if bonded[i[pair], j[pair]] else "formed"
        return int(frames[0]), f"{_name(numbers, i[pair])}-{_name(numbers, j[pair])} {verb}"
    return (int(lost[0]), "positions are not finite") if len(lost) else None


def energy_drift(times_ps: np.ndarray, energies_eV: np.ndarray, n_atoms: int) -> float:
    """Slope of a straight line through the total energy, in meV per atom and ps."""
    skip = int(DRIFT_SKIP * len(times_ps))
    t, e = times_ps[skip:], energies_eV[skip:]
    if len(t) < 2:
        return float("nan")
    return float(np.polyfit(t - t.mean(), e - e.mean(), 1)[0]) * 1e3 / n_atoms


def judge(
    numbers: np.ndarray,
    times_ps: np.ndarray,
    positions: np.ndarray,
    energies_eV: np.ndarray,
    temperatures_K: np.ndarray,
    *,
    conserved: bool,
    unsure: np.ndarray | None = None,
) -> Stability:
    """Judge a trajectory.

    Args:
        numbers: [n] atomic numbers.
        times_ps: [frames].
        positions: [frames, n, 3] in Å.
        energies_eV: [frames] potential plus kinetic energy.
        temperatures_K: [frames].
        conserved: whether the energy should be conserved (NVE).
        unsure: [frames] bool, above the threshold of uncertainty.
    """
    change = first_change(numbers, positions)
    frame = change[0] if change else len(times_ps)
    whole = slice(0, max(frame, 1))
    drift = energy_drift(times_ps[whole], energies_eV[whole], len(numbers)) if conserved else None
    step = float(times_ps[1] - times_ps[0]) if len(times_ps) > 1 else 0.0
    return Stability(
        stable=change is None,
        simulated_ps=float(times_ps[-1]),
        first_break_ps=None if change is None else float(times_ps[min(frame, len(times_ps) - 1)]),
        first_break="" if change is None else change[1],
        drift_meV_per_atom_ps=drift if drift is None or np.isfinite(drift) else None,
        mean_temperature_K=float(np.mean(temperatures_K[whole])),
        unsure_ps=None if unsure is None else float(np.sum(unsure)) * step,
        first_unsure_ps=None if unsure is None or not unsure.any() else float(times_ps[np.argmax(unsure)]),
    )


def _name(numbers: np.ndarray, index: int) -> str:
    from mfbench.data.elements import symbol

    return f"{symbol(int(numbers[index]))}{index + 1}"
