"""What models of ml-peg predicted on a split, scored as everything here: against its own labels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mfbench.data.split import Split, Task, as_split
from mfbench.errors import PredictionError
from mfbench.metrics.errors import episode_metrics
from mfbench.peg.benchmark import file_stem

__all__ = ["PegNumbers", "read_numbers"]

_METRICS = ("energy_rmse_within", "force_rmse")
"""ml-peg gives no labels, so there is no energy zero to judge total energies by."""


@dataclass(frozen=True)
class PegNumbers:
    """One model.

    Attributes:
        model: its name in ml-peg.
        values: metric → mean over families that have all predictions; empty if none has.
        families: how many these are.
        missing: family → how many configurations have no prediction.
    """

    model: str
    values: Mapping[str, float]
    families: int
    missing: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "model": self.model,
            "values": dict(self.values),
            "families": self.families,
            "missing": dict(self.missing),
        }


def read_numbers(split: str | Path | Split, outputs: Path) -> list[PegNumbers]:
    """Of every model that has a ``predictions.json`` in the folder ``outputs`` of ``ml_peg calc``.

    Raises:
        PredictionError: there is none, or one is damaged or not finite.
    """
    found = as_split(split)
    paths = sorted(Path(outputs).glob("*/predictions.json"))
    if not paths:
        raise PredictionError(
            f"{outputs} holds no MODEL/predictions.json: give the folder outputs that 'ml_peg calc' wrote"
        )
    return [_numbers(found, path) for path in paths]


def _numbers(split: Split, path: Path) -> PegNumbers:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        rows, missing = [], {}
        for task in split.test:
            values, absent = _family(task, record)
            if absent:
                missing[task.family_id] = absent
            else:
                rows.append([values[name] for name in _METRICS])
    except (json.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())[:80]
        raise PredictionError(f"{path} is damaged ({type(error).__name__}: {reason})") from None
    means = dict(zip(_METRICS, np.mean(rows, axis=0).tolist(), strict=True)) if rows else {}
    return PegNumbers(path.parent.name, means, len(rows), missing)


def _family(task: Task, record: Mapping[str, Any]) -> tuple[Mapping[str, float], int]:
    """Metrics of a family, and how many of its configurations have no prediction."""
    query = (*task.query, *task.heldout)
    names = [f"{file_stem(task)}/{c.config_id}" for c in query]
    if absent := sum(record.get(name) is None for name in names):
        return {}, absent
    said = [record[name] for name in names]
    energies = np.array([float(one["energy"]) for one in said])
    each = [np.array(one["forces"], float).reshape(len(c), 3) for one, c in zip(said, query, strict=True)]
    forces = np.concatenate(each)
    if not (np.isfinite(energies).all() and np.isfinite(forces).all()):
        raise PredictionError(f"a prediction for {task.family_id} is not finite")
    labels = np.array([c.label[0] for c in query])
    known = np.concatenate([c.label[1] for c in query])
    atoms = np.array([len(c) for c in query])
    fragments = np.array([c.fragment_id for c in query])
    every = {"all": np.ones(len(query), bool)}
    return episode_metrics(energies, forces, labels, known, atoms, fragments, every)["all"], 0
