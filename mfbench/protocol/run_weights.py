"""The weights that a run started from: kept in its folder, so that they are found whoever moves it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mfbench.errors import CheckpointError, SubmissionError
from mfbench.protocol.catalogue import start_of
from mfbench.work.files import write_bytes

__all__ = ["EMBEDDED", "keep_weights", "weights_of_run"]

EMBEDDED = Path(__file__).parents[1] / "embedded" / "checkpoints"
NAMES = ("weights.safetensors", "weights.json")
_SUFFIXES = (".safetensors", ".json")


def keep_weights(folder: Path, checkpoint: str | None) -> None:
    """Copy a checkpoint and its card into the folder of the run that starts from it.

    Weights that ship with the package are not copied, nor a foreign ``.model``, which is a program.

    Raises:
        CheckpointError: the weights there are others.
    """
    if not checkpoint or not (found := _read(Path(checkpoint))):
        return
    for name, data in found.items():
        path = folder / name
        if path.is_file() and path.read_bytes() != data:
            raise CheckpointError(f"{path} are not the weights of {checkpoint}: choose another folder")
        write_bytes(path, data)


def weights_of_run(folder: Path, run: Mapping[str, Any], given: Path | None = None) -> dict[str, bytes]:
    """The checkpoint that a run started from, with its card; nothing for methods without one.

    Args:
        folder: of the run.
        run: content of its ``run.json``.
        given: a checkpoint that the user names instead.

    Raises:
        SubmissionError: kind ``weights``: they are not there any more, or have changed since the run.
    """
    request = run["request"]
    if given is not None:
        if not (found := _read(given)):
            raise SubmissionError(
                "weights", f"{given} needs to be a checkpoint with a .json card beside it"
            )
        return found
    named = request.get("checkpoint")
    if named and Path(named).suffix != _SUFFIXES[0]:
        return {}  # a foreign model: a program, not data
    if named:
        found = _read(folder / NAMES[0]) or _read(Path(named))
        if not found:
            raise SubmissionError(
                "weights",
                f"the run's weights {named} are not to be found from here: name them with --weights",
            )
    elif request.get("arch"):
        name = start_of(request["method"])
        found = _read(EMBEDDED / request["split"] / f"{request['arch']}-{name}.safetensors")
    else:
        return {}
    _check_unchanged(found, run, named or "the weights that ship")
    return found


def _check_unchanged(found: Mapping[str, bytes], run: Mapping[str, Any], what: str) -> None:
    """By the digest that the run recorded; of weights that ship, by what the run's card says of them."""
    if not found:
        return
    recorded = run["request"].get("checkpoint_sha256")
    changed = recorded and hashlib.sha256(found[NAMES[0]]).hexdigest() != recorded
    said = (run.get("card") or {}).get("training")
    if not recorded and isinstance(said, dict):
        card = json.loads(found[NAMES[1]])
        changed = any(card[key] != value for key, value in said.items() if key in card)
    if changed:
        raise SubmissionError(
            "weights", f"{what} has changed since the run: give the weights with --weights"
        )


def _read(weights: Path) -> dict[str, bytes]:
    card = weights.with_suffix(_SUFFIXES[1])
    if weights.suffix != _SUFFIXES[0] or not weights.is_file() or not card.is_file():
        return {}
    return dict(zip(NAMES, (weights.read_bytes(), card.read_bytes()), strict=True))
