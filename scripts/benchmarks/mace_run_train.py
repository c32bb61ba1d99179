"""mace-torch's own training of a network of our size: the one rival of every script that names it.

Its own command with its own defaults for loss, rate, schedule and average of weights; a fifth of the labels
is held back, and chooses the epoch.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.xyz_frame import xyz_frame
from mfbench.errors import TrainingError

__all__ = ["Trained", "train"]

_PROBES = (2, 12)
"""Epochs that the pace is measured over, at first."""
_LONGEST_PROBE = 1000
"""Epochs."""


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        model: its ``.model`` file.
        epochs: how many.
        gradients: configurations × gradients of the loss.
        seconds: wall time of the command, its start included.
    """

    model: Path
    epochs: int
    gradients: int
    seconds: float

    def calculator(self) -> Any:
        """mace-torch's own ASE calculator; keeps working when the file is gone."""
        from mfbench_torch.libraries import safe_loading_kept
        from mfbench_torch.models.network import read_model

        with safe_loading_kept():
            from mace.calculators import MACECalculator
        network = read_model(self.model, trust_pickle=True)  # made by us, just now
        return MACECalculator(models=[network], device="cpu", default_dtype="float32")


def train(
    folder: Path,
    support: Sequence[Configuration],
    config: Any,
    seed: int,
    *,
    epochs: int | None = None,
    steps: int | None = None,
    seconds: float | None = None,
    zero: str = "average",
) -> Trained:
    """Train once, for a number of epochs, of gradient steps, or a wall time.

    Args:
        folder: new; holds the files of the training.
        support: labelled, at least two; batches of four.
        config: ``MaceConfig`` whose size the network gets.
        seed: of the fifth that is held back, of weights and of batches.
        epochs, steps, seconds: one of them. For ``seconds`` the pace is measured first, on the same
            labels, and that is not counted.
        zero: energies of isolated atoms: ``average`` (least squares of the labels), or ``none`` (zero).

    Raises:
        TrainingError: the command failed; with the end of what it wrote.
    """
    order = np.random.default_rng([seed, 3]).permutation(len(support))
    held = max(len(support) // 5, 1)
    folder.mkdir()
    for role, rows in (("train", order[held:]), ("valid", order[:held])):
        (folder / f"{role}.xyz").write_text("".join(_frame(support[i]) for i in rows))
    count = len(support) - held
    batch = min(4, count)
    whole_batches = count // batch * batch  # mace-torch drops what fills no batch
    if steps is not None:
        epochs = max(round(steps / (count // batch)), 1)
    elif seconds is not None:
        epochs = _epochs_within(folder, seconds, support, config, seed, zero)
    elif epochs is None:
        raise ValueError("epochs, steps or seconds")
    numbers = sorted({int(z) for c in support for z in c.atomic_numbers})
    c = config.channels
    options = {
        "name": "peer", "model": "MACE", "work_dir": folder, "train_file": folder / "train.xyz",
        "valid_file": folder / "valid.xyz", "seed": seed, "device": "cpu", "default_dtype": "float32",
        "E0s": zero if zero == "average" else str(dict.fromkeys(numbers, 0.0)),
        "energy_key": "REF_energy", "forces_key": "REF_forces", "r_max": config.r_max,
        "num_radial_basis": config.num_bessel, "max_ell": config.max_ell,
        "correlation": config.correlation, "hidden_irreps": f"{c}x0e + {c}x1o",
        "MLP_irreps": f"{config.readout_width}x0e", "radial_MLP": str(list(config.radial_mlp)),
        "num_interactions": config.num_interactions, "batch_size": batch, "valid_batch_size": 16,
        "max_num_epochs": epochs, "eval_interval": max(epochs // 20, 1), "patience": 10_000,
        "ema_decay": 0.99, "num_workers": 0,
    }  # fmt: skip
    words = [f"--{key}={value}" for key, value in options.items()]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "mace.cli.run_train", *words, "--ema", "--amsgrad"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    spent = time.monotonic() - began
    models = sorted(folder.glob("**/peer.model"))
    if done.returncode or not models:
        end = " ".join((done.stderr or done.stdout).split()[-40:])
        raise TrainingError(f"mace_run_train failed: {end}")
    return Trained(models[0], epochs, epochs * whole_batches, spent)


def _epochs_within(
    folder: Path, seconds: float, support: Sequence[Configuration], config: Any, seed: int, zero: str
) -> int:
    """How many fit, from the pace of two trainings, the second so long that epochs outweigh the start."""

    def spent(epochs: int, name: str) -> float:
        return train(folder / f"probe-{name}", support, config, seed, epochs=epochs, zero=zero).seconds

    spent(1, "cold")  # reads the libraries from disk
    short, long = _PROBES
    few, more = spent(short, "short"), spent(long, str(long))
    while more < 2 * few and long < _LONGEST_PROBE:
        long *= 4
        more = spent(long, str(long))
    if more <= few:
        raise TrainingError(f"{long} epochs took no longer than {short}: the pace cannot be measured here")
    pace = (more - few) / (long - short)
    return max(int((seconds - few) / pace) + short, _PROBES[1])


def _frame(c: Configuration) -> str:
    """Labels under names that ASE leaves alone."""
    energy, forces = c.label
    return xyz_frame(c, {"REF_energy": repr(float(energy))}, {"REF_forces": forces})
