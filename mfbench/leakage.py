"""Leakage: what a family of the test or validation fold has in common with meta-train.

Sequence (30 % clusters), fold of the chain (CATH), molecules (graphs), data (proteins, fragments,
configurations) and atomic environments; against the split's own train fold or that of another construction.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mfbench.configuration import Configuration
from mfbench.environments import Environments, Reference, environments
from mfbench.errors import ProtocolError
from mfbench.sidetables import SideTables
from mfbench.split import Split, Task

__all__ = ["Leakage", "Source", "measure_leakage"]

CATH_LEVELS = ("none", "class", "architecture", "topology", "superfamily")
REFERENCE_LIMIT = 20_000
"""Train environments per element."""
_CONFIGURATIONS, _ATOMS = 100, 1_500
"""Random configurations of a family, and random atoms of these, that stand for it."""
_SEED = 0
_CATH = re.compile(r"(?:membrane\.)?(\d+(?:\.\d+){2,3})")


@dataclass(frozen=True, eq=False)
class Source:
    """A split and the tables beside it."""

    split: Split
    tables: SideTables

    def listed(self, family_id: str, column: str) -> set[str]:
        """What the families' table lists for a family; empty where it has no such column."""
        families = self.tables.families
        return set(map(str, families.loc[family_id, column])) if column in families else set()


@dataclass(frozen=True, eq=False)
class Leakage:
    """The table of one split against one train fold.

    Attributes:
        rows: one row a validation or test family. Shares are between 0 and 1; ``environment_*`` are
            distances to the nearest train environment of the element (see ``mfbench.environments``), and
            ``*_ratio`` the same over its median among train families, each left out in turn.
        among_train: median over train families of that distance's median and 90th percentile.
    """

    split: str
    against: str
    data_hashes: dict[str, str]
    rows: pd.DataFrame
    among_train: dict[str, float]

    def summary(self) -> dict[str, dict[str, Any]]:
        """Per fold: shares as means over its families, distances as medians, CATH levels as counts."""
        out = {}
        for fold, rows in self.rows.groupby("fold"):
            numbers = rows.select_dtypes(include=["number", "bool"])
            distances = [name for name in numbers if name.startswith("environment")]
            out[str(fold)] = {
                "families": len(rows),
                **numbers.drop(columns=distances).mean().to_dict(),
                **numbers[distances].median().to_dict(),
                "nearest_cath": rows["nearest_cath"].value_counts().to_dict(),
            }
        return out

    def write(self, folder: Path) -> None:
        """Write ``leakage.parquet`` (rows) and ``leakage.json`` (rows, summaries, what was compared)."""
        folder.mkdir(parents=True, exist_ok=True)
        self.rows.to_parquet(folder / "leakage.parquet", index=False)
        content = {
            "schema": 1,
            "split": self.split,
            "against": self.against,
            "data_hashes": self.data_hashes,
            "among_train": self.among_train,
            "summary": self.summary(),
            "families": self.rows.to_dict("records"),
        }
        (folder / "leakage.json").write_text(json.dumps(_finite(content), indent=1) + "\n")


def measure_leakage(source: Source, against: Source | None = None) -> Leakage:
    """Compare each validation and test family of ``source`` with the train fold of ``against`` (default:
    its own).

    Raises:
        ProtocolError: there is no train family, or nothing to compare.
    """
    other = against or source
    asked = (*source.split.validation, *source.split.test)
    if not asked or not other.split.train:
        raise ProtocolError(f"{other.split.name} has no train families, or {source.split.name} no others")
    train = _Train(other)
    elements = _elements((*other.split.train, *asked))
    rng = np.random.default_rng(_SEED)
    reference = Reference(
        {t.family_id: _sample(t, elements, rng, None) for t in other.split.train}, REFERENCE_LIMIT, rng
    )
    among = [
        _quantiles(reference.distances(_sample(t, elements, rng, _ATOMS), without=t.family_id))
        for t in other.split.train
    ]
    base = dict(zip(("median", "p90"), np.median(among, axis=0).tolist(), strict=True))
    rows = []
    for task in asked:
        found = _quantiles(reference.distances(_sample(task, elements, rng, _ATOMS)))
        distances = {f"environment_{name}": value for name, value in zip(base, found, strict=True)}
        ratios = {
            f"{name}_ratio": distances[name] / base[name[len("environment_") :]] for name in distances
        }
        rows.append({**train.compare(task, source), **distances, **ratios})
    names = {s.split.name: s.split.manifest.data_hash for s in (source, other)}
    return Leakage(source.split.name, other.split.name, names, pd.DataFrame(rows), base)


class _Train:
    """What a train fold holds, as sets."""

    def __init__(self, source: Source):
        tasks = source.split.train
        self.families = {t.family_id for t in tasks}
        self.graphs = source.split.train_graphs
        self.fragments = {name for t in tasks for name in t.graphs}
        self.configurations = {c.config_id for c in source.split.train_configurations}
        self.clusters = {name for t in tasks for name in t.clusters}
        self.proteins = {p for t in tasks for p in source.listed(t.family_id, "proteins")}
        self.cath = {code for t in tasks for code in _cath(t.family_id, source)}

    def compare(self, task: Task, source: Source) -> dict[str, Any]:
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


def _cath(family_id: str, source: Source) -> set[str]:
    """CATH codes of a family: the table's column ``cath`` where it has one, else its own name."""
    named = source.listed(family_id, "cath")
    match = _CATH.fullmatch(family_id)
    return named or ({match[1]} if match else set())


def _nearest_level(own: Iterable[str], train: Iterable[str]) -> str:
    """The deepest level of CATH that any two codes share."""
    train = [code.split(".") for code in train]
    depth = 0
    for code in own:
        parts = code.split(".")
        for level in range(len(parts), depth, -1):
            if any(parts[:level] == other[:level] for other in train):
                depth = level
                break
    return CATH_LEVELS[depth]


def _share(names: Iterable[str], known: set[str] | frozenset[str]) -> float:
    found = [name in known for name in names]
    return float(np.mean(found)) if found else 0.0


def _elements(tasks: Sequence[Task]) -> list[int]:
    """Every element of some families; all configurations of a fragment have the same."""
    fragments = {c.fragment_id: c for t in tasks for c in (*t.support, *t.query, *t.heldout)}
    return sorted({int(z) for c in fragments.values() for z in c.atomic_numbers})


def _sample(
    task: Task, elements: Sequence[int], rng: np.random.Generator, limit: int | None
) -> Environments:
    everything: tuple[Configuration, ...] = (*task.support, *task.query, *task.heldout)
    chosen = rng.permutation(len(everything))[:_CONFIGURATIONS]
    return environments([everything[i] for i in np.sort(chosen)], elements, limit, rng)


def _finite(value: Any) -> Any:
    """JSON has no infinity: a distance to what train does not have becomes null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _quantiles(distances: np.ndarray) -> tuple[float, float]:
    # The value that is there, not between two: an interpolated infinity would not be a number.
    return tuple(float(q) for q in np.quantile(distances, (0.5, 0.9), method="lower"))
