"""Time and memory of a function: of one CPU thread, or of the GPU where there is one."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable

import numpy as np
import torch

from mfbench_torch.device import device


def seconds(function: Callable[[], object]) -> float:
    """Of CPU; on a GPU wall time, with both ends synchronised."""
    gpu = device().type == "cuda"
    clock = time.perf_counter if gpu else time.process_time
    if gpu:
        torch.cuda.synchronize()
    began = clock()
    function()
    if gpu:
        torch.cuda.synchronize()
    return clock() - began


def medians(makers: dict[str, Callable[[], Callable[[], object]]], rounds: int) -> dict[str, float]:
    """Seconds by name; rounds are interleaved, after one that warms up.

    ``makers`` prepare a call outside the clock.
    """
    times: dict[str, list[float]] = {name: [] for name in makers}
    for number in range(rounds + 1):
        for name, make in makers.items():
            spent = seconds(make())
            if number:
                times[name].append(spent)
    return {name: float(np.median(values)) for name, values in times.items()}


def memory(function: Callable[[], object], warm: Callable[[], object]) -> int:
    """Bytes by which the peak resident size grows, in a forked process; on a GPU, peak bytes allocated.

    ``warm``, on a small problem, comes before: libraries that are loaded at first use are not counted.
    """
    if device().type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        warm()
        before = torch.cuda.memory_allocated()
        function()
        return torch.cuda.max_memory_allocated() - before
    context = multiprocessing.get_context("fork")
    answer = context.SimpleQueue()
    process = context.Process(target=_growth, args=(answer, function, warm))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit("a measured process ended with an error, which stands above")
    return answer.get()


def _growth(answer, function, warm) -> None:
    warm()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    function()
    answer.put((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
