"""The state of a phase on disk: parameters, optimiser and record in one file, written at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mfbench.errors import DataError
from mfbench.work.files import write_bytes, write_text

__all__ = ["STATE", "load_state", "save_state"]

STATE = ".state.safetensors"
"""Ending of the files of a training run's journal; their names are those of the phases."""


def save_state(folder: Path, phase: str, arrays: Mapping[str, np.ndarray], record: dict[str, Any]) -> None:
    """Write ``PHASE.state.safetensors``, and ``PHASE.json`` for readers: what is recorded so far.

    Args:
        arrays: parameters and optimiser, by any names.
        record: JSON values; it goes on from where ``arrays`` stands, so both are in one file.
    """
    text = json.dumps(record)
    plain = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    write_bytes(folder / f"{phase}{STATE}", save(plain, metadata={"record": text}))
    write_text(folder / f"{phase}.json", text)


def load_state(folder: Path, phase: str) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """Arrays and record as they were saved; None where there is no state.

    Raises:
        DataError: the file is damaged.
    """
    path = folder / f"{phase}{STATE}"
    if not path.is_file():
        return None
    try:
        with safe_open(path, "numpy") as file:
            text = (file.metadata() or {}).get("record")
            # Before both were one file, the record lay beside: runs that began then go on.
            record = json.loads(text or (folder / f"{phase}.json").read_text(encoding="utf-8"))
            return {name: file.get_tensor(name) for name in file.keys()}, record  # noqa: SIM118
    except (SafetensorError, ValueError, OSError) as error:
        raise DataError(f"{path} is damaged ({error}): remove it, its phase starts again") from None
