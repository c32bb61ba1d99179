"""Gates: planted bad fragments fail each for its own reason; good ones pass."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

pytest.importorskip("tblite")
pytest.importorskip("biotite")

from mfbench.data.molecular_graph import bonds as perceive
from mfbench_tasks.build.fragment_job import FragmentJob
from mfbench_tasks.build.make_fragment import make_fragment
from mfbench_tasks.fragments import select
from mfbench_tasks.fragments.cut import cut, prepare
from mfbench_tasks.fragments.electron_count import spin_is_possible
from mfbench_tasks.labelling.tblite import Gfn2, ScfFailure
from mfbench_tasks.recipes.recipe import CuttingPlan, Gates, Moves, Recipe, Sampling
from mfbench_tasks.sampling import gates
from mfbench_tasks.sampling.gates import Rejection
from mfbench_tasks.structures.ideal_peptide import ideal_peptide

SMALL = Recipe(
    name="small",
    version="0",
    seed=1,
    draws=1,
    draw_length=2,
    changelog=[],
    families=[],
    plan=CuttingPlan(
        pool=["residue"], heldout=["residue"], max_atoms={"residue": 30, "contact": 30, "hbond": 30}
    ),
    sampling=Sampling(
        support_md_K=[300],
        support_md_frames=[2],
        support_displaced_K=[300],
        support_displaced_frames=[2],
        query_md_K=[400],
        query_md_frames=[1],
        query_displaced_K=[400],
        query_displaced_frames=[1],
        start=Moves(torsion_deg=30, shift=0.2, turn_deg=10),
        jitter=Moves(torsion_deg=10, shift=0.1, turn_deg=5),
        relax_fmax=0.3,
        relax_steps=30,
        start_steps=3,
        timestep_fs=2.0,
        friction_per_fs=0.02,
        equilibration_steps=5,
        spacing_steps=3,
        mode_floor=250,
    ),
)


@pytest.fixture(scope="module")
def glycine():
    atoms = prepare(ideal_peptide(["ALA", "GLY", "ALA"]))
    (selection,) = select.residues(select.chain_residues(atoms, "A"))
    return cut(atoms, selection.atoms, kind="residue", motif="residue:GLY", pdb_id="test", residues="A2")


def broken_bond(fragment):
    """A hydrogen moved 2 Å outwards along its bond."""
    x = fragment.positions.copy()
    i, j = next(b for b in fragment.bonds if 1 in fragment.atomic_numbers[b])
    h, other = (i, j) if fragment.atomic_numbers[i] == 1 else (j, i)
    x[h] += 2.0 * (x[h] - x[other]) / np.linalg.norm(x[h] - x[other])
    return replace(fragment, positions=x)


def clashing_cap(fragment):
    """The acetyl cap swung about the nitrogen, all bond lengths kept, until it hits another atom."""
    numbers, bonds = fragment.atomic_numbers, fragment.bonds.tolist()
    acetyl = [0, 1, 2, *(j for i, j in bonds if i == 0 and numbers[j] == 1)]  # CH3, C, O
    (n,) = (j for i, j in bonds if i == 1 and numbers[j] == 7)
    nitrogen = fragment.positions[n]
    rng = np.random.default_rng(0)
    for _ in range(1000):
        x = fragment.positions.copy()
        x[acetyl] = Rotation.random(rng=rng).apply(x[acetyl] - nitrogen) + nitrogen
        perceived = perceive(numbers, x).tolist()
        if len(perceived) > len(bonds) and all(b in perceived for b in bonds):
            return replace(fragment, positions=x)
    raise AssertionError("no clash found")


@pytest.mark.parametrize(
    ("gate", "spoil"),
    [
        ("spin", lambda f: replace(f, n_unpaired=1)),
        ("bonds", broken_bond),
        ("clash", clashing_cap),
    ],
)
def test_planted_bad_fragments_are_rejected_each_for_its_own_reason(glycine, gate, spoil):
    with pytest.raises(Rejection) as caught:
        make_fragment(spoil(glycine), SMALL, "0.0.0", heldout=False)
    assert caught.value.gate == gate
    assert caught.value.reason


def test_a_rejected_candidate_is_reported_and_replaced_by_the_next(glycine):
    bad = replace(glycine, n_unpaired=1, residues="A9")
    outcome = FragmentJob("0.0.0", 0, False, (bad, glycine)).run(SMALL)
    assert [r["gate"] for r in outcome.rejections] == ["spin"]
    assert outcome.labelled.fragment.residues == "A2"
    labelled = outcome.labelled
    assert [c.trajectory_id.rsplit("/")[-1] for c in labelled.configurations] == ["s0"] * 2 + ["s1"] * 2 + [
        "q0",
        "q1",
    ]
    for c in labelled.configurations:
        assert gates.intact(labelled.fragment, c.positions)
        assert np.isfinite(c.energy)
    nobody = FragmentJob("0.0.0", 0, False, (bad,)).run(SMALL)
    assert nobody.labelled is None


def test_a_job_gives_the_same_labels_whenever_it_runs(glycine):
    one, two = (make_fragment(glycine, SMALL, "0.0.0", heldout=True) for _ in range(2))
    for a, b in zip(one.configurations, two.configurations, strict=True):
        assert np.array_equal(a.positions, b.positions)
        assert a.energy == b.energy
        assert np.array_equal(a.forces, b.forces)


def test_finite_differences_and_rotation_pass_on_gfn2_and_catch_what_is_wrong(glycine):
    engine = Gfn2(glycine.atomic_numbers)
    x = glycine.positions
    rng = np.random.default_rng(0)
    assert gates.check_finite_differences(engine, x, rng, 1e-3) < 2e-4
    gates.check_rotation(engine, x, rng, Gates())

    class Skewed:
        """Adds a field that has no energy: neither conservative nor invariant."""

        def label(self, positions):
            label = engine.label(positions)
            return label._replace(forces=label.forces + [0.01, 0.0, 0.0])

    with pytest.raises(Rejection, match="finite-differences"):
        gates.check_finite_differences(Skewed(), x, rng, 1e-3)
    with pytest.raises(Rejection, match="rotation"):
        gates.check_rotation(Skewed(), x, rng, Gates())


def test_collapse_and_changed_bonds_are_told_apart(glycine):
    with pytest.raises(Rejection, match="collapse"):
        gates.check_collapse(glycine, glycine.positions, 0.0, -20.0, Gates())
    with pytest.raises(Rejection, match="bonds"):
        gates.check_intact(glycine, broken_bond(glycine).positions)
    gates.check_collapse(glycine, glycine.positions, 0.0, -1.0, Gates())


def test_spin_parity():
    water = np.array([8, 1, 1])
    assert spin_is_possible(water, 0, 0)
    assert spin_is_possible(water, 1, 1)
    assert not spin_is_possible(water, 0, 1)
    assert not spin_is_possible(water, 1, 0)
    assert not spin_is_possible(np.array([1]), 0, 3)


def test_an_open_shell_is_labelled_and_an_impossible_geometry_is_a_failure():
    methyl = np.array([6, 1, 1, 1])
    x = np.array([[0, 0, 0], [1.08, 0, 0], [-0.54, 0.935, 0], [-0.54, -0.935, 0]])
    label = Gfn2(methyl, 0, 1).label(x)
    assert np.abs(label.forces).max() < 1.0
    assert np.allclose(label.forces.sum(axis=0), 0.0, atol=1e-4)
    with pytest.raises(ScfFailure):
        Gfn2(methyl, 0, 1).label(np.full((4, 3), np.nan))


def test_labels_do_not_depend_on_what_came_before(glycine):
    engine = Gfn2(glycine.atomic_numbers)
    x = glycine.positions
    first = engine.label(x)
    for k in range(3):
        engine.warm_label(x + 0.02 * k)
    again = engine.label(x)
    assert first.energy == again.energy
    assert np.array_equal(first.forces, again.forces)
