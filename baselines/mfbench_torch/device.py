"""Where computations run: on the GPU if there is one (``CUDA_VISIBLE_DEVICES=`` hides it), else on the CPU.

Checkpoints and what is written stay on the CPU; weights and batches move where adapting or training starts.
"""

from __future__ import annotations

import os

import torch

__all__ = ["device", "on_device"]


def device() -> torch.device:
    """One device a process; processes that torchrun started on one machine take one GPU each."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))


def on_device(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors by name, on this process's device."""
    return {name: value.to(device()) for name, value in tensors.items()}
