"""The one place where torch, e3nn and mace are imported: safely, and without changing the process.

e3nn 0.4.4 loads a file that holds a ``slice`` when it is imported, which torch's safe loader refuses
unless told otherwise. mace sets ``TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD``, which turns safe loading off for
everyone in the process; it is put back as it was.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import torch

__all__ = ["default_dtype", "e3nn_options", "mace_modules", "o3", "safe_loading_kept", "torch"]

_FLAG = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"


@contextmanager
def safe_loading_kept() -> Iterator[None]:
    """Imports inside the block do not turn torch's safe loading off for what comes after it."""
    before = os.environ.get(_FLAG)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_FLAG, None)
        else:
            os.environ[_FLAG] = before


with (
    safe_loading_kept(),
    torch.serialization.safe_globals([slice]),
    warnings.catch_warnings(),
    redirect_stdout(io.StringIO()),  # mace says which accelerators are absent
):
    warnings.simplefilter("ignore")  # of other people's modules
    import e3nn
    from e3nn import o3
    from mace import modules as mace_modules


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Torch's default dtype inside the block (e3nn makes its constants in it)."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def e3nn_options(**options: bool) -> Iterator[None]:
    """e3nn's optimisation defaults inside the block."""
    before = e3nn.get_optimization_defaults()
    e3nn.set_optimization_defaults(**options)
    try:
        yield
    finally:
        e3nn.set_optimization_defaults(**before)
