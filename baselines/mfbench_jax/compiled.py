"""A jitted function that knows how long it spent compiling, so that cost can be told from overhead."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax

__all__ = ["Compiled", "compile_seconds"]

_total = 0.0


def compile_seconds() -> float:
    """Seconds that this process has spent compiling through ``Compiled``."""
    return _total


class Compiled:
    """``jax.jit`` with ahead-of-time compilation per shape; calls run the compiled program only."""

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        """``options`` are those of ``jax.jit``."""
        self._jitted = jax.jit(function, **options)
        self._programs: dict[Any, Any] = {}

    def __call__(self, *args: Any) -> Any:
        """Compile for the shapes of ``args`` if that was not done, then run."""
        leaves, tree = jax.tree.flatten(args)
        key = (tree, tuple((getattr(x, "shape", ()), str(getattr(x, "dtype", type(x)))) for x in leaves))
        if key not in self._programs:
            global _total
            began = time.perf_counter()
            self._programs[key] = self._jitted.lower(*args).compile()
            _total += time.perf_counter() - began
        return self._programs[key](*args)
