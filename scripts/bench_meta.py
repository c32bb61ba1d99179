"""Time and memory of one MAML gradient on MACE: ours against torchopt and higher, on the same model.

    pip install torchopt==0.7.3 higher==0.2.1
    OMP_NUM_THREADS=1 python scripts/bench_meta.py --json bench.json

Every implementation computes the same gradient (checked). Rounds are interleaved, the median counts; time
is CPU time of one thread, memory the growth of a forked process's peak resident size.

    speedup_vs_best_peer   time of the fastest peer / ours, n = 5
    memory_vs_best_peer    memory of ours / the leanest peer, n = 5
    memory_n20_over_n1     ours, 20 inner steps against 1
    maml_over_fomaml       time of ours, n = 5
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from pathlib import Path

import numpy as np
import torch

import mfbench
from mfbench.baseline import fit_baseline
from mfbench.learned.mace_state import to_mace_state
from mfbench.learned.mace_weights import MaceConfig, initial_weights
from mfbench_torch.checkpoint import tensors
from mfbench_torch.data import Dataset
from mfbench_torch.meta.objective import LossWeights, batch_loss
from mfbench_torch.meta.outer import fomaml_gradient, maml_gradient
from mfbench_torch.meta.steps import losses
from mfbench_torch.models.network import build

RATE = 1e-3
WEIGHTS = LossWeights()


class Episode:
    """One family of cath-mini: K support configurations, as many queries; float32, random weights."""

    def __init__(self, channels: int, k: int) -> None:
        split = mfbench.load_split("cath-mini")
        task = split.train[0]
        elements = sorted({int(z) for t in split.tasks for c in t.support for z in c.atomic_numbers})
        self.config = MaceConfig(elements=tuple(elements), channels=channels)
        baseline = fit_baseline(split.train_configurations, split.isolated_atom_energies)
        support = Dataset(task.support[:k], self.config, baseline, corrected=False)
        query = Dataset(task.query[:k], self.config, baseline, corrected=False)
        self.support, self.query = support.batch(np.arange(k)), query.batch(np.arange(k))
        self.params = tensors({k: 0.3 * v for k, v in initial_weights(self.config, 0).items()})
        self.ones = {k: torch.ones_like(v) for k, v in self.params.items()}
        self.loss, _ = losses(self.config, WEIGHTS)

    def mace(self) -> torch.nn.Module:
        """A fresh model, because peers change the one that they are given; building it is not timed."""
        model = build(self.config, torch.float32)
        state = to_mace_state({k: v.numpy() for k, v in self.params.items()}, self.config)
        model.load_state_dict({k: torch.as_tensor(v) for k, v in state.items()}, strict=False)
        return model

    def mace_loss(self, model, batch) -> torch.Tensor:
        """The same loss through mace's own forward pass."""
        return batch_loss({}, lambda _, graph: _forward(model, graph), *batch, WEIGHTS)


def _forward(model, graph):
    zero = torch.zeros(graph.edges.shape[1], 3)
    counts = torch.bincount(graph.configuration)
    data = {
        "positions": graph.positions.detach().clone(),
        "node_attrs": graph.elements,
        "edge_index": graph.edges,
        "shifts": zero,
        "unit_shifts": zero,
        "cell": torch.zeros(3, 3),
        "batch": graph.configuration,
        "ptr": torch.cat([counts.new_zeros(1), counts.cumsum(0)]),
    }
    out = model(data, training=True)
    return out["interaction_energy"], out["forces"]


def ours(episode: Episode, n: int, model=None, outer=maml_gradient):
    _, gradient = outer(
        episode.params, episode.loss, episode.loss, [episode.support] * n, episode.query, RATE, episode.ones
    )
    return torch.cat([gradient[k].reshape(-1) for k in episode.params])


def fomaml(episode: Episode, n: int, model=None):
    return ours(episode, n, outer=fomaml_gradient)


def with_higher(episode: Episode, n: int, model):
    import higher

    with higher.innerloop_ctx(
        model, torch.optim.SGD(model.parameters(), lr=RATE), copy_initial_weights=False
    ) as (fast, optimizer):
        for _ in range(n):
            optimizer.step(episode.mace_loss(fast, episode.support))
        episode.mace_loss(fast, episode.query).backward()
    return _gradients(episode, dict(model.named_parameters()))


def with_torchopt(episode: Episode, n: int, model):
    import torchopt

    start = dict(model.named_parameters())
    optimizer = torchopt.MetaSGD(model, lr=RATE)
    for _ in range(n):
        optimizer.step(episode.mace_loss(model, episode.support))
    episode.mace_loss(model, episode.query).backward()
    return _gradients(episode, start)


def _gradients(episode: Episode, parameters):
    return torch.cat([parameters[k].grad.reshape(-1) for k in episode.params])


def seconds(function, *arguments) -> float:
    """Of CPU; the first of ``arguments`` is the episode."""
    arguments = (*arguments, arguments[0].mace())
    began = time.process_time()
    function(*arguments)
    return time.process_time() - began


def memory(function, *arguments) -> int:
    """Bytes by which the peak resident size grows, in a process of its own."""
    context = multiprocessing.get_context("fork")
    answer = context.SimpleQueue()
    process = context.Process(target=_growth, args=(answer, function, (*arguments, arguments[0].mace())))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{function.__name__} failed")
    return answer.get()


def _growth(answer, function, arguments) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    function(*arguments)
    answer.put((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--k", type=int, default=8)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    episode, n = Episode(arguments.channels, arguments.k), arguments.steps
    peers = {"higher": with_higher, "torchopt": with_torchopt}
    variants = {"ours": ours, "fomaml": fomaml, **peers}
    memories = {name: memory(f, episode, n) for name, f in variants.items()}
    memories |= {f"ours_n{steps}": memory(ours, episode, steps) for steps in (1, 20)}
    reference = ours(episode, n)
    for name, peer in peers.items():
        error = ((peer(episode, n, episode.mace()) - reference).norm() / reference.norm()).item()
        if error > 1e-3:
            raise SystemExit(f"{name} computes another gradient: {error:.1e} relative")
    times = {name: [] for name in variants}
    for _ in range(arguments.rounds):
        for name, function in variants.items():
            times[name].append(seconds(function, episode, n))
    median = {name: float(np.median(values)) for name, values in times.items()}
    report = {
        "speedup_vs_best_peer": min(median[p] for p in peers) / median["ours"],
        "memory_vs_best_peer": memories["ours"] / min(memories[p] for p in peers),
        "memory_n20_over_n1": memories["ours_n20"] / memories["ours_n1"],
        "maml_over_fomaml": median["ours"] / median["fomaml"],
        "seconds": median,
        "memory_bytes": memories,
        "settings": {k: v for k, v in vars(arguments).items() if k != "json"},
    }
    print(json.dumps(report, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
