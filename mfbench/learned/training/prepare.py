"""What every training run is made from, whatever the backend: model, families, inner scales, card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from mfbench.data.split import Split, Task
from mfbench.learned.architectures.neighbours import neighbour_pairs
from mfbench.learned.architectures.registry import Config, config_class
from mfbench.learned.training.settings import TrainSettings
from mfbench.protocol.cost import code_version, hardware
from mfbench.protocol.energy_baseline import EnergyBaseline

__all__ = ["config_for", "displacement", "inner_scales", "training_card", "withheld_families"]


def config_for(split: Split, arch: str = "mace", **sizes: Any) -> Config:
    """The nano model for a split: its elements, and its mean number of neighbours in meta-train.

    ``sizes`` are fields of the configuration that differ from it.
    """
    elements = sorted({int(z) for task in split.tasks for c in task.support for z in c.atomic_numbers})
    config = config_class(arch)(elements=tuple(elements), **sizes)
    sample = split.train_configurations[::7]
    atoms = sum(len(c) for c in sample)
    pairs = sum(len(neighbour_pairs(np.asarray(c.positions, float), config.r_max)[0]) for c in sample)
    return replace(config, avg_num_neighbors=round(2 * pairs / atoms, 3))


def withheld_families(tasks: Sequence[Task], count: int, seed: int) -> list[Task]:
    """Meta-train families that the joint phase does not see."""
    chosen = np.random.default_rng([seed, 4]).permutation(len(tasks))[:count]
    return [tasks[i] for i in sorted(chosen)]


def inner_scales(second_moments: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """1 / (√v + ε): what Adam divides by at the end of the joint phase; ε = a tenth of the mean √v."""
    roots = {name: np.sqrt(np.asarray(v, np.float64)) for name, v in second_moments.items()}
    floor = 0.1 * np.mean(np.concatenate([r.ravel() for r in roots.values()]))
    return {name: (1.0 / (r + floor)).astype(np.float32) for name, r in roots.items()}


def displacement(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    """How far a phase moved the weights: ‖after − before‖ / ‖before‖ over all of them."""
    pairs = [(np.asarray(v, np.float64), np.asarray(after[k], np.float64)) for k, v in before.items()]
    moved = sum(float(np.sum((b - a) ** 2)) for a, b in pairs)
    return float((moved / sum(float(np.sum(a**2)) for a, _ in pairs)) ** 0.5)


def training_card(
    split: Split, settings: TrainSettings, phases: list[dict[str, Any]], baseline: EnergyBaseline
) -> dict[str, Any]:
    """What the checkpoint says of its training. The network was fitted to what ``baseline`` leaves."""
    return {
        "schema": 1,
        "split": split.name,
        "data_hash": split.manifest.data_hash,
        "training_digest": split.training_digest,
        "level_of_theory": split.manifest.level_of_theory,
        "code_version": code_version(),
        "settings": asdict(settings),
        "gradients": sum(phase["gradients"] for phase in phases),
        "hardware": hardware(),
        "baseline": baseline.to_dict(),
        "isolated_atom_energies_eV": {str(z): e for z, e in split.isolated_atom_energies.items()},
        "phases": phases,
    }
