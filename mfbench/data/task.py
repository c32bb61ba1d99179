"""Tasks and splits: the families of one construction, their folds, and the configurations of each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.manifest import Manifest

__all__ = ["ROLES", "Fold", "Split", "Task"]

ROLES = ("support", "query", "heldout", "larger")
"""What a configuration of a family may be: fields of ``Task``. The last is optional."""


class Fold(StrEnum):
    """Which part of the meta-distribution a family belongs to."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, eq=False)
class Task:
    """One family: everything that an episode is drawn from.

    Attributes:
        family_id: its name in the split, e.g. a CATH topology.
        fold: train, validation or test.
        stratum: class of the family, e.g. ``mainly-alpha``.
        clusters: 30 %-identity clusters of its proteins (families sharing one are resampled together).
        support: the support pool (labelled).
        query: query configurations on the pool's fragments, other trajectories.
        heldout: query configurations on fragments that the pool does not hold; there may be none.
        larger: query configurations on larger cuts of the family's proteins, for size transfer; most
            families have none.
        level: level of theory of its labels, where tasks of a split differ in it; else empty.
        family: what ``family_id`` stands for without the level; else empty.
        reference: the support with the labels of the split's level of theory, where the task has another
            level; else empty.
        draws: [n_draws, max_k] indices into ``support``; the first K of a row are one support set.
        graphs: fragment_id → molecular graph id.
    """

    family_id: str
    fold: Fold
    stratum: str
    clusters: tuple[str, ...]
    support: tuple[Configuration, ...]
    query: tuple[Configuration, ...]
    heldout: tuple[Configuration, ...]
    draws: np.ndarray
    graphs: dict[str, str]
    larger: tuple[Configuration, ...] = ()
    level: str = ""
    family: str = ""
    reference: tuple[Configuration, ...] = ()

    @property
    def everything(self) -> tuple[Configuration, ...]:
        """Its configurations of all roles."""
        return (*self.support, *self.query, *self.heldout, *self.larger)


@dataclass(frozen=True, eq=False)
class Split:
    """A construction with its families. ``tasks`` holds all folds, in order of name."""

    name: str
    manifest: Manifest
    tasks: tuple[Task, ...]

    def fold(self, fold: Fold | str) -> tuple[Task, ...]:
        """The tasks of one fold."""
        return tuple(task for task in self.tasks if task.fold == fold)

    @property
    def train(self) -> tuple[Task, ...]:
        """Meta-train families."""
        return self.fold(Fold.TRAIN)

    @property
    def validation(self) -> tuple[Task, ...]:
        """Meta-validation families: the only ones that may be tuned on."""
        return self.fold(Fold.VALIDATION)

    @property
    def test(self) -> tuple[Task, ...]:
        """Meta-test families."""
        return self.fold(Fold.TEST)

    @property
    def isolated_atom_energies(self) -> dict[int, float]:
        """Atomic number → energy of the isolated atom in eV at the level of theory."""
        return self.manifest.isolated_atom_energies_eV

    @cached_property
    def train_graphs(self) -> frozenset[str]:
        """Molecular graphs of the meta-train families."""
        return frozenset(graph for task in self.train for graph in task.graphs.values())

    @cached_property
    def train_configurations(self) -> tuple[Configuration, ...]:
        """Every labelled configuration of the meta-train families."""
        return tuple(c for t in self.train for c in t.everything)

    @cached_property
    def training_digest(self) -> str:
        """SHA-256 of what may be learned from: molecules, geometries and labels of train and validation
        tasks, and isolated atoms. Two versions of a split that differ only in test tasks have the same."""
        digest = hashlib.sha256(repr(sorted(self.isolated_atom_energies.items())).encode())
        for task in (*self.train, *self.validation):
            digest.update(f"{task.family_id}|{task.fold}|{task.level}".encode())
            for role in ROLES:
                for c in getattr(task, role):
                    # An energy is a sum of stored numbers: its last digits are the machine's.
                    facts = (role, c.config_id, round(c.label[0] * 1e5), c.total_charge, c.n_unpaired)
                    digest.update("|".join(map(str, facts)).encode())
                    digest.update(np.asarray(c.atomic_numbers, np.int64).tobytes())
                    digest.update(np.asarray(c.positions, np.float64).tobytes())
                    digest.update(np.asarray(c.label[1], np.float64).tobytes())
        return digest.hexdigest()
