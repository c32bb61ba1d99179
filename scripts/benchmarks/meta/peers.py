"""The same outer gradient by libraries that unroll the inner loop, on mace-torch's own model."""

from __future__ import annotations

from importlib.util import find_spec

import torch

from benchmarks.meta.episode import RATE, Episode


def with_higher(episode: Episode, n: int, model) -> torch.Tensor:
    """higher 0.2.1."""
    import higher

    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    with higher.innerloop_ctx(model, optimizer, copy_initial_weights=False) as (fast, steps):
        for _ in range(n):
            steps.step(episode.mace_loss(fast, episode.support))
        episode.mace_loss(fast, episode.query).backward()
    return _gradients(episode, dict(model.named_parameters()))


def with_torchopt(episode: Episode, n: int, model) -> torch.Tensor:
    """torchopt 0.7.3."""
    import torchopt

    start = dict(model.named_parameters())
    optimizer = torchopt.MetaSGD(model, lr=RATE)
    for _ in range(n):
        optimizer.step(episode.mace_loss(model, episode.support))
    episode.mace_loss(model, episode.query).backward()
    return _gradients(episode, start)


def _gradients(episode: Episode, parameters) -> torch.Tensor:
    return torch.cat([parameters[name].grad.reshape(-1) for name in episode.params])


PEERS = {"higher": with_higher, "torchopt": with_torchopt}


def missing_peers() -> list[str]:
    """Peers that are not installed; the extra ``bench`` brings them."""
    return [name for name in PEERS if find_spec(name) is None]
