"""What a command takes from an optional package: imported by name, and named when it is missing."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from mfbench.errors import MfbenchError

__all__ = ["extra", "label_extra"]


@contextmanager
def extra(name: str, target: str, what: str) -> Iterator[Any]:
    """``module:attribute`` of an optional part, for a block that uses it.

    Args:
        name: of the extra that installs what it needs.
        target: e.g. ``mfbench_tasks.labelling.relabel:relabel``.
        what: the command, for the message.

    Raises:
        MfbenchError: a package is missing, here or in the block.
    """
    module, _, attribute = target.partition(":")
    try:
        yield getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise MfbenchError(
            f"{what} needs the module '{error.name}', which is not installed "
            f"(pip install 'mfbench[{name}]')"
        ) from None


def label_extra(target: str, what: str) -> AbstractContextManager[Any]:
    """``module:attribute`` of the task pipeline: see ``extra``."""
    return extra("label", target, what)
