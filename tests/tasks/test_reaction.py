"""Reactions: bonds transfer both ways, profiles follow their slopes, labels are free of the bias."""

import dataclasses
import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

pytest.importorskip("tblite")
pytest.importorskip("rdkit")

from mfbench import load_split
from mfbench.audit.checks import verify_split
from mfbench.cli import main
from mfbench.data.molecular_graph import graph_name
from mfbench.protocol.energy_baseline import correction_operator
from mfbench.work.executor import Here
from mfbench_tasks.labelling.relabel import relabel
from mfbench_tasks.labelling.tblite import Gfn2
from mfbench_tasks.reaction.bias import Biased
from mfbench_tasks.reaction.build import (
    TooFewSystems,
    build_reactions,
    next_jobs,
    request_of,
    sampled_systems,
    systems_of,
)
from mfbench_tasks.reaction.jobs import ScanJob, path_of, sampling_name
from mfbench_tasks.reaction.path import check_path
from mfbench_tasks.reaction.sample import windows
from mfbench_tasks.reaction.settings import Bounds, Windows, load_reaction_recipe
from mfbench_tasks.reaction.start import embed
from mfbench_tasks.sampling.gates import Rejection

RECIPE = """
name: two-reactions
version: 1.0.0
seed: 3
draws: 2
draw_length: 12
changelog: ["1.0.0: first version."]
pool: 1
heldout: 1
scan: {points: 13, starts: 2}
windows: {equilibration_steps: 20, spacing_steps: 6}
families:
  - id: dehalogenation
    fold: train
    stratum: hydrolase
    title: Dehalogenation by a carboxylate
    broken: [[1, 2]]
    formed: [[2, 3]]
    inline: [[1, 2, 3]]
    systems:
      formate-chloromethane: "[O-:3]C=O.[CH3:2][Cl:1]"
      odd: "[O-:3]C=O.[CH2:2][Cl:1]"
      formate-bromomethane: "[O-:3]C=O.[CH3:2][Br:1]"
"""


def run(recipe_file, folder, **named):
    return build_reactions(
        load_reaction_recipe(recipe_file),
        out=folder / "out",
        report=folder / "report",
        figure=folder / "report" / "profiles.png",
        journal=folder / "journal",
        executor=Here(),
        **named,
    )


@pytest.fixture(scope="module")
def recipe_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "reaction.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def recipe(recipe_file):
    return load_reaction_recipe(recipe_file)


@pytest.fixture(scope="module")
def system(recipe):
    return systems_of(recipe.families[0])[0]


@pytest.fixture(scope="module")
def built(recipe_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    return folder, run(recipe_file, folder)


@pytest.fixture(scope="module")
def split(built):
    return load_split(built[0] / "out")


@pytest.fixture(scope="module")
def path(recipe, system):
    outcome = ScanJob(system).run(recipe)
    assert outcome.labelled is not None, outcome.rejections
    return path_of(system, outcome)


def angle(system, x):
    """Degrees: leaving atom, centre, entering atom."""
    [[leaving, centre, entering]] = system.inline
    one, other = x[leaving] - x[centre], x[entering] - x[centre]
    return np.degrees(np.arccos(one @ other / (np.linalg.norm(one) * np.linalg.norm(other))))


def test_a_start_is_near_attack_from_behind(system, path):
    [formed] = system.coordinate.formed
    starts = embed(system, 4, seed=1)
    assert len(starts) == 4
    for x in starts:
        assert angle(system, x) > 110
        assert np.linalg.norm(x[formed[0]] - x[formed[1]]) == pytest.approx(system.apart(formed), abs=0.3)
    assert angle(system, path.positions[0, 0]) > 140


def test_the_bond_transfers_in_both_directions(system, path):
    [broken], [formed] = system.coordinate.broken.tolist(), system.coordinate.formed.tolist()
    for scan in path.positions:
        assert system.is_reactant(scan[0])
        assert system.is_product(scan[-1])
    before, after = (set(map(tuple, b.tolist())) for b in (system.bonds, system.product_bonds))
    assert before - after == {tuple(broken)}
    assert after - before == {tuple(formed)}


def test_the_profile_is_smooth_and_the_directions_agree(path):
    kcal = 23.06
    assert path.roughness * kcal < 1.0  # every step is what the slopes say
    assert path.hysteresis * kcal < 2.0
    assert 3 < path.barrier * kcal < 20
    assert 0 < path.top < len(path.profile) - 1


def test_the_path_carries_unbiased_labels(system, path):
    engine = Gfn2(system.atomic_numbers, system.total_charge)
    for k in ((0, 3), (1, 8)):
        fresh = engine.label(path.positions[k])
        assert path.energies[k] == pytest.approx(fresh.energy, abs=1e-6)
        np.testing.assert_allclose(path.forces[k], fresh.forces, atol=2e-4)


def test_the_bias_pulls_along_its_own_gradient(system, path):
    """Biased forces are minus the gradient of the biased energy; far from the target they differ from the
    label's, which the bias does not touch."""
    engine = Gfn2(system.atomic_numbers, system.total_charge)
    rng = np.random.default_rng(0)
    x = path.positions[0, 4] + rng.normal(0, 0.15, path.positions[0, 4].shape)  # bent: the wall acts
    biased = Biased(engine, system, system.coordinate.value(x) - 0.3, 10.0)
    direction = rng.normal(size=x.shape)
    ahead, behind = (biased.warm_label(x + step * direction).energy for step in (1e-3, -1e-3))
    slope = np.sum(biased.warm_label(x).forces * direction)
    assert slope == pytest.approx(-(ahead - behind) / 2e-3, abs=5e-3)
    assert np.abs(biased.warm_label(x).forces - engine.label(x).forces).max() > 1.0


def test_gates_refuse_a_jump_and_a_bond_that_did_not_transfer(system, path):
    check_path(system, path, Bounds())
    jump = path.energies + 0.3 * (np.arange(path.energies.shape[1]) > 6)
    with pytest.raises(Rejection, match="slopes"):
        check_path(system, dataclasses.replace(path, energies=jump), Bounds())
    half = dataclasses.replace(path, **{n: getattr(path, n)[:, :4] for n in vars(path)})
    with pytest.raises(Rejection, match="transfer"):
        check_path(system, half, Bounds())
    with pytest.raises(Rejection, match="barrier"):
        check_path(system, path, Bounds(barrier=0.01))


def test_a_stranger_bond_or_a_lost_molecule_is_not_the_reaction(system, path):
    x = path.positions[0, 0].copy()
    assert system.holds(x, 4.5)
    hydrogen = next(j for i, j in system.bonds.tolist() if system.atomic_numbers[j] == 1)
    pulled = x.copy()
    pulled[hydrogen] += 1.0
    assert not system.holds(pulled, 4.5)
    gone = x.copy()
    gone[sorted(_kin(system))] += 6.0
    assert not system.unrelated_bond_changes(gone)
    assert not system.holds(gone, 4.5)


def _kin(system):
    """Atoms of the molecule that the broken bond is in."""
    found = set(system.coordinate.broken[0].tolist())
    while True:
        more = {k for pair in system.bonds.tolist() if found & set(pair) for k in pair}
        if more <= found:
            return found
        found |= more


def test_windows_of_support_and_query_are_interleaved():
    found = windows(Windows(), np.random.default_rng(0), heldout=False)
    support = np.sort([w.place for w in found if not w.trajectory.is_query])
    query = [w.place for w in found if w.trajectory.is_query]
    assert not set(query) & set(support.tolist())
    assert all(support[0] < place < support[-1] for place in query)
    assert all(w.trajectory.is_query for w in windows(Windows(), np.random.default_rng(0), heldout=True))


def test_the_split_verifies(built):
    failed = [c for c in verify_split(built[0] / "out", relabel=relabel, count=10) if not c.passed]
    # One system and five query windows are too few for the ratio of medians; the full split passes it.
    assert {c.name for c in failed} <= {"independence"}, failed


def test_support_and_query_are_disjoint_and_blind(split):
    [task] = split.tasks
    roles = [{c.trajectory_id for c in getattr(task, r)} for r in ("support", "query", "heldout")]
    assert sum(map(len, roles)) == len(set.union(*roles))
    assert len(task.query) == len(task.heldout) == 16
    blind = task.query[0].blind()
    assert blind.graph_id == task.query[0].graph_id
    with pytest.raises(Exception, match="energy"):
        _ = blind.energy


def test_configurations_lie_on_both_sides_and_share_their_fragments_graph(recipe, system, split):
    [task] = split.tasks
    name = graph_name(system.atomic_numbers, system.bonds, system.total_charge)
    own = [c for c in (*task.support, *task.query) if c.fragment_id == system.fragment_id]
    assert {c.graph_id for c in own} == {task.graphs[system.fragment_id]} == {name}
    reactants = [c for c in own if system.is_reactant(c.positions)]
    products = [c for c in own if system.is_product(c.positions)]
    assert min(len(reactants), len(products)) > 5
    assert all(system.holds(c.positions, recipe.bounds.apart) for c in own)
    # One offset for the whole path: a reactant's residual moves a product as much as a reactant.
    operator = correction_operator(reactants[:1], [reactants[1].blind(), products[0].blind()])
    assert operator[0, 0] == operator[1, 0]


def test_a_system_that_cannot_be_leaves_its_place_to_the_next(recipe, built):
    systems = systems_of(recipe.families[0])
    found = (built[0] / "report" / "README.md").read_text()
    assert "| dehalogenation.odd.path | spin |" in found
    odd = ScanJob(systems[1]).run(recipe)
    good = dataclasses.replace(odd, labelled=object(), rejections=[])
    done = {ScanJob(s).name: odd if s.name == "odd" else good for s in systems}
    assert [(s.name, heldout) for s, heldout in sampled_systems(systems, recipe, done)] == [
        ("formate-chloromethane", False),
        ("formate-bromomethane", True),
    ]
    done[sampling_name(systems[2], heldout=True)] = odd
    with pytest.raises(TooFewSystems, match="dehalogenation has too few systems"):
        next_jobs(systems, recipe, done)


def test_a_family_without_enough_systems_stays_out_and_the_report_says_so(built, recipe_file, tmp_path):
    shutil.copytree(built[0], tmp_path, dirs_exist_ok=True)
    short = tmp_path / "short.yaml"
    family = yaml.safe_load(RECIPE)["families"][0]
    family |= {"id": "short", "systems": {f"odd{k}": "[O-:3]C=O.[CH2:2][Cl:1]" for k in (1, 2)}}
    recipe = yaml.safe_load(RECIPE)
    short.write_text(yaml.safe_dump(recipe | {"families": [*recipe["families"], family]}))
    request = request_of(load_reaction_recipe(short))
    (tmp_path / "journal" / "request.json").write_text(json.dumps(request))  # finished systems are the same
    assert run(short, tmp_path, resume=True)["counts"]["families"] == 1
    assert "| short | family | family short has too few" in (tmp_path / "report" / "README.md").read_text()


def test_a_killed_build_resumes_to_the_same_bytes(built, recipe_file, tmp_path):
    out, journal = tmp_path / "out", tmp_path / "out.journal"
    command = [sys.executable, "-m", "mfbench", "data", "reaction", str(recipe_file), "--out", str(out)]
    command += ["--workers", "1"]
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not list(journal.glob("*.npz")) and time.monotonic() < deadline:
            assert first.poll() is None, "the build ended before it could be killed"
            time.sleep(0.005)
    finally:
        first.kill()
        first.wait()
    finished = {file.name: file.stat().st_mtime_ns for file in journal.glob("*.npz")}
    assert 1 <= len(finished) < 5
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    for name, written in finished.items():
        assert (journal / name).stat().st_mtime_ns == written
    for table in (built[0] / "out").iterdir():
        assert (out / table.name).read_bytes() == table.read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[CH3:2][Br:1]", "[CH3:2][Br:1", "not a SMILES"),
        ("[CH3:2][Br:1]", "[CH3][Br:1]", "no atom 2"),
        ("pool: 1", "pool: 3", "has 3 systems"),
        ("formed: [[2, 3]]", "formed: [[1, 2]]", "has a bond that should form"),
    ],
)
def test_a_wrong_recipe_is_one_line(tmp_path, capsys, old, new, message):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.replace(old, new))
    assert main(["data", "reaction", str(recipe), "--out", str(tmp_path / "out"), "--workers", "1"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
