"""Numbers that no change of the code may move: data, random streams, episodes, predictions, first losses.

They were taken before the packages were rearranged. JAX's first losses are pinned by the cards of the
checkpoints that ship (tests/jax/test_training.py), adaptation in JAX by its parity with PyTorch.
"""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest

import mfbench
from mfbench.data.manifest import read_manifest
from mfbench.learned.training.sampling_order import adaptation_batches, joint_batch, meta_batch
from mfbench.learned.training.settings import TrainSettings
from mfbench.protocol.loading import load_method
from mfbench.protocol.run_episode import episode_seed, run_episode
from mfbench.results.score_run import episode_scores

ROOT = Path(mfbench.__file__).parents[1]
DATA = {
    "mfbench/embedded/data/cath-mini": "40a2e6a1fa186199d8d00c0f1db37d6938dc6de7536e96c137d937eed354829b",
    "mfbench/embedded/data/chemistry-mini": (
        "99b645dbf028007882214720370baa570aefe401f50b2caf80379c6441b4ceff"
    ),
    "mfbench/embedded/data/cluster30-mini": (
        "dc5450e4b2eee460f63edad7572b1f48dccad746e1007e5bfd43f69e42877a78"
    ),
    "tasks/data/cath": "839513b6c91d20c75d56ad3f81fda20e3f75ccfba41e9d9bfd97e82eee60ddf9",
    "tasks/data/chemistry": "6472532d71da0e5692002075aa2c03e25c9e48bb353086a5e5bc70646018cfd9",
    "tasks/data/cluster30": "0e9d64af825885d3d069e7530b8eb41d0b985af7fd47ff371dfd315032d2a35a",
    "tasks/data/reaction": "697f149dc4fdcc519c8147fcb82162daa99a24825cba9fb7961b2cbe97614641",
    "tasks/data/shuffled": "fbd80b1ee2bfbfc772db3f7661ea980b25d63a1011f0e76d01b74e4fbe5526e8",
}
EPISODES = {
    ("cath-mini", 0, 5, 0): "2f75c4162ded6804",
    ("cath-mini", 1, 10, 1): "b54e4dde0bc2f795",
    ("chemistry-mini", 0, 10, 0): "a805876027b1f913",
}
"""(split, place of the test family, K, draw) → digest of the names of support and query."""
ERRORS = {
    ("cath-mini", 0, 5, 0): {
        ("torch", "offset"): (1.0185639288403112, 1.7146173451635027),
        ("torch", "pretrain"): (1.0208641999594747, 1.688842617886439),
        ("jax", "offset"): (1.0185639288403112, 1.7146173451635027),
    },
    ("cath-mini", 1, 10, 1): {
        ("torch", "offset"): (1.755055122726767, 2.965205143519856),
        ("torch", "pretrain"): (1.4624169567750307, 2.932570852551716),
    },
    ("chemistry-mini", 0, 10, 0): {
        ("torch", "offset"): (16.299992002425473, 6.47481386256447),
        ("torch", "pretrain"): (15.504726547279223, 4.915432241840784),
    },
}
"""Errors of five steps on five query configurations: energy (kcal/mol), forces (kcal/mol/Å)."""
FIRST_LOSSES = (51.8323974609375, 31.153736114501953, 27.38690948486328)


def digest(*arrays) -> str:
    data = b"".join(np.ascontiguousarray(a, np.int64).tobytes() for a in arrays)
    return hashlib.sha256(data).hexdigest()[:16]


@pytest.mark.parametrize("folder", DATA)
def test_the_data_of_every_split_are_those_that_results_name(folder):
    assert read_manifest(ROOT / folder).data_hash == DATA[folder]


def test_random_streams_give_the_same_draws_as_ever():
    from mfbench_tasks.seeds import stream

    drawn = stream(7, "cath", "a", 3).integers(2**31, size=4).tolist()
    assert drawn == [1365588029, 1676086028, 427008202, 2042568675]
    assert episode_seed(0, "a", 5, 1) == 315470644
    classes = np.arange(50) % 3
    assert digest(*[joint_batch(classes, 4, 11, step) for step in range(30)]) == "13be4adb1a9fa2b2"
    assert digest(adaptation_batches(10, 20, 4, 5)) == "0a7f9f86fa97cfb6"
    shape = {"tasks": 4, "k": 16, "inner_steps": 3, "inner_batch": 8, "query": 8}
    drawn = [e for step in range(3) for e in meta_batch([(20, 12)] * 5, **shape, seed=3, step=step)]
    parts = [x for e in drawn for x in ([e.task], e.support, e.batches, e.query)]
    assert digest(*parts) == "361847a99251e85d"


@pytest.mark.parametrize("key", EPISODES)
def test_an_episode_has_the_same_support_and_query_as_ever(key):
    name, place, k, draw = key
    split = mfbench.load_split(name)
    episode = mfbench.draw_episode(split, split.test[place], k, draw)
    names = "\n".join(c.config_id for c in (*episode.support, *episode.query))
    assert hashlib.sha256(names.encode()).hexdigest()[:16] == EPISODES[key]


@pytest.mark.parametrize(
    ("key", "backend", "method"), [(key, *who) for key, rows in ERRORS.items() for who in rows]
)
def test_a_shipped_network_makes_the_same_errors_as_ever(key, backend, method):
    pytest.importorskip(backend)
    name, place, k, draw = key
    split = mfbench.load_split(name)
    task = split.test[place]
    few = dataclasses.replace(task, query=task.query[:3], heldout=task.heldout[:2], larger=())
    episode = mfbench.draw_episode(split, few, k, draw)
    made = load_method(method, mfbench.MethodContext(split), backend=backend)
    scores = episode_scores(episode, run_episode(made, episode, budget=mfbench.Budget(steps=5), seed=0))
    found = scores["all"]["energy_rmse"], scores["all"]["force_rmse"]
    assert found == pytest.approx(ERRORS[key][backend, method], rel=1e-4)


def test_training_starts_with_the_same_losses_as_ever(tmp_path):
    pytest.importorskip("torch")
    from mfbench_torch.train import train

    small = {"joint_gradients": 40, "gradients": 400, "withheld": 1, "joint_batch": 4}
    # The settings that were the default when the numbers were taken.
    former = {"loss": "squared", "joint_rate": 1e-2, "energy_weight": 1.0}
    settings = TrainSettings("joint", **small, **former)
    made = train(mfbench.load_split("cath-mini"), settings, tmp_path, stop_after=3)
    assert made.card["phases"][0]["losses"] == pytest.approx(FIRST_LOSSES, rel=1e-4)
