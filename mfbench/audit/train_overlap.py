"""What a family has in common with a train fold: names, sequences, CATH codes, molecules, data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfbench.data.side_tables import SideTables
from mfbench.data.split import Split, Task

__all__ = ["CATH_LEVELS", "DescribedSplit", "TrainFold"]

CATH_LEVELS = ("none", "class", "architecture", "topology", "superfamily")
_CODE = r"(\d+(?:\.\d+){2,3})"
_NAME = re.compile(rf"(?:membrane\.)?{_CODE}")
_TITLE = re.compile(rf"CATH \w+ {_CODE}\b")


@dataclass(frozen=True, eq=False)
class DescribedSplit:
    """A split and the tables beside it."""

    split: Split
    tables: SideTables

    def listed(self, family_id: str, column: str) -> set[str]:
        """What the families' table lists for a family; empty where it has no such column."""
        families = self.tables.families
        return set(map(str, families[column].loc[family_id])) if column in families else set()


class TrainFold:
    """What a train fold holds, as sets."""

    def __init__(self, source: DescribedSplit):
        tasks = source.split.train
        self.families = {t.family_id for t in tasks}
        self.graphs = source.split.train_graphs
        self.fragments = {name for t in tasks for name in t.graphs}
        self.configurations = {c.config_id for c in source.split.train_configurations}
        self.clusters = {name for t in tasks for name in t.clusters}
        self.proteins = {p for t in tasks for p in source.listed(t.family_id, "proteins")}
        self.cath = {code for t in tasks for code in _cath(t.family_id, source)}

    def compare(self, task: Task, source: DescribedSplit) -> dict[str, Any]:
        """The row of a family, less the environments."""
        query = (*task.query, *task.heldout)
        own = _cath(task.family_id, source)
        return {
            "family_id": task.family_id,
            "fold": str(task.fold),
            "stratum": task.stratum,
            "family_in_train": task.family_id in self.families,
            "cluster30_in_train": bool(self.clusters & set(task.clusters)),
            "nearest_cath": _nearest_level(own, self.cath) if own and self.cath else "unknown",
            "proteins_in_train": _share(source.listed(task.family_id, "proteins"), self.proteins),
            "fragments_in_train": _share(task.graphs, self.fragments),
            "query_in_train": _share((c.config_id for c in query), self.configurations),
            "fragment_graphs_in_train": _share(task.graphs.values(), self.graphs),
            "query_graphs_in_train": _share((task.graphs[c.fragment_id] for c in query), self.graphs),
        }


def _cath(family_id: str, source: DescribedSplit) -> set[str]:
    """CATH codes of a family: its name, or what the title says of a family by another name."""
    families = source.tables.families
    title = str(families.loc[family_id, "title"]) if "title" in families else ""
    match = _NAME.fullmatch(family_id) or _TITLE.search(title)
    return {match[1]} if match else set()


def _nearest_level(own: Iterable[str], train: Iterable[str]) -> str:
    """The deepest level of CATH that any two codes share."""
    known = [code.split(".") for code in train]
    depth = 0
    for code in own:
        parts = code.split(".")
        for level in range(len(parts), depth, -1):
            if any(parts[:level] == other[:level] for other in known):
                depth = level
                break
    return CATH_LEVELS[depth]


def _share(names: Iterable[str], known: set[str] | frozenset[str]) -> float:
    found = [name in known for name in names]
    return float(np.mean(found)) if found else 0.0
