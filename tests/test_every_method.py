"""Every method on MACE, and every architecture with MAML and pre-training, learns in both backends.

A few steps on a corner of cath-mini: the smallest fragments of three families.
"""

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("torch")

import mfbench  # noqa: E402
from mfbench.learned.checkpoint import load_checkpoint  # noqa: E402
from mfbench.method import Budget, MethodContext, load_method, load_trainer  # noqa: E402

SIZES = {"mace": "channels", "nequip": "channels", "allegro": "channels"}
SMALL = {
    "joint_gradients": 160, "withheld": 0, "joint_batch": 4, "joint_rate": 3e-2, "size_classes": 1,
    "rate": 1e-3, "tasks": 2, "k": 8, "inner_steps": 2, "inner_batch": 4, "inner_rate": 1e-3, "query": 6,
}  # fmt: skip
STEPS = 4
METHODS = ("pretrain", "maml", "fomaml", "reptile", "maml++", "anil")
PAIRS = [
    *(("mace", method) for method in METHODS),
    *((arch, method) for arch in ("nequip", "allegro") for method in ("pretrain", "maml")),
]


@pytest.fixture(scope="module", autouse=True)
def _short_compilations():
    """Short compilations matter more here than fast code."""
    before = jax.config.jax_disable_most_optimizations
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


def corner(task):
    """The two smallest fragments of a family: 16 labels to learn from, a few queries of each."""
    sizes = {c.fragment_id: len(c) for c in task.support}
    chosen = sorted(sizes, key=lambda name: (sizes[name], name))[:2]
    support = [c for name in chosen for c in [x for x in task.support if x.fragment_id == name][:8]]
    query = [c for name in chosen for c in [x for x in task.query if x.fragment_id == name][:4]]
    draws = np.random.default_rng(0).permutation(16)[None]
    return replace(task, support=tuple(support), query=tuple(query), heldout=(), larger=(), draws=draws)


@pytest.fixture(scope="module")
def mini():
    """Two families to train on, one to validate on and one to test on."""
    split = mfbench.load_split("cath-mini")
    tasks = (*split.train[:2], split.validation[0], split.test[0])
    return replace(split, tasks=tuple(corner(task) for task in tasks))


@pytest.fixture(scope="module", params=["jax", "torch"])
def backend(request):
    return request.param


@pytest.fixture(scope="module")
def trained(mini, backend, tmp_path_factory):
    """(arch, method) → checkpoint file; the joint phase of an architecture is shared by its methods."""
    joint = {}
    folder = tmp_path_factory.mktemp(backend)

    def run(arch, method, options, init=None):
        out = folder / f"{arch}-{method}"
        train = load_trainer(backend)
        train(mini, method, arch, 0, {**SMALL, **options}, out, init=init, stop_after=STEPS_OF[method],
              tick=lambda *_: None)  # fmt: skip
        return out / f"{arch}-{method}.safetensors"

    def get(arch, method):
        if arch not in joint:
            joint[arch] = run(arch, "joint", {"gradients": SMALL["joint_gradients"]})
        if method == "joint":
            return joint[arch]
        return run(arch, method, {"gradients": 10_000}, joint[arch])

    return get


STEPS_OF = {"joint": None, **dict.fromkeys(METHODS, STEPS)}


def validation_errors(phase):
    return [point["force_rmse"] for point in phase["validation"]]


@pytest.mark.parametrize(("arch", "method"), PAIRS)
def test_a_few_steps_lower_the_validation_error_and_both_backends_read_the_checkpoint(
    mini, trained, arch, method
):
    path = trained(arch, method)
    card = load_checkpoint(path).card
    joint, own = card["phases"]
    first, *_, last = validation_errors(joint)
    assert last < 0.9 * first
    assert own["done"] == STEPS
    assert np.all(np.isfinite(own["losses"]))

    task = mini.test[0]
    support, query = [task.support[i] for i in task.draws[0, :8]], [c.blind() for c in task.query]
    found = []
    for backend in ("jax", "torch"):
        context = MethodContext(mini, arch=arch, checkpoint=str(path))
        adapted = load_method(method, context, backend=backend).adapt(support, budget=Budget(3, 8), seed=0)
        assert 0 < adapted.usage.gradient_evaluations <= 24
        predictions = adapted.predict(query)
        found.append(
            (np.array([p.energy for p in predictions]), np.concatenate([p.forces for p in predictions]))
        )
    (energy, forces), (energy_again, forces_again) = found
    np.testing.assert_allclose(energy - energy.mean(), energy_again - energy.mean(), atol=2e-3)
    np.testing.assert_allclose(forces, forces_again, atol=2e-3)
