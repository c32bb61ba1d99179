"""Meta-training shared by the processes that torchrun starts, on one machine or several.

    torchrun --nproc-per-node 2 -m mfbench train --backend torch -m maml ...

Every process computes its part of a step's tasks; the mean over all tasks is the same everywhere, so all
processes hold the same weights and take the same steps. Joint training and validation are not shared: every
process does them. Only the first one's run folder counts.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from mfbench_torch.device import device

__all__ = ["folder_of_process", "from_first", "join", "mean_over_processes", "rank", "share"]

Params = dict[str, torch.Tensor]


def join() -> None:
    """Wait for the other processes; nothing if there are none."""
    if int(os.environ.get("WORLD_SIZE", 1)) > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if device().type == "cuda" else "gloo")


def rank() -> int:
    """This process's number."""
    return dist.get_rank() if dist.is_initialized() else 0


def folder_of_process(folder: Path) -> Path:
    """``folder`` for the first process; the others write into temporary ones."""
    if rank() == 0:
        return folder
    temporary = tempfile.mkdtemp(prefix="mfbench-")
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return Path(temporary)


def share(items: list[Any]) -> list[Any]:
    """This process's part."""
    return items[rank() :: dist.get_world_size()] if dist.is_initialized() else items


def from_first(state: Any) -> Any:
    """What the first process holds (tensors on the CPU come back on the CPU)."""
    if not dist.is_initialized():
        return state
    box = [state]
    dist.broadcast_object_list(box, device=device())
    return box[0]


def mean_over_processes(
    values: list[torch.Tensor], gradients: list[Params], like: Params
) -> tuple[torch.Tensor, Params]:
    """Mean of the losses and of the gradients of all processes, which may hold none.

    Args:
        values, gradients: of this process's tasks.
        like: names, shapes and device of a gradient.
    """
    total = {name: sum((g[name] for g in gradients), torch.zeros_like(v)) for name, v in like.items()}
    if not dist.is_initialized():
        loss = sum(values[1:], values[0]) / len(values)
        return loss, {name: g / len(gradients) for name, g in total.items()}
    weight = next(iter(like.values()))
    ends = [sum(values, weight.new_zeros(())), weight.new_tensor(float(len(values)))]
    flat = torch.cat([*(g.reshape(-1) for g in total.values()), torch.stack(ends)])
    dist.all_reduce(flat)
    *parts, value, count = flat.split([*(g.numel() for g in total.values()), 1, 1])
    mean = {k: (p / count).view(g.shape) for p, (k, g) in zip(parts, total.items(), strict=True)}
    return (value / count)[0], mean
