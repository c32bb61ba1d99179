"""What a folder of constructions holds, counted; and the promise that its shards serve whole folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.compute as pc

from mfbench.data.manifest import POOL, Manifest, read_manifest, tables, verify_files
from mfbench.data.parquet import read_table
from mfbench.data.split import Fold
from mfbench.errors import DataError
from mfbench_tasks.constructions.registry import CONSTRUCTIONS

__all__ = ["Construction", "FoldFacts", "read_constructions"]

_ORDER = list(CONSTRUCTIONS)
"""Constructions are shown in the registry's order; others follow by name."""
_COLUMNS = ["config_id", "fragment_id", "sampler", "temperature_K"]


@dataclass(frozen=True)
class FoldFacts:
    """A fold of a construction.

    Attributes:
        shards: its files of configurations, relative to the data set's folder.
        atoms: over all configurations; ``smallest`` and ``largest`` are of one configuration.
        elements: atomic numbers.
        charges: total charge → number of fragments.
        open_shell: fragments with unpaired electrons, and their configurations.
        samplers: sampler → configurations.
        temperatures: lowest and highest, K.
    """

    shards: tuple[str, ...]
    families: int
    fragments: int
    configurations: int
    atoms: int
    smallest: int
    largest: int
    elements: tuple[int, ...]
    charges: dict[int, int]
    open_shell: tuple[int, int]
    samplers: dict[str, int]
    temperatures: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Construction:
    """A construction: manifest, folds that it has, and its fragments with family and fold."""

    name: str
    manifest: Manifest
    folds: dict[str, FoldFacts]
    fragments: pd.DataFrame
    fragment_shards: tuple[str, ...]


def read_constructions(folder: Path) -> tuple[list[Construction], list[str]]:
    """All constructions over the pool of a folder, checked; and the names of splits whose tables cannot be
    given as folds: those that are self-contained, and those whose tasks have levels of theory.

    Raises:
        DataError: there is none, a file is missing or altered, or a shard serves two folds or only in part.
    """
    names = sorted(path.parent.name for path in Path(folder).glob("*/manifest.json"))
    names.sort(key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))
    found: list[Construction] = []
    alone: list[str] = []
    cache: dict[str, pd.DataFrame] = {}
    for name in names:
        manifest = read_manifest(folder / name)
        verify_files(folder / name, manifest)
        if "configurations.parquet" in manifest.files or manifest.energy_shifts:
            alone.append(name)
        else:
            found.append(_read(folder, name, manifest, cache))
    if not found:
        raise DataError(
            f"{folder} holds no construction over a pool (no */manifest.json that names {POOL})"
        )
    return found, alone


def _read(folder: Path, name: str, manifest: Manifest, cache: dict[str, pd.DataFrame]) -> Construction:
    families = read_table(folder / name / "families.parquet").to_pandas().set_index("family_id")
    roles = read_table(folder / name / "roles.parquet").to_pandas()
    fold_of = dict(zip(roles["config_id"], roles["family_id"].map(families["fold"]), strict=True))
    family_of = dict(zip(roles["config_id"], roles["family_id"], strict=True))
    parts: dict[str, list[tuple[str, pd.DataFrame]]] = {fold: [] for fold in Fold}
    for file in tables(manifest, "configurations"):
        path = file.replace(POOL, "pool", 1)
        rows = cache.setdefault(path, _configurations(folder / path))
        folds = rows["config_id"].map(fold_of)
        if len(rows):
            parts[_only_fold(name, path, rows["config_id"], folds)].append((path, rows))
    missing = set(fold_of) - {c for found in parts.values() for _, rows in found for c in rows["config_id"]}
    if missing:
        raise DataError(f"{name}: no shard holds {min(missing)}: write the construction again")
    files = [file.replace(POOL, "pool", 1) for file in tables(manifest, "fragments")]
    known = [cache.setdefault(path, read_table(folder / path).to_pandas()) for path in files]
    fragments = pd.concat(known).set_index("fragment_id")
    owner = {
        fragment: family_of[config]
        for found in parts.values()
        for _, rows in found
        for config, fragment in zip(rows["config_id"], rows["fragment_id"], strict=True)
    }
    if lacking := set(owner) - set(fragments.index):
        raise DataError(f"{name}: no shard describes fragment {min(lacking)}")
    fragments = fragments[fragments.index.isin(owner)].assign(family_id=lambda f: f.index.map(owner))
    fragments = fragments.assign(fold=fragments["family_id"].map(families["fold"])).sort_index()
    counted = {
        str(fold): _count(found, families[families["fold"] == fold], fragments[fragments["fold"] == fold])
        for fold, found in parts.items()
        if found
    }
    shards = tuple(path for path, rows in zip(files, known, strict=True) if len(rows))
    return Construction(name, manifest, counted, fragments, shards)


def _only_fold(name: str, path: str, ids: pd.Series, folds: pd.Series) -> str:
    """The fold that a shard serves; it must serve it whole."""
    if folds.isna().any():
        unused = ids[folds.isna()].iloc[0]
        raise DataError(f"{name} uses only a part of {path} (not {unused}): arrange the shards again")
    if folds.nunique() > 1:
        both = " and ".join(sorted(folds.unique()))
        raise DataError(f"{name}: {path} holds configurations of {both}: arrange the shards again")
    return str(folds.iloc[0])


def _configurations(path: Path) -> pd.DataFrame:
    table = read_table(path)
    sizes = pc.list_value_length(table["atomic_numbers"]).to_numpy()
    rows: pd.DataFrame = table.select(_COLUMNS).to_pandas()
    return rows.assign(atoms=sizes)


def _count(
    parts: Sequence[tuple[str, pd.DataFrame]], families: pd.DataFrame, fragments: pd.DataFrame
) -> FoldFacts:
    rows = pd.concat([found for _, found in parts])
    unpaired = fragments.index[fragments["n_unpaired"] > 0]
    return FoldFacts(
        shards=tuple(path for path, _ in parts),
        families=len(families),
        fragments=len(fragments),
        configurations=len(rows),
        atoms=int(rows["atoms"].sum()),
        smallest=int(rows["atoms"].min()),
        largest=int(rows["atoms"].max()),
        elements=tuple(sorted({int(z) for numbers in fragments["atomic_numbers"] for z in numbers})),
        charges=dict(sorted(Counter(map(int, fragments["total_charge"])).items())),
        open_shell=(len(unpaired), int(rows["fragment_id"].isin(unpaired).sum())),
        samplers=dict(sorted(Counter(rows["sampler"]).items())),
        temperatures=(float(rows["temperature_K"].min()), float(rows["temperature_K"].max())),
    )
