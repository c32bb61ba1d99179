"""Gates: what a fragment and its configurations must pass. Each failure carries its gate's name."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from mfbench.data import molecular_graph as graph
from mfbench.data.alignment import aligned_rmsd
from mfbench_tasks.fragments.coordination_shell import reach
from mfbench_tasks.fragments.cut import Fragment
from mfbench_tasks.fragments.electron_count import n_electrons, spin_is_possible
from mfbench_tasks.fragments.torsions import molecules
from mfbench_tasks.labelling.tblite import Gfn2
from mfbench_tasks.recipes.recipe import Gates

__all__ = [
    "Rejection",
    "check_collapse",
    "check_cut",
    "check_finite_differences",
    "check_intact",
    "check_rotation",
    "check_sampled",
    "detached",
    "intact",
]

_STEP = 0.002  # Å
_DIRECTIONS = 3
_CLOSE_HYDROGENS = 1.3  # Å


class Rejection(Exception):
    """A fragment failed a gate.

    Attributes:
        gate: spin, clash, bonds, scf, collapse, finite-differences, rotation or sampling; a place that
            could not be cut at all is reported as ``cut``.
        reason: what was measured.
    """

    def __init__(self, gate: str, reason: str):
        super().__init__(f"{gate}: {reason}")
        self.gate, self.reason = gate, reason


def intact(fragment: Fragment, positions: np.ndarray) -> bool:
    """Whether positions [n, 3] (Å) have exactly the fragment's bonds, and its metals their ligands."""
    lost, gained = _difference(fragment, positions)
    return not lost and not gained and not detached(fragment, positions)


def detached(fragment: Fragment, positions: np.ndarray) -> list[tuple[int, int]]:
    """Metal and donor pairs whose ligand has left: none of its donors is within reach of the metal.

    A ligand is a molecule, so a carboxylate may change from two donors to one.
    """
    if not len(fragment.coordination):
        return []
    molecule = molecules(len(fragment), fragment.bonds)
    nearest: dict[tuple[int, int], tuple[float, int]] = {}
    for metal, donor in fragment.coordination.tolist():
        bound = reach(fragment.atomic_numbers[metal], fragment.atomic_numbers[donor])
        excess = float(np.linalg.norm(positions[metal] - positions[donor])) - bound
        key = (metal, int(molecule[donor]))
        nearest[key] = min(nearest.get(key, (np.inf, -1)), (excess, donor))
    return [(metal, donor) for (metal, _), (excess, donor) in nearest.items() if excess > 0.0]


def check_cut(fragment: Fragment) -> None:
    """Gates on the bare cut: ``spin``, ``bonds`` (one is missing), ``clash`` (atoms too near).

    Raises:
        Rejection: it fails one.
    """
    numbers, x = fragment.atomic_numbers, fragment.positions
    if not spin_is_possible(numbers, fragment.total_charge, fragment.n_unpaired):
        electrons = n_electrons(numbers, fragment.total_charge)
        raise Rejection("spin", f"{electrons} electrons cannot have {fragment.n_unpaired} unpaired")
    lost, gained = _difference(fragment, x)
    if lost:
        raise Rejection("bonds", f"{_show(fragment, lost)} is broken in the cut")
    if gained:
        raise Rejection("clash", f"{_show(fragment, gained)} are too near")
    if away := detached(fragment, x):
        raise Rejection("bonds", f"{_show(fragment, away)}: the ligand is out of reach in the cut")
    hydrogens = np.flatnonzero(numbers == 1)
    near = np.linalg.norm(x[hydrogens, None] - x[None, hydrogens], axis=-1)
    near[np.tril_indices(len(near))] = np.inf
    if near.size and near.min() < _CLOSE_HYDROGENS:
        raise Rejection("clash", f"two hydrogens at {near.min():.2f} Å")


def check_intact(fragment: Fragment, positions: np.ndarray) -> None:
    """Gate ``bonds`` after relaxation: no bond of the cut is lost, none is gained.

    Raises:
        Rejection: bonds changed.
    """
    lost, gained = _difference(fragment, positions)
    if lost or gained:
        what = _show(fragment, lost or gained)
        raise Rejection("bonds", f"{what} {'broke' if lost else 'formed'} on relaxation")
    if away := detached(fragment, positions):
        raise Rejection("bonds", f"{_show(fragment, away)}: the ligand left on relaxation")


def check_collapse(
    fragment: Fragment, relaxed: np.ndarray, before: float, after: float, bounds: Gates
) -> None:
    """Gate ``collapse``: relaxation neither releases too much energy nor moves heavy atoms too far.

    Args:
        relaxed: [n, 3] Å.
        before, after: energies in eV.

    Raises:
        Rejection: a bound is exceeded.
    """
    if before - after > bounds.relaxation_energy:
        raise Rejection("collapse", f"relaxation released {before - after:.1f} eV")
    heavy = fragment.atomic_numbers > 1
    moved = aligned_rmsd(relaxed[heavy], fragment.positions[None, heavy])[0]
    if moved > bounds.relaxation_rmsd:
        raise Rejection("collapse", f"relaxation moved heavy atoms by {moved:.2f} Å")


def check_finite_differences(
    engine: Gfn2,
    positions: np.ndarray,
    rng: np.random.Generator,
    bound: float,
    directions: int = _DIRECTIONS,
) -> float:
    """Gate ``finite-differences``: forces match energy differences along random unit directions.

    Returns:
        The largest error in eV/Å.

    Raises:
        Rejection: it exceeds ``bound``.
    """
    forces = engine.label(positions).forces
    worst = 0.0
    for _ in range(directions):
        direction = rng.normal(size=positions.shape)
        direction /= np.linalg.norm(direction)
        ahead = engine.label(positions + _STEP * direction).energy
        behind = engine.label(positions - _STEP * direction).energy
        slope = (ahead - behind) / (2.0 * _STEP)
        worst = max(worst, abs(slope + float(np.sum(forces * direction))))
    if worst > bound:
        raise Rejection("finite-differences", f"forces differ from energies by {worst:.1e} eV/Å")
    return worst


def check_sampled(engine: Gfn2, sampled: np.ndarray, rng: np.random.Generator, bound: float) -> float:
    """Gate ``finite-differences`` on sampled configurations [m, n, 3] (Å), one direction each.

    For open shells: their SCF may fall into different states only away from the minimum.

    Returns:
        The largest error in eV/Å.

    Raises:
        Rejection: it exceeds ``bound``.
    """
    errors = [check_finite_differences(engine, x, rng, bound, directions=1) for x in sampled]
    return max(errors, default=0.0)


def check_rotation(engine: Gfn2, positions: np.ndarray, rng: np.random.Generator, bounds: Gates) -> None:
    """Gate ``rotation``: energy does not change, forces turn with the molecule.

    Raises:
        Rejection: a bound is exceeded.
    """
    turn = Rotation.random(rng=rng)
    here, there = engine.label(positions), engine.label(turn.apply(positions))
    energy = abs(here.energy - there.energy)
    forces = float(np.abs(turn.apply(here.forces) - there.forces).max())
    if energy > bounds.rotation_energy or forces > bounds.rotation_forces:
        raise Rejection("rotation", f"changes energy by {energy:.1e} eV, forces by {forces:.1e} eV/Å")


_Pair = tuple[int, int]


def _difference(fragment: Fragment, positions: np.ndarray) -> tuple[list[_Pair], list[_Pair]]:
    intended = set(map(tuple, fragment.bonds.tolist()))
    perceived = set(map(tuple, graph.bonds(fragment.atomic_numbers, positions).tolist()))
    return sorted(intended - perceived), sorted(perceived - intended)


def _show(fragment: Fragment, pairs: list[_Pair]) -> str:
    i, j = pairs[0]
    return f"atoms {i} (Z={fragment.atomic_numbers[i]}) and {j} (Z={fragment.atomic_numbers[j]})"
