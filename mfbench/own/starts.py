"""What an adaptation starts from: a checkpoint by name or path, or random weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.elements import symbol
from mfbench.errors import CheckpointError
from mfbench.learned.architectures.composed import composed
from mfbench.learned.architectures.neighbours import neighbour_pairs
from mfbench.learned.architectures.registry import Config, arch_of, config_class
from mfbench.learned.checkpoint import EMBEDDED, Checkpoint, load_checkpoint
from mfbench.protocol.energy_baseline import EnergyBaseline

__all__ = ["SCRATCH", "Start", "candidate_starts", "find_start"]

SCRATCH = "scratch"
_METHOD = "pretrain"
"""The training whose checkpoints ``auto`` looks at."""


@dataclass(frozen=True, eq=False)
class Start:
    """Where an adaptation starts.

    Attributes:
        name: ``SPLIT/METHOD`` of an embedded checkpoint, its path, or ``scratch``.
        config: architecture.
        checkpoint: trained weights; None: random ones.
        baseline: energies that the network was trained on top of.
    """

    name: str
    config: Config
    checkpoint: Checkpoint | None
    baseline: EnergyBaseline

    def covers(self, elements: Sequence[int]) -> bool:
        """Whether the network knows all these elements."""
        return {int(z) for z in elements} <= set(self.config.elements)


def find_start(name: str, configurations: Sequence[Configuration]) -> Start:
    """The start of that name, for these molecules.

    Args:
        name: ``scratch``, ``SPLIT/METHOD`` (embedded), ``METHOD`` (of the first embedded split that has
            one for these elements), or the path of a ``.safetensors`` checkpoint.
        configurations: they must hold no element that the network does not know.

    Raises:
        CheckpointError: no such start, it is damaged, or it does not know an element.
    """
    elements = _elements(configurations)
    if name == SCRATCH:
        return _scratch(configurations)
    paths = [Path(name)] if name.endswith(".safetensors") else _embedded(name)
    found = [_read(path) for path in paths if path.is_file()]
    if not found:
        known = sorted(
            {f"{p.parent.name}/{p.stem.partition('-')[2]}" for p in EMBEDDED.glob("*/mace-*.safetensors")}
        )
        raise CheckpointError(
            f"no start '{name}': give a .safetensors file, scratch, auto, or one of {', '.join(known)}"
        )
    for start in found:
        if start.covers(elements):
            return start
    missing = sorted(set(elements) - set(found[0].config.elements))
    raise CheckpointError(
        f"{found[0].name} was not trained on {', '.join(map(symbol, missing))}: choose another --start, or "
        "scratch"
    )


def candidate_starts(configurations: Sequence[Configuration], arch: str = "mace") -> list[Start]:
    """What ``auto`` chooses from: every embedded joint start that knows the elements, and scratch."""
    elements = _elements(configurations)
    found = [_read(path) for path in sorted(EMBEDDED.glob(f"*/{arch}-{_METHOD}.safetensors"))]
    return [*(start for start in found if start.covers(elements)), _scratch(configurations)]


def _embedded(name: str) -> list[Path]:
    split, _, method = name.rpartition("/")
    return sorted(EMBEDDED.glob(f"{split or '*'}/mace-{method}.safetensors"))


def _read(path: Path) -> Start:
    checkpoint = load_checkpoint(path)
    record = checkpoint.card.get("baseline")
    baseline = EnergyBaseline.from_dict(record) if record else EnergyBaseline({})
    method = path.stem.removeprefix(f"{arch_of(checkpoint.config)}-")
    name = f"{path.parent.name}/{method}" if EMBEDDED in path.parents else str(path)
    checkpoint = replace(checkpoint, params=composed(checkpoint.params))
    return Start(name, checkpoint.config, checkpoint, baseline)


def _scratch(configurations: Sequence[Configuration], arch: str = "mace") -> Start:
    config = config_class(arch)(elements=tuple(_elements(configurations)))
    sample = configurations[:: max(len(configurations) // 20, 1)]
    pairs = sum(len(neighbour_pairs(np.asarray(c.positions, float), config.r_max)[0]) for c in sample)
    mean = round(2 * pairs / sum(len(c) for c in sample), 3)
    return Start(SCRATCH, replace(config, avg_num_neighbors=max(mean, 1.0)), None, EnergyBaseline({}))


def _elements(configurations: Sequence[Configuration]) -> list[int]:
    return sorted({int(z) for c in configurations for z in c.atomic_numbers})
