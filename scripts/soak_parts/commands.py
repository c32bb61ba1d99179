"""The commands that are killed, and what counts as their result: everything but clocks."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mfbench
from mfbench.metrics.errors import COSTS
from soak_parts.inputs import Inputs

__all__ = ["Command", "commands"]


@dataclass(frozen=True)
class Command:
    """A command of mfbench in a folder of its own.

    Attributes:
        name: in the table.
        arguments: of the first run.
        again: added after an interruption.
        prepare: puts what the command needs into its folder.
        result: folder → digest of what it made, without clocks and paths.
    """

    name: str
    arguments: Sequence[str]
    again: Sequence[str]
    prepare: Callable[[Path], None]
    result: Callable[[Path], str]


def commands(inputs: Inputs) -> dict[str, Command]:
    """Name → command."""
    settings = {
        "joint_gradients": 64, "joint_batch": 4, "withheld": 1, "model.channels": 2,
        "model.radial_mlp": "[4]", "model.readout_width": 2,
    }  # fmt: skip
    found = [
        Command(
            "build",
            ["data", "build", str(inputs.recipe), "--structures", str(inputs.structures), "--out", "out",
             "--workers", "1"],
            ["--resume"],
            _nothing,
            lambda folder: _files(folder / "out", ""),
        ),
        Command(
            "label",
            ["label", str(inputs.molecules), "--level", "gfn2", "--out", "labels.xyz"],
            ["--resume"],
            _nothing,
            lambda folder: _digest((folder / "labels.xyz").read_bytes()),
        ),
        Command(
            "train",
            ["train", "-m", "joint", "-s", "soak", "--backend", "torch", "--out", "training",
             *(f"--option={key}={value}" for key, value in settings.items())],
            ["--resume"],
            _nothing,
            _training,
        ),
        Command(
            "evaluate",
            ["evaluate", "-m", "random", "-s", "soak", "--out", "run"],
            ["--resume"],
            _nothing,
            _run,
        ),
        Command(
            "submit",
            ["submit", "run", "--to", "store"],
            [],
            lambda folder: _copy(inputs.run, folder / "run"),
            _submissions,
        ),
        Command(
            "board",
            ["store", "export", "--to", "store", "--out", "board.csv"],
            [],
            lambda folder: _copy(inputs.store, folder / "store"),
            lambda folder: _digest((folder / "board.csv").read_bytes()),
        ),
    ]  # fmt: skip
    return {command.name: command for command in found}


def _nothing(folder: Path) -> None:
    """All inputs lie elsewhere."""


def _copy(source: Path, target: Path) -> None:
    if not target.exists():
        shutil.copytree(source, target)


def _files(folder: Path, pattern: str) -> str:
    """Bytes of all files, by name."""
    paths = sorted(path for path in folder.rglob(f"*{pattern}") if path.is_file())
    return _digest(*(p.relative_to(folder).as_posix().encode() + b"\0" + p.read_bytes() for p in paths))


def _training(folder: Path) -> str:
    """The weights, and what the card says of losses and errors."""
    card = json.loads((folder / "training" / "mace-joint.json").read_text())
    phases = [{k: phase[k] for k in ("done", "losses", "validation")} for phase in card["phases"]]
    weights = (folder / "training" / "mace-joint.safetensors").read_bytes()
    return _digest(weights, _text([phases, card["settings"], card["baseline"]]))


def _run(folder: Path) -> str:
    """Every prediction and every score."""
    results = mfbench.read_results(folder / "run" / "results.json")
    episodes = [e.model_dump(mode="json", exclude={*COSTS, "peak_memory_bytes"}) for e in results.episodes]
    rows = [row.model_dump(mode="json") for row in results.aggregate if row.metric not in COSTS]
    return _digest((folder / "run" / "predictions.parquet").read_bytes(), _text([episodes, rows]))


def _submissions(folder: Path) -> str:
    """What is filed: names and bytes, but for card and receipt, which say when it was."""
    filed = sorted((folder / "store" / "submissions").iterdir())
    parts = [path for one in filed if not one.name.startswith(".") for path in sorted(one.iterdir())]
    kept = [path for path in parts if path.name not in ("submission.yaml", "receipt.json")]
    return _digest(_text([len(filed), [p.name for p in parts]]), *(path.read_bytes() for path in kept))


def _text(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _digest(*parts: bytes) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(hashlib.sha256(part).digest())
    return found.hexdigest()
