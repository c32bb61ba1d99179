"""What every measurement starts from: a split, checkpoints, tuned options, and the methods made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import mfbench
from mfbench.data.parquet import sha256
from mfbench.data.split import Split, Task
from mfbench.errors import CheckpointError, DataError
from mfbench.learned.checkpoint import EMBEDDED, embedded_checkpoint, load_checkpoint
from mfbench.protocol.catalogue import METHODS, start_of
from mfbench.protocol.episode import Episode, draw_episode
from mfbench.protocol.loading import load_method
from mfbench.protocol.method import Method, MethodContext
from mfbench.protocol.protocol import Budget
from mfbench.protocol.run_episode import episode_seed
from mfbench.results.results import Results
from mfbench.results.score_run import family_groups
from mfbench_campaign.limits.measured import Identity
from mfbench_campaign.tuning.trials import BUDGETS

__all__ = ["LEARNED", "Setting", "read_tuning"]

LEARNED = ("pretrain", "maml", "fomaml", "reptile")


@dataclass(frozen=True)
class Setting:
    """Where methods and episodes come from.

    Attributes:
        split: what is tested on.
        checkpoints: folder of METHOD/mace-METHOD.safetensors; None: the embedded ones.
        tuning: ``SPLIT/METHOD`` → {"chosen": options}.
        backend: jax or torch.
        seed: of the episodes.
        draw: which published support set.
    """

    split: Split
    checkpoints: Path | None = None
    tuning: dict[str, Any] = field(default_factory=dict)
    backend: str = "jax"
    seed: int = 0
    draw: int = 0

    def checkpoint(self, method: str) -> Path | None:
        """The file that a method starts from; None where it has no weights.

        Raises:
            CheckpointError: it is not there.
        """
        name = start_of(method.partition("-")[0])
        if not METHODS[name].trained:
            return None
        if self.checkpoints is None:
            path = embedded_checkpoint(self.split.name, "mace", name)
        else:
            path = self.checkpoints / name / f"mace-{name}.safetensors"
        if not path.is_file():
            raise CheckpointError(f"{path} does not exist: train it, or name another --checkpoints")
        return path

    def weights(self, method: str) -> str | None:
        """``checkpoint`` as text, as ``evaluate`` takes it."""
        path = self.checkpoint(method)
        return str(path) if path else None

    def options(self, method: str) -> dict[str, Any]:
        """Tuned options: from the file given, else of the mini split where scratch and ridge were tuned,
        else none (the method's own defaults)."""
        name = f"{self.split.name}/{method}"
        if name in self.tuning:
            return dict(self.tuning[name]["chosen"])
        path = EMBEDDED / f"{self.split.name}-mini" / "tuning.json"
        if method in ("scratch", "ridge") and path.is_file():
            return dict(json.loads(path.read_text()).get(f"mace-{method}", {}).get("chosen", {}))
        return {}

    def method(self, name: str, options: dict[str, Any]) -> Method:
        """A method with its checkpoint."""
        context = MethodContext(self.split, checkpoint=self.weights(name), options=options)
        return load_method(name, context, backend=self.backend)

    def results(self, method: str, options: dict[str, Any], **request: Any) -> Results:
        """One draw of a method through the harness, with the budget that its name ends in (as in
        scripts/tune.py); ``request``: more arguments of ``evaluate``."""
        name, _, budget = method.partition("-")
        return mfbench.evaluate(
            name, self.split, draws=1, seed=self.seed, backend=self.backend,
            checkpoint=self.weights(method), options=options, **{"budget": BUDGETS[budget], **request},
        )  # fmt: skip

    def identity(
        self, measurement: str, method: str, variant: str, options: dict[str, Any], **settings: Any
    ) -> Identity:
        """Of one unit."""
        return Identity(
            measurement=measurement,
            method=method,
            variant=variant,
            split=self.split.name,
            data_hash=self.split.manifest.data_hash,
            seed=self.seed,
            options=options,
            settings={"draw": self.draw, "backend": self.backend, **settings},
            trained=self._trained(method),
        )

    def _trained(self, method: str) -> dict[str, Any] | None:
        if (path := self.checkpoint(method)) is None:
            return None
        card = load_checkpoint(path).card
        settings = card.get("settings", {})
        return {
            "construction": card.get("split"),
            "method": settings.get("method"),
            "seed": settings.get("seed"),
            "gradients": card.get("gradients"),
            "sha256": sha256(path),
        }

    def episode(self, task: Task, k: int) -> Episode:
        """Of the published draw."""
        return draw_episode(self.split, task, k, self.draw)

    def adapted(self, method: Method, episode: Episode, budget: Budget | None = None) -> Any:
        """The method adapted as ``evaluate`` adapts it, with the same seed."""
        seed = episode_seed(self.seed, *episode.key)
        return method.adapt(episode.support, budget=budget or Budget(), seed=seed)

    @cached_property
    def groups(self) -> dict[str, int]:
        """family → bootstrap group, among the test families."""
        return self.groups_of([task.family_id for task in self.split.test])

    def groups_of(self, families: Sequence[str]) -> dict[str, int]:
        """family → bootstrap group, among these."""
        return {name: int(group) for name, group in family_groups(self.split, families).items()}


def read_tuning(path: Path | None) -> dict[str, Any]:
    """``SPLIT/METHOD`` → {"chosen": options}: of one file, or of a folder of SPLIT~METHOD.json.

    Raises:
        DataError: it is missing or no tuning.
    """
    if path is None:
        return {}
    try:
        if path.is_dir():
            found = {p.stem.replace("~", "/"): json.loads(p.read_text()) for p in path.glob("*~*.json")}
        else:
            found = json.loads(path.read_text())
        if not all(isinstance(record["chosen"], dict) for record in found.values()):
            raise TypeError("'chosen' holds no options")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f'{path} is no tuning, {{"SPLIT/METHOD": {{"chosen": …}}}}: {error}') from None
    return found
