"""From campaign.yaml to what has to be trained and evaluated. Nothing is run here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mfbench.data.strict_yaml import read_yaml
from mfbench.errors import DataError, ProtocolError
from mfbench.protocol.catalogue import METHODS, start_of
from mfbench.protocol.protocol import Budget, Support, Track

__all__ = ["Block", "Campaign", "Run", "Training", "read_campaign"]

INHERITED = ("scratch", "ridge")
"""Methods whose settings come from a mini split's tuning."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrainingPlan(_Part):
    """Settings of meta-training: of all runs, by method, by construction, by model.

    ``starts``: model → construction → folder of checkpoints that are there already; those of further seeds
    are in folders such as ``seed1`` below it. Nothing is trained for such a model; it adapts as was tuned
    on a mini split.
    """

    settings: dict[str, Any]
    methods: dict[str, dict[str, Any]] = {}
    constructions: dict[str, dict[str, Any]] = {}
    models: dict[str, dict[str, Any]] = {"nano": {}}
    starts: dict[str, dict[str, Path]] = {}


class TuningPlan(_Part):
    """Trials on validation families; ``inherited``: construction → mini split."""

    families: int
    ks: list[int]
    draws: int
    inherited: dict[str, str]


class Block(_Part):
    """Every combination of constructions, methods, seeds and sizes.

    ``options``: how its methods adapt; by default, as tuned on validation families. ``searched``: the mini
    split and the method that they were searched for, e.g. ``levels-mini/scratch``.
    """

    block: str
    why: str
    constructions: list[str]
    methods: list[str]
    seeds: list[int] = [0]
    ks: list[int]
    draws: int = 1
    test: list[str] | None = None
    support: Support = Support.OWN
    track: Track = Track.STANDARD
    model: str = "nano"
    families: list[int] = [0]
    configurations: list[int] = [0]
    options: dict[str, Any] | None = None
    searched: str = ""


class Campaign(_Part):
    """The whole file."""

    schema_: int = Field(alias="schema")
    level_of_theory: str
    training: TrainingPlan
    tuning: TuningPlan
    runs: list[Block]

    def expand(self) -> list[Run]:
        """All runs, in the order of the file."""
        return [run for block in self.runs for run in _expand(block)]


@dataclass(frozen=True)
class Training:
    """One checkpoint. ``construction`` may be a union: ``cath+chemistry``, tested on its first part."""

    construction: str
    method: str
    seed: int
    model: str = "nano"
    families: int = 0
    configurations: int = 0

    @property
    def marks(self) -> list[str]:
        """What it differs by from training on everything with the nano model."""
        marks = [f"families{self.families}"] * bool(self.families)
        marks += [f"configurations{self.configurations}"] * bool(self.configurations)
        return marks + [self.model] * (self.model != "nano")

    @property
    def folder(self) -> Path:
        """Below the campaign's folder."""
        return Path("train", "-".join([self.construction, *self.marks]), f"seed{self.seed}", self.method)

    @property
    def checkpoint(self) -> Path:
        """Below the campaign's folder."""
        return self.folder / f"mace-{self.method}.safetensors"

    @property
    def joint(self) -> Training:
        """The phase that all methods of a seed share."""
        fields = self.seed, self.model, self.families, self.configurations
        return Training(self.construction, "joint", *fields)


@dataclass(frozen=True)
class Run:
    """One evaluation. ``training`` is None for methods without weights."""

    name: str
    block: str
    method: str
    test: str
    ks: tuple[int, ...]
    draws: int
    support: Support
    track: Track
    training: Training | None
    exclude: str | None
    model: str = "nano"
    options: dict[str, Any] | None = field(default=None, hash=False)
    searched: str = ""

    @property
    def file_name(self) -> str:
        """Its name, as that of a file or folder."""
        return self.name.replace("/", "~")

    @property
    def tuned_as(self) -> str:
        """The name of its trials, see ``tuning.trials``."""
        return self.method + (f"-{self.track}" if self.track != Track.STANDARD else "")

    @property
    def budget(self) -> Budget:
        """What adapting may spend."""
        return self.track.budget or Budget()

    @property
    def trained_on(self) -> str:
        """The construction whose tuning it uses."""
        return self.training.construction.partition("+")[0] if self.training else self.test


def _expand(block: Block) -> Iterator[Run]:
    for construction, seed, families, configurations, method in product(
        block.constructions, block.seeds, block.families, block.configurations, block.methods
    ):
        trained = METHODS[start_of(method)].trained
        if not trained and seed != block.seeds[0]:
            continue  # without meta-training there is one seed
        start = start_of(method)
        training = Training(construction, start, seed, block.model, families, configurations)
        home = construction.partition("+")[0]
        for test in block.test or [home]:
            if block.test and test == construction:
                continue  # the diagonal of a transfer matrix is the main block's
            yield Run(
                name=_name(block, training, test, method),
                block=block.block,
                method=method,
                test=test,
                ks=tuple(block.ks),
                draws=block.draws,
                support=block.support,
                track=block.track,
                training=training if trained else None,
                exclude=construction if test != home else None,
                model=block.model,
                options=block.options,
                searched=block.searched,
            )


def _name(block: Block, training: Training, test: str, method: str) -> str:
    where = training.construction if test == training.construction else f"{training.construction}-to-{test}"
    marks = [str(block.support)] * (block.support != Support.OWN) + training.marks
    if block.track.budget and block.track != Track.STANDARD:
        marks.append(f"{block.track.budget.steps}-steps")
    return "/".join([where, method, f"seed{training.seed}", *marks])


def read_campaign(path: Path) -> Campaign:
    """Read campaign.yaml.

    Raises:
        ProtocolError: it is damaged, a key is given twice, or two of its runs have one name.
    """
    try:
        campaign = Campaign.model_validate(read_yaml(path))
    except (ValidationError, DataError) as error:
        raise ProtocolError(f"{path}: {' '.join(str(error).split())[:200]}") from None
    names = [run.name for run in campaign.expand()]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise ProtocolError(f"{path}: two runs are called {doubled[0]}")
    return campaign
