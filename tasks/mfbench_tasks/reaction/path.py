"""The path of a reaction: a biased scan from the reactants, and one back from the products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfbench.data.parquet import POSITION_GRID, round_to_grid
from mfbench_tasks.labelling.tblite import Gfn2, ScfFailure
from mfbench_tasks.reaction.bias import Biased
from mfbench_tasks.reaction.settings import Bounds, Scan
from mfbench_tasks.reaction.start import embed
from mfbench_tasks.reaction.system import System
from mfbench_tasks.sampling.dynamics import relax
from mfbench_tasks.sampling.gates import Rejection
from mfbench_tasks.seeds import stream

__all__ = ["Path", "check_path", "scan_path"]


@dataclass(frozen=True, eq=False)
class Path:
    """Both scans, each from reactants to products; energies and forces are unbiased labels.

    Attributes:
        positions: [2, m, n, 3] Å; forward, then backward.
        energies: [2, m] eV; infinite where a bond changed that takes no part.
        forces: [2, m, n, 3] eV/Å.
        q: [2, m] reaction coordinate, Å.
        slopes: [2, m] dE/dq, eV/Å.
    """

    positions: np.ndarray
    energies: np.ndarray
    forces: np.ndarray
    q: np.ndarray
    slopes: np.ndarray

    @classmethod
    def measured(
        cls, system: System, positions: np.ndarray, energies: np.ndarray, forces: np.ndarray
    ) -> Path:
        """From labelled scans."""
        q, slopes, lower = np.zeros(energies.shape), np.zeros(energies.shape), energies.copy()
        for k in np.ndindex(energies.shape):
            q[k] = system.coordinate.value(positions[k])
            slopes[k] = system.coordinate.slope(positions[k], forces[k])
            if system.unrelated_bond_changes(positions[k]):
                lower[k] = np.inf
        return cls(positions, lower, forces, q, slopes)

    def lower(self, values: np.ndarray) -> np.ndarray:
        """[m, …] the values [2, m, …] of whichever scan is lower in energy."""
        chosen: np.ndarray = values[self.energies.argmin(axis=0), np.arange(values.shape[1])]
        return chosen

    @property
    def profile(self) -> np.ndarray:
        """[m] eV, the lower envelope of both scans above its reactant end."""
        lower = self.lower(self.energies)
        above: np.ndarray = lower - lower[0]
        return above

    @property
    def top(self) -> int:
        """Where the profile is highest."""
        return int(self.profile.argmax())

    @property
    def barrier(self) -> float:
        """eV, the top above the lowest point before it."""
        return float(self.profile[self.top] - self.profile[: self.top + 1].min())

    @property
    def reaction_energy(self) -> float:
        """eV, product end less reactant end."""
        return float(self.profile[-1])

    @property
    def roughness(self) -> float:
        """eV, the largest step between neighbours that their slopes do not explain (trapezoids)."""
        q, slope = self.lower(self.q), self.lower(self.slopes)
        expected = np.diff(q) * (slope[1:] + slope[:-1]) / 2.0
        return float(np.abs(np.diff(self.profile) - expected).max())

    @property
    def hysteresis(self) -> float:
        """eV, the largest difference between both scans; infinite where one of them left the reaction."""
        if not np.all(np.isfinite(self.energies)):
            return float("inf")
        return float(np.abs(self.energies[0] - self.energies[1]).max())


def scan_path(engine: Gfn2, system: System, scan: Scan, seed: int) -> Path:
    """Scan there and back, again until both directions agree or the sweeps are used up.

    Raises:
        Rejection: gate ``start``: no start has the reactants' bonds.
        ScfFailure: a step did not converge.
    """
    q = system.coordinate
    targets = np.linspace(_end(system, q.broken, q.formed), -_end(system, q.formed, q.broken), scan.points)
    forward = _scan(engine, system, scan, _start(engine, system, scan, targets[0], seed), targets)
    for _ in range(scan.sweeps):
        backward = _scan(engine, system, scan, forward[-1], targets[::-1])[::-1]
        if system.is_reactant(backward[0]):
            forward = _scan(engine, system, scan, backward[0], targets)
        positions = np.array([forward, backward])
        labels = [[engine.label(x) for x in one] for one in positions]
        energies = np.array([[label.energy for label in one] for one in labels])
        forces = np.array([[label.forces for label in one] for one in labels])
        path = Path.measured(system, positions, energies, forces)
        if path.hysteresis <= scan.hysteresis:
            break
    return path


def check_path(system: System, path: Path, bounds: Bounds) -> None:
    """Gates ``bonds``, ``transfer``, ``smooth`` and ``barrier`` on the lower envelope of both scans.

    Raises:
        Rejection: the first that it fails.
    """
    lost = np.flatnonzero(~np.isfinite(path.lower(path.energies)))
    if len(lost):
        i, j = min(system.unrelated_bond_changes(path.positions[0, lost[0]]))
        z = system.atomic_numbers
        raise Rejection("bonds", f"atoms {i} (Z={z[i]}) and {j} (Z={z[j]}) reacted too")
    ends = path.lower(path.positions)[[0, -1]]
    if not system.is_reactant(ends[0]) or not system.is_product(ends[1]):
        raise Rejection("transfer", "the scan's ends are not the reactants and the products")
    if path.roughness > bounds.roughness:
        raise Rejection("smooth", f"a step of {path.roughness:.2f} eV that the slopes do not explain")
    if path.barrier > bounds.barrier:
        raise Rejection("barrier", f"{path.barrier:.2f} eV")


def _end(system: System, bound: np.ndarray, free: np.ndarray) -> float:
    """Å: lengths of the pairs that are bound, less distances of those that are near."""
    return sum(system.bond_length(p) for p in bound) - sum(system.apart(p) for p in free)


def _start(engine: Gfn2, system: System, scan: Scan, target: float, seed: int) -> np.ndarray:
    """The lowest of several embedded starts, relaxed under the bias, that keeps the reactants' bonds."""
    number = int(stream(seed, system.fragment_id, "start").integers(2**31 - 1))
    biased = Biased(engine, system, target, scan.stiffness)
    found: list[tuple[float, int, np.ndarray]] = []
    for x in embed(system, scan.starts, number):
        try:
            x, _, energy = relax(biased, system.atomic_numbers, x, fmax=0.3, steps=scan.start_steps)
        except ScfFailure:
            continue  # atoms of an embedded start may lie in each other; others will do
        if system.is_reactant(x):
            found.append((energy, len(found), x))
    if not found:
        raise Rejection("start", "no start keeps the reactants' bonds")
    return min(found)[2]


def _scan(engine: Gfn2, system: System, scan: Scan, x: np.ndarray, targets: np.ndarray) -> list[np.ndarray]:
    """Relaxed geometries [n, 3] (Å) on the storage grid, one per target; the first is relaxed longer."""
    found: list[np.ndarray] = []
    for target in targets:
        steps = scan.steps if found else scan.end_steps
        biased = Biased(engine, system, target, scan.stiffness)
        x, _, _ = relax(biased, system.atomic_numbers, x, fmax=scan.fmax, steps=steps)
        found.append(round_to_grid(x - x.mean(axis=0), POSITION_GRID))
    return found
