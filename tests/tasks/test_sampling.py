"""Sampling, near-twins, draws."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

pytest.importorskip("tblite")
pytest.importorskip("biotite")

from ase.build import molecule

from mfbench.audit.near_duplicates import independence_ratio, nearest
from mfbench.data.alignment import aligned_rmsd
from mfbench.data.configuration import Configuration
from mfbench.data.molecular_graph import bonds, graph_id
from mfbench.errors import DataError
from mfbench_tasks.build.roles import draw
from mfbench_tasks.fragments.torsions import find_moves, random_move
from mfbench_tasks.labelling.tblite import Gfn2
from mfbench_tasks.sampling.dynamics import langevin, relax
from mfbench_tasks.sampling.normal_modes import hessian, normal_modes
from mfbench_tasks.seeds import stream


def test_aligned_rmsd_ignores_rigid_motion_but_not_mirror_images():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(9, 3))
    moved = Rotation.random(rng=rng).apply(x) + [3.0, -1.0, 2.0]
    mirrored = x * [1, 1, -1]
    same, mirror = aligned_rmsd(x, np.array([moved, mirrored]))
    assert same < 1e-7
    assert mirror > 0.1
    shifted = moved.copy()
    shifted[0] += [0.3, 0.0, 0.0]
    assert 0 < aligned_rmsd(x, shifted[None])[0] <= 0.1 + 1e-9  # 0.3 Å of one atom in nine


def test_independence_ratio_is_one_for_independent_and_small_for_copied_queries():
    rng = np.random.default_rng(1)

    def trajectory():
        start = rng.normal(size=(8, 3))
        return np.array([start + 0.05 * rng.normal(size=(8, 3)) for _ in range(4)])

    def median_ratio(copied):
        near, far = [], []
        for _ in range(40):
            query = [trajectory(), trajectory()]
            support = [t + 0.01 for t in query] if copied else [trajectory(), trajectory()]
            one, other = independence_ratio({"md": support}, {"md": query})
            near.append(one)
            far.append(other)
        return np.median(np.concatenate(near)) / np.median(np.concatenate(far))

    assert 0.85 < median_ratio(False) < 1.15
    assert median_ratio(True) < 0.8
    assert nearest(trajectory(), trajectory()).shape == (4,)


def test_moves_keep_bonds_and_turn_only_what_can_turn():
    ethanol = molecule("CH3CH2OH")
    found = bonds(ethanol.numbers, ethanol.positions)
    moves = find_moves(ethanol.numbers, found)
    assert len(moves.torsions) == 2  # C-C and C-O
    assert len(moves.molecules) == 1
    rng = np.random.default_rng(2)
    name = graph_id(ethanol.numbers, ethanol.positions)
    for _ in range(20):
        x = random_move(ethanol.positions, moves, rng, torsion_deg=60, shift=0.3, turn_deg=20)
        lengths = np.linalg.norm(x[found[:, 0]] - x[found[:, 1]], axis=1)
        old = np.linalg.norm(ethanol.positions[found[:, 0]] - ethanol.positions[found[:, 1]], axis=1)
        assert np.allclose(lengths, old)
        assert graph_id(ethanol.numbers, x) == name
    benzene = molecule("C6H6")
    assert not find_moves(benzene.numbers, bonds(benzene.numbers, benzene.positions)).torsions


@pytest.fixture(scope="module")
def water():
    """Atomic numbers, relaxed positions, and one-sided and central Hessians."""
    numbers = molecule("H2O").numbers
    engine = Gfn2(numbers)
    start = molecule("H2O").positions * 1.05
    x, before, after = relax(engine, numbers, start, fmax=1e-3, steps=50)
    assert after < before - 0.05
    assert np.abs(engine.label(x).forces).max() < 2e-3  # fmax, and the looser accuracy of a warm start

    def forces(y):
        return engine.warm_label(y).forces

    forward = hessian(forces, x)
    backward = hessian(lambda y: -forces(2 * x - y), x)  # the same steps, to the other side
    return numbers, forward, 0.5 * (forward + backward)


def test_modes_of_water(water):
    numbers, one_sided, central = water
    exact = normal_modes(central, numbers, 0.0).wavenumbers
    found = normal_modes(one_sided, numbers, 0.0).wavenumbers
    assert exact[:6].max() < 150.0  # translations and rotations
    assert 1450 < exact[6] < 1650  # bend
    assert np.all((exact[7:] > 3500) & (exact[7:] < 3800))  # stretches
    # What the sampler uses is one-sided. Its error stays when the geometry is relaxed further: moving H
    # along a tangent stretches O-H by half the step squared over its length, which lifts one rotation to
    # 330 cm⁻¹. Vibrations, which shape the displacements, keep to 5 %.
    assert found[:6].max() < 400.0
    assert np.allclose(found[6:], exact[6:], rtol=0.05)


def test_displacements_hold_the_energy_of_their_temperature(water):
    numbers, one_sided, _ = water
    modes = normal_modes(one_sided, numbers, 250.0)
    assert modes.wavenumbers.min() == 250.0
    assert np.sum(modes.wavenumbers < 400.0) == 6
    weights = np.sqrt(np.repeat([15.999, 1.008, 1.008], 3))
    stiffness = (modes.vectors * (modes.wavenumbers / 521.470898) ** 2) @ modes.vectors.T
    rng = np.random.default_rng(3)
    shifts = weights * np.array([modes.displacement(rng, 300.0).ravel() for _ in range(2000)])
    energy = 0.5 * np.einsum("ki,ij,kj->k", shifts, stiffness, shifts)
    assert energy.mean() == pytest.approx(4.5 * 8.617333e-5 * 300.0, rel=0.05)  # nine modes, kT/2 each


def test_a_replica_reaches_its_temperature_and_is_reproducible():
    methanol = molecule("CH3OH")
    settings = dict(
        temperature_K=400.0, equilibration=20, spacing=4, frames=3, timestep_fs=2.0, friction_per_fs=0.02
    )

    def run():
        engine = Gfn2(methanol.numbers)
        rng = np.random.default_rng(4)
        return np.array(list(langevin(engine, methanol.numbers, methanol.positions, rng, **settings)))

    one, two = run(), run()
    assert one.shape == (3, 6, 3)
    assert np.array_equal(one, two)
    assert len({graph_id(methanol.numbers, x) for x in one}) == 1
    assert aligned_rmsd(one[0], one[1:]).min() > 0.01


def _support(fragments: int, each: int) -> list[Configuration]:
    return [
        Configuration(
            atomic_numbers=np.array([1]),
            positions=np.zeros((1, 3)),
            config_id=f"f{i}/s0/{j}",
            fragment_id=f"f{i}",
            trajectory_id=f"f{i}/s0",
        )
        for i in range(fragments)
        for j in range(each)
    ]


def test_draws_are_nested_spread_over_fragments_and_reproducible():
    support = _support(6, 20)
    first = draw(support, length=100, seed=1, family_id="a", number=0)
    assert len(set(first)) == 100
    for k in (5, 10, 50, 100):
        counts = np.bincount([int(c[1]) for c in first[:k]], minlength=6)
        assert counts.max() - counts.min() <= 1
    assert draw(support, length=100, seed=1, family_id="a", number=0) == first
    assert draw(support, length=100, seed=1, family_id="a", number=1) != first
    with pytest.raises(DataError, match="family a"):
        draw(support, length=121, seed=1, family_id="a", number=0)


def test_streams_depend_on_names_alone():
    assert stream(1, "a", 2).integers(1 << 60) == stream(1, "a", 2).integers(1 << 60)
    assert stream(1, "a", 2).integers(1 << 60) != stream(1, "a", 3).integers(1 << 60)
