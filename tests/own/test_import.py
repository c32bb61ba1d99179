"""Own files become a split that every command takes, without train families and held-out molecules too."""

import json
from dataclasses import replace

import ase.io
import numpy as np
import pytest
from ase import Atoms

import mfbench
from mfbench.audit.checks import verify_split
from mfbench.cli import main
from mfbench.data.configuration import Configuration
from mfbench.data.task import Fold
from mfbench.errors import DataError
from mfbench.learned.adaptation.ridge import Design, RidgeSettings
from mfbench.own.frame_order import LEVEL, FrameOrder, chance_of_order
from mfbench.own.roles import deal

UNITS = ["--energy-unit", "eV", "--forces-unit", "eV/Å", "--sign", "forces"]


@pytest.fixture(scope="module")
def molecules():
    """Configurations of four fragments of a test family, in the order of their trajectories."""
    split = mfbench.load_split("cath-mini")
    task = max(split.test, key=lambda t: len(t.graphs))
    found = {}
    for c in task.everything:
        found.setdefault(c.fragment_id, []).append(c)
    return list(found.values())[:4]


def write(path, configurations, atoms=True, trajectories=True):
    images = []
    for c in configurations:
        info = {"REF_energy": c.energy, "charge": c.total_charge}
        if trajectories:
            info["trajectory_id"] = c.trajectory_id
        images.append(Atoms(c.atomic_numbers, c.positions, info=info))
        images[-1].arrays["REF_forces"] = c.forces
    for z, energy in mfbench.load_split("cath-mini").isolated_atom_energies.items() if atoms else ():
        images.append(Atoms([z], info={"REF_energy": energy, "config_type": "IsolatedAtom"}))
        images[-1].arrays["REF_forces"] = np.zeros((1, 3))
    ase.io.write(path, images, format="extxyz")
    return str(path)


def test_files_become_a_split_that_is_sound_and_scored(molecules, tmp_path, monkeypatch, capsys):
    several = write(tmp_path / "several.xyz", [c for m in molecules[:3] for c in m])
    single = write(tmp_path / "single.xyz", molecules[3], atoms=False)
    arguments = ["data", "import", several, single, "--out", str(tmp_path / "own-dft"), *UNITS]
    assert main(arguments) == 0
    assert "several: " in capsys.readouterr().out
    assert [c.name for c in verify_split(tmp_path / "own-dft") if not c.passed] == []
    monkeypatch.setenv("MFBENCH_DATA", str(tmp_path))
    split = mfbench.load_split("own-dft")
    assert not split.train
    by_name = {t.family_id: t for t in split.test}
    assert by_name["several"].heldout
    assert not by_name["single"].heldout
    run = ["evaluate", "-m", "constant", "-s", "own-dft", "--k", "0,5", "--out", str(tmp_path / "run")]
    assert main(run) == 0
    draft = str(tmp_path / "draft")
    assert (
        main(["submit", str(tmp_path / "run"), "--draft", draft, "--description", "No force field."]) == 0
    )
    assert main(["submit", draft, "--check"]) == 0
    again = ["data", "import", several, single, "--out", str(tmp_path / "again"), "--name", "own-dft"]
    assert main([*again, *UNITS]) == 0
    hashes = [
        json.loads((tmp_path / d / "manifest.json").read_text())["data_hash"] for d in ("own-dft", "again")
    ]
    assert hashes[0] == hashes[1]


def test_labels_arrive_as_they_were(molecules, tmp_path):
    arguments = ["data", "import", write(tmp_path / "m.xyz", molecules[0]), "--out", str(tmp_path / "s")]
    assert main([*arguments, *UNITS]) == 0
    (task,) = mfbench.load_split(tmp_path / "s").test
    true = {int(f"{i + 1}"): c for i, c in enumerate(molecules[0])}
    for c in task.everything:
        origin = true[int(c.config_id.rpartition("/")[2])]
        assert c.energy == pytest.approx(origin.energy, abs=1e-6)
        np.testing.assert_allclose(c.forces, origin.forces, atol=3e-4)
    assert {c.trajectory_id for c in task.support}.isdisjoint(c.trajectory_id for c in task.query)


def chain(n, correlation, rng):
    """A chain of ten atoms whose frames remember the one before: 0 is displaced one by one, 0.9 is MD."""
    places = np.arange(10)
    start = np.column_stack([1.3 * places, 0.7 * (places % 2), 0.0 * places])
    moved, found = rng.normal(size=start.shape), []
    for i in range(n):
        moved = correlation * moved + np.sqrt(1 - correlation**2) * rng.normal(size=start.shape)
        forces = rng.normal(size=start.shape)
        forces -= forces.mean(0)
        label = {"energy": 0.0, "forces": forces, "config_id": str(i)}
        found.append(Configuration(np.full(10, 6), start + 0.08 * moved, **label))
    return found


@pytest.mark.parametrize("n", [8, 20, 100])
def test_the_order_of_frames_tells_a_trajectory_from_displaced_frames(n):
    """Displaced frames pass for a trajectory as often as the level says; trajectories nearly always do."""
    rng = np.random.default_rng(n)
    rattled = [chance_of_order(chain(n, 0.0, rng)) for _ in range(60)]
    assert sum(chance < LEVEL for chance in rattled) <= 4
    assert 0.35 < np.mean(rattled) < 0.65
    moving = [chance_of_order(chain(n, 0.95 if n < 20 else 0.9, rng)) for _ in range(20)]
    assert sum(chance < LEVEL for chance in moving) >= (12 if n < 20 else 19)


@pytest.mark.parametrize("names", ["none", "one for all", "one for each"])
def test_what_frames_are_is_judged_said_and_set(names, tmp_path, capsys):
    """A name for all frames, or one for each, names no trajectory."""
    rng = np.random.default_rng(0)
    told = {"none": lambda i: "", "one for all": lambda i: "run", "one for each": lambda i: f"f{i}"}[names]
    files = {}
    for kind, correlation in (("rattled", 0.0), ("moving", 0.9)):
        frames = [replace(c, trajectory_id=told(i)) for i, c in enumerate(chain(40, correlation, rng))]
        files[kind] = write(tmp_path / f"{kind}.xyz", frames, atoms=False, trajectories=names != "none")
    command = ["data", "import", *files.values(), "--isolated-atoms", "C=-1000", *UNITS]
    assert main([*command, "--out", str(tmp_path / "judged")]) == 0
    lines = {line.split(":")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "1 molecule as independent frames" in lines["rattled"]
    assert lines["rattled"].endswith("if that is wrong, --frames trajectory")
    assert "1 molecule as a trajectory (cut into blocks)" in lines["moving"]
    assert lines["moving"].endswith("if that is wrong, --frames independent")
    tasks = {t.family_id: t for t in mfbench.load_split(tmp_path / "judged").test}
    number = lambda c: int(c.config_id.rpartition("/")[2])  # noqa: E731
    assert max(map(number, tasks["moving"].support)) < min(map(number, tasks["moving"].query))
    assert len({number(c) % 2 for c in tasks["rattled"].support}) == 1, "every second one"
    assert main([*command, "--out", str(tmp_path / "set"), "--frames", "trajectory"]) == 0
    assert "1 molecule as a trajectory (cut into blocks), as said" in capsys.readouterr().out
    task = next(t for t in mfbench.load_split(tmp_path / "set").test if t.family_id == "rattled")
    assert max(map(number, task.support)) < min(map(number, task.query))
    assert main([*command, "--out", str(tmp_path / "x"), "--frames", "md"]) == 2


def test_frames_without_trajectories_are_cut_into_blocks_that_lie_apart(molecules):
    frames = [
        Configuration(c.atomic_numbers, c.positions, c.total_charge, 0, c.energy, c.forces, str(i))
        for i, c in enumerate(molecules[0])
    ]
    found = deal("mine", Fold.TEST, frames, near_twin=0.0, seed=0, frames=FrameOrder.TRAJECTORY)
    numbers = [[int(c.config_id[-6:]) for c in pool] for pool in (found.task.support, found.task.query)]
    assert max(numbers[0]) < min(numbers[1])
    assert len({c.trajectory_id for c in found.task.support}) == 4
    assert len(found.task.draws) == 5
    assert sorted(found.task.draws[0]) == list(range(len(found.task.support)))
    with pytest.raises(DataError, match="nothing to ask about"):
        deal("mine", Fold.TEST, frames[:1], near_twin=0.1, seed=0)
    alike = [frames[0].with_label(c.energy, c.forces) for c in frames]
    alike = [Configuration(**{**vars(c), "config_id": str(i)}) for i, c in enumerate(alike)]
    with pytest.raises(DataError, match=r"within 0\.10 Å"):
        deal("mine", Fold.TEST, alike, near_twin=0.1, seed=0)


def reordered(c, order, number):
    return Configuration(
        c.atomic_numbers[order], c.positions[order], c.total_charge, 0, c.energy, c.forces[order],
        config_id=str(number), trajectory_id=f"t{number % 2}", graph_id=c.graph_id,
    )  # fmt: skip


def test_the_same_geometry_in_another_order_of_atoms_is_a_near_twin_or_refused(molecules):
    frames = molecules[0][:6]
    order = np.arange(len(frames[0]))
    numbers = frames[0].atomic_numbers
    swapped = np.lexsort((-order, numbers))  # atoms of an element from last to first
    swapped_back = np.empty_like(order)
    swapped_back[np.lexsort((order, numbers))] = swapped
    assert not np.array_equal(swapped_back, order)
    both = [x for c in frames for x in ((c, order), (c, swapped_back))]
    with pytest.raises(DataError, match=r"within 0\.02 Å"):
        deal(
            "mine", Fold.TEST, [reordered(c, o, i) for i, (c, o) in enumerate(both)], near_twin=0.02, seed=0
        )
    both = [x for c in frames for x in ((c, order), (c, order[::-1]))]
    with pytest.raises(DataError, match="frames 1 and 2 are one molecule in two orders") as refusal:
        deal(
            "mine", Fold.TEST, [reordered(c, o, i) for i, (c, o) in enumerate(both)], near_twin=0.02, seed=0
        )
    assert "\n" not in str(refusal.value)


def test_isolated_atoms_are_asked_for_or_fitted_and_never_guessed(molecules, tmp_path, capsys):
    file = write(tmp_path / "m.xyz", molecules[0], atoms=False)
    arguments = ["data", "import", file, "--out", str(tmp_path / "s"), *UNITS]
    assert main(arguments) == 2
    assert "--isolated-atoms fit" in capsys.readouterr().err
    assert not (tmp_path / "s").exists()
    assert main([*arguments, "--isolated-atoms", "H=oops"]) == 2
    assert main([*arguments, "--isolated-atoms", "fit"]) == 0
    assert (
        "fitted" in json.loads((tmp_path / "s" / "manifest.json").read_text())["recipe"]["isolated_atoms"]
    )
    assert "energies" not in [c.name for c in verify_split(tmp_path / "s") if not c.passed]


def test_atoms_that_the_file_holds_stand_and_only_the_others_are_fitted(molecules, tmp_path):
    true = mfbench.load_split("cath-mini").isolated_atom_energies
    file = write(tmp_path / "m.xyz", molecules[0], atoms=False)
    hydrogen = Atoms([1], info={"REF_energy": true[1] - 5.0})
    hydrogen.arrays["REF_forces"] = np.zeros((1, 3))
    ase.io.write(file, hydrogen, format="extxyz", append=True)
    arguments = ["data", "import", file, "--out", str(tmp_path / "s"), *UNITS]
    assert main([*arguments, "--isolated-atoms", "fit"]) == 0
    split = mfbench.load_split(tmp_path / "s")
    energies = split.isolated_atom_energies
    assert energies[1] == pytest.approx(true[1] - 5.0)
    bound = [
        (c.energy - sum(energies[int(z)] for z in c.atomic_numbers)) / len(c)
        for task in split.test
        for c in task.support
    ]
    assert np.mean(bound) == pytest.approx(-4.5, abs=0.1)


def test_a_net_force_is_taken_off_and_said_and_a_large_one_refused(molecules):
    def pulled(size):
        return [
            Configuration(
                c.atomic_numbers, c.positions, 0, 0, c.energy, c.forces + size / len(c), config_id=str(i)
            )
            for i, c in enumerate(molecules[0])
        ]

    found = deal("mine", Fold.TEST, pulled(0.02), near_twin=0.0, seed=0)
    assert found.net_force == pytest.approx(0.02, abs=3e-3)
    assert np.abs(found.task.support[0].forces.sum(axis=0)).max() < 1e-9
    with pytest.raises(DataError, match="field"):
        deal("mine", Fold.TEST, pulled(0.5), near_twin=0.0, seed=0)


def test_ridge_has_parts_to_validate_on_where_all_frames_bear_one_name():
    def support(names):
        water = np.array([8, 1, 1]), np.eye(3)
        return [
            Configuration(*water, energy=0.0, forces=np.zeros((3, 3)), config_id=f"{i:02d}", **name)
            for i, name in enumerate(names)
        ]

    def groups(names):
        frames = support(names)
        zeros = [np.zeros((3, 3))] * len(frames)
        design = Design.of(frames, np.zeros((len(frames), 2)), np.zeros(len(frames)), [], zeros, settings)
        return design.groups.tolist()

    settings = RidgeSettings(folds_by="fragment", folds=5)
    one = {"fragment_id": "a", "trajectory_id": "t"}
    assert groups([one] * 10) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert groups([one, {**one, "trajectory_id": "u"}] * 2) == [0, 1, 0, 1]
    assert groups([one, {**one, "fragment_id": "b"}] * 2) == [0, 1, 0, 1]
    assert groups([one]) == [0]


def test_a_start_of_another_level_stands_on_the_atoms_of_the_split(molecules, tmp_path):
    """Own energies lie thousands of eV away from those that a checkpoint was trained on."""
    from mfbench.learned.adaptation.initial_model import baseline_of
    from mfbench.learned.checkpoint import embedded_checkpoint, load_checkpoint

    file = write(tmp_path / "m.xyz", molecules[0], atoms=False)
    there = mfbench.load_split("cath-mini")
    said = ",".join(
        f"{s}={there.isolated_atom_energies[z] - 100 * z}"
        for s, z in zip("HCNO", (1, 6, 7, 8), strict=True)
    )
    assert (
        main(["data", "import", file, "--out", str(tmp_path / "s"), *UNITS, "--isolated-atoms", said]) == 0
    )
    checkpoint = load_checkpoint(embedded_checkpoint("cath-mini", "mace", "pretrain"))
    before = baseline_of(checkpoint, there).energies(molecules[0])
    after = baseline_of(checkpoint, mfbench.load_split(tmp_path / "s")).energies(molecules[0])
    np.testing.assert_allclose(after, before - [100 * int(c.atomic_numbers.sum()) for c in molecules[0]])
