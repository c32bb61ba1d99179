"""Loads once what the commands import, so that processes forked from here start at once."""

from __future__ import annotations

import importlib
import multiprocessing
from collections.abc import Collection
from functools import partial

__all__ = ["preload"]

_MODULES = {
    "": (
        "mfbench.cli", "mfbench.evaluate", "mfbench.reporting.run_figure", "mfbench.reporting.run_table",
        "mfbench.store.filing", "mfbench.store.export", "mfbench.submission",
    ),
    "build": ("mfbench_tasks.build.build", "tblite.interface"),
    "label": ("mfbench_tasks.labelling.label_file", "mfbench_tasks.labelling.registry", "tblite.interface"),
    "train": ("mfbench_torch.train",),
}  # fmt: skip


def preload(names: Collection[str]) -> dict[str, str]:
    """Import what these commands import; returns command → why it cannot be tried here."""
    skipped = {}
    for command, modules in _MODULES.items():
        if command and command not in names:
            continue
        try:
            for module in modules:
                importlib.import_module(module)
        except ImportError as error:
            if not command:
                raise
            skipped[command] = f"{command} needs {error.name or error}"
    if "train" in names and "train" not in skipped:
        _save_after_every_step()
    _fork_workers()
    return skipped


def _save_after_every_step() -> None:
    """Trainings of seconds would otherwise be killed before their first save."""
    import mfbench_torch.training

    mfbench_torch.training.SAVE_SECONDS = 0.0


def _fork_workers() -> None:
    """Workers of a forked command are forked too: what is spawned imports everything again."""
    import mfbench.work.executor as executor

    context = multiprocessing.get_context("fork")
    executor.multiprocessing = _Forking(context)


class _Forking:
    """``multiprocessing``, whose every context forks."""

    def __init__(self, context: multiprocessing.context.BaseContext):
        self.get_context = partial(_given, context)
        self.active_children = multiprocessing.active_children
        self.parent_process = multiprocessing.parent_process


def _given(context: multiprocessing.context.BaseContext, _: str) -> multiprocessing.context.BaseContext:
    return context
