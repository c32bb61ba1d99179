"""Active learning asks where it is unsure, labels nothing twice, and goes on after a kill."""

import json

import numpy as np
import pytest

from mfbench.data.configuration import Configuration
from mfbench.data.farthest_points import farthest_points
from mfbench.errors import ProtocolError, UnknownNameError, WorkError
from mfbench.learned.architectures.mace import MaceConfig
from mfbench.own.active import (
    ActiveSettings,
    ExploreSettings,
    read_finished,
    request_of,
    run_active,
    run_explore,
    write_rounds,
)
from mfbench.own.active.select import select
from mfbench.own.starts import Start
from mfbench.protocol.energy_baseline import EnergyBaseline
from mfbench.work.journal import open_journal

CENTRES = np.linspace(0.8, 4.0, 9)


def basis(positions):
    """Gaussians of all distances summed over pairs [9], and their derivatives [9, n, 3]."""
    i, j = np.triu_indices(len(positions), k=1)
    apart = positions[i] - positions[j]
    r = np.linalg.norm(apart, axis=1)
    values = np.exp(-(((r[:, None] - CENTRES) / 0.5) ** 2))
    slopes = values * -2 * (r[:, None] - CENTRES) / 0.25
    pulls = slopes[..., None] * (apart / r[:, None])[:, None]
    gradient = np.zeros((len(CENTRES), *positions.shape))
    for k in range(len(CENTRES)):
        np.add.at(gradient[k], i, pulls[:, k])
        np.add.at(gradient[k], j, -pulls[:, k])
    return values.sum(axis=0), gradient


class LinearEngine:
    """A network of one linear layer, trained by solving: enough for the loop, in microseconds."""

    def sized_for(self, configurations, config):
        return self

    def init(self, config, seed):
        return {"w": np.zeros(len(CENTRES))}

    arrays = numpy = staticmethod(dict)

    def predict(self, params, config, configurations, head=None):
        made = [basis(c.positions) for c in configurations]
        energies = np.array([v @ params["w"] for v, _ in made])
        return energies, [-np.tensordot(params["w"], g, 1) for _, g in made]

    def design(self, params, config, configurations, count):
        made = [basis(c.positions) for c in configurations]
        return np.array([v for v, _ in made]), [-g.reshape(len(CENTRES), -1).T for _, g in made[:count]]

    def dataset(self, support, config, baseline, *, scale=1.0):
        return support

    def compile_seconds(self):
        return 0.0

    def start(self, params, settings):
        return None

    def descend(self, params, state, precondition, dataset, indices, config, settings, rates):
        rows = [dataset[i] for i in np.unique(indices)[: max(len(dataset) * 2 // 3, 1)]]
        rows = [
            dataset[i]
            for i in np.random.default_rng(int(indices.sum())).permutation(len(dataset))[: len(rows)]
        ]
        design = np.concatenate([-basis(c.positions)[1].reshape(len(CENTRES), -1).T for c in rows])
        forces = np.concatenate([c.forces.ravel() for c in rows])
        w = np.linalg.solve(design.T @ design + 1e-6 * np.eye(len(CENTRES)), design.T @ forces)
        return {"w": w}, None


TRUE = np.sin(np.arange(len(CENTRES)))
START = Start("scratch", MaceConfig(elements=(6,)), None, EnergyBaseline({}))


@pytest.fixture
def pool():
    """Sixty squashed and stretched tetrahedra; the last six far from the others."""
    rng = np.random.default_rng(0)
    shape = np.array([[0, 0, 0], [1.4, 0, 0], [0, 1.4, 0], [0, 0, 1.4]])
    sizes = [1.0] * 54 + [1.9] * 6
    return [
        Configuration(np.full(4, 6), s * shape + rng.normal(scale=0.08, size=(4, 3)), config_id=str(i))
        for i, s in enumerate(sizes)
    ]


LENGTHS = np.linspace(0.7, 4.2, 200)
BOUND = np.linalg.lstsq(
    np.exp(-(((LENGTHS[:, None] - CENTRES) / 0.5) ** 2)), 5 * (LENGTHS - 1.5) ** 2, rcond=1e-8
)[0]
"""Springs between all atoms, which hold a molecule together."""


class Oracle:
    def __init__(self, stop_after=None, fails=(), true=TRUE):
        self.asked, self.stop_after, self.fails, self.true = [], stop_after, fails, true

    def __call__(self, configurations):
        for c in configurations:
            if self.stop_after is not None and len(self.asked) >= self.stop_after:
                raise KeyboardInterrupt
            self.asked.append(c.config_id)
            value, gradient = basis(c.positions)
            failed = c.config_id in self.fails
            label = value @ self.true, -np.tensordot(self.true, gradient, 1), ""
            yield (None, None, "no SCF") if failed else label


def run(pool, folder, oracle, *, resume=False, **settings):
    chosen = ActiveSettings(**({"budget": 16, "batch": 4, "steps": 8} | settings))
    with open_journal(
        folder, request_of(pool, "scratch", "toy", chosen), resume=resume, suffix=".json"
    ) as journal:
        return run_active(pool, oracle, START, LinearEngine(), chosen, journal)


def test_it_asks_where_it_has_not_been(pool, tmp_path):
    found = run(pool, tmp_path / "a", Oracle())
    assert len(found.labelled) == 16
    assert found.reason == "budget"
    asked = [i for r in found.rounds for i in r.asked]
    assert len(set(asked)) == 16
    assert set(asked) & set(range(54, 60)), "the strange ones are found"
    assert found.rounds[0].force_rmse is None
    assert all(r.force_rmse is not None for r in found.rounds[1:])
    by_chance = run(pool, tmp_path / "b", Oracle(), strategy="random")
    assert worst_error(found, pool) < worst_error(by_chance, pool)


def worst_error(result, pool):
    """Largest force error over the pool."""
    _, forces = result.members[0].predict(LinearEngine(), pool)
    return max(
        np.abs(f + np.tensordot(TRUE, basis(c.positions)[1], 1)).max()
        for f, c in zip(forces, pool, strict=True)
    )


def test_a_killed_loop_ends_as_an_uninterrupted_one_and_labels_nothing_twice(pool, tmp_path):
    whole = run(pool, tmp_path / "whole", Oracle())
    first, second = Oracle(stop_after=7), Oracle()
    with pytest.raises(KeyboardInterrupt):
        run(pool, tmp_path / "parts", first)
    parts = run(pool, tmp_path / "parts", second, resume=True)
    assert [r.asked for r in parts.rounds] == [r.asked for r in whole.rounds]
    assert not set(first.asked) & set(second.asked)
    assert len(first.asked) + len(second.asked) == 16
    np.testing.assert_allclose(parts.members[0].params["w"], whole.members[0].params["w"])


def test_a_journal_is_of_one_pool_and_one_request(pool, tmp_path):
    run(pool, tmp_path / "a", Oracle())
    with pytest.raises(WorkError):
        run(pool, tmp_path / "a", Oracle(), resume=True, batch=5)
    with pytest.raises(WorkError):
        run(pool[:-1], tmp_path / "a", Oracle(), resume=True)


def test_a_finished_loop_is_told_by_its_record_and_is_of_one_request(pool, tmp_path):
    """Its journal is gone by then."""
    result = run(pool, tmp_path / "a", Oracle())
    request = request_of(pool, "scratch", "toy", ActiveSettings(budget=16, batch=4, steps=8))
    assert read_finished(tmp_path, request, resume=False) is None
    write_rounds(result, request, tmp_path)
    record = read_finished(tmp_path, request, resume=True)
    assert (record["labels"], record["reason"], record["failures"]) == (16, "budget", {})
    with pytest.raises(WorkError, match="choose another folder"):
        read_finished(tmp_path, request, resume=False)
    with pytest.raises(WorkError, match="its level is 'toy', not 'other'"):
        read_finished(tmp_path, request | {"level": "other"}, resume=True)
    (tmp_path / "active.json").write_text('{"rounds": []}')
    with pytest.raises(WorkError, match="earlier version"):
        read_finished(tmp_path, request, resume=True)


def test_what_cannot_be_labelled_is_said_and_not_asked_again(pool, tmp_path):
    oracle = Oracle(fails={str(i) for i in range(0, 60, 2)})
    found = run(pool, tmp_path / "a", oracle)
    assert found.failures
    assert set(found.failures.values()) == {"no SCF"}
    assert len(oracle.asked) == len(set(oracle.asked)) == 16
    assert len(found.labelled) + len(found.failures) == 16
    assert json.loads((tmp_path / "a" / "round-0000.json").read_text())["asked"]


def test_it_stops_when_it_is_sure(pool, tmp_path):
    found = run(pool, tmp_path / "a", Oracle(), budget=60, threshold=1e-2)
    assert found.reason == "threshold"
    assert len(found.labelled) < 60


def test_farthest_points_cover_and_random_repeats_itself():
    line = np.arange(11.0)[:, None]
    assert farthest_points(line, [0], 2) == [10, 5]
    rows = list(range(11))
    once, again = (select("random", line, rows, [], None, 4, 3) for _ in range(2))
    assert once == again
    with pytest.raises(UnknownNameError, match="uncertainty, farthest, random"):
        select("best", line, rows, [], None, 4, 3)
    with pytest.raises(ProtocolError):
        ActiveSettings(budget=1)


@pytest.fixture
def cage():
    """A tetrahedron of carbon, twice: at rest and squeezed."""
    shape = np.array([[0, 0, 0], [1.5, 0, 0], [0.75, 1.3, 0], [0.75, 0.43, 1.22]])
    return [Configuration(np.full(4, 6), s * shape) for s in (1.0, 0.95)]


def explore(structures, folder, oracle, *, resume=False, **settings):
    chosen = ExploreSettings(**({"budget": 12, "threshold": 0.05, "ps": 0.1, "steps": 4} | settings))
    with open_journal(
        folder, request_of(structures, "scratch", "toy", chosen), resume=resume, suffix=".json"
    ) as journal:
        return run_explore(structures, oracle, START, LinearEngine(), chosen, journal)


def test_dynamics_finds_what_to_label_until_it_is_sure(cage, tmp_path):
    found = explore(cage, tmp_path / "a", Oracle(true=BOUND))
    assert found.reason == "sure"
    assert 2 < len(found.labelled) < 12
    assert found.rounds[0].stopped_ps, "two labels do not make it sure"
    assert found.rounds[-1].whole == 2
    assert found.rounds[-1].stopped_ps == ()
    assert found.rounds[0].force_rmse > 0.05
    for c in found.labelled[2:]:
        moved = min(np.abs(c.positions - given.positions).max() for given in cage)
        assert moved > 1e-3, "what is asked for is not what was given"
        gradient = basis(c.positions)[1]
        np.testing.assert_allclose(c.forces, -np.tensordot(BOUND, gradient, 1))
        for member in found.members:
            left = c.forces + np.tensordot(member.params["w"], gradient, 1)
            assert np.abs(left).max() < 0.05, "what it was unsure of it has learned"


def test_a_budget_ends_an_expedition(cage, tmp_path):
    oracle = Oracle()
    found = explore(cage, tmp_path / "a", oracle, budget=3, threshold=1e-9)
    assert found.reason == "budget"
    assert len(oracle.asked) == len(found.labelled) == 3
    assert len(found.rounds[0].stopped_ps) == 2  # both stopped, one was labelled


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_killed_expedition_labels_nothing_twice_and_ends_the_same(cage, tmp_path, after):
    whole = explore(cage, tmp_path / "whole", Oracle(), budget=6, threshold=1e-9)
    first, second = Oracle(stop_after=after), Oracle()
    with pytest.raises(KeyboardInterrupt):
        explore(cage, tmp_path / "parts", first, budget=6, threshold=1e-9)
    parts = explore(cage, tmp_path / "parts", second, resume=True, budget=6, threshold=1e-9)
    assert len(first.asked) + len(second.asked) == 6
    assert not set(first.asked) & set(second.asked)
    for a, b in zip(parts.labelled, whole.labelled, strict=True):
        np.testing.assert_array_equal(a.positions, b.positions)
    np.testing.assert_allclose(parts.members[0].params["w"], whole.members[0].params["w"])


def test_an_expedition_needs_a_threshold_and_a_label(cage, tmp_path):
    with pytest.raises(ProtocolError, match="--threshold"):
        ExploreSettings(budget=5, threshold=0.0)
    with pytest.raises(ProtocolError, match="not one structure could be labelled"):
        explore(cage, tmp_path / "a", Oracle(fails={"0", "1"}))
