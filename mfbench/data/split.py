"""Where splits lie, and how they are read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from mfbench.data.at_level import Relabelled, at_level
from mfbench.data.folders import data_folder
from mfbench.data.levels import read_level_labels
from mfbench.data.manifest import Manifest, label_levels, read_manifest, tables, verify_files
from mfbench.data.parquet import read_configurations, read_table
from mfbench.data.task import ROLES, Fold, Split, Task
from mfbench.errors import DataError, UnknownNameError

__all__ = [
    "ROLES",
    "Fold",
    "Split",
    "Task",
    "as_split",
    "available_splits",
    "find_split",
    "load_split",
]

EMBEDDED = Path(__file__).parents[1] / "embedded" / "data"
_CHECKOUT = Path(__file__).parents[2] / "tasks" / "data"


def _places() -> list[Path]:
    """Folders of splits: the package's own, $MFBENCH_DATA, a source checkout's, the downloaded ones."""
    named = [data_folder()] if os.environ.get("MFBENCH_DATA") else []
    return [EMBEDDED, *named, _CHECKOUT, data_folder()]


def available_splits() -> list[str]:
    """Names of the splits that ship with the package or lie where ``find_split`` looks."""
    return sorted({path.parent.name for place in _places() for path in place.glob("*/manifest.json")})


def find_split(name: str | Path) -> Path:
    """The folder of a split: a path, or a name looked up in the package, in the folder that the
    environment variable MFBENCH_DATA names, in ``tasks/data`` of a source checkout, and in the user's
    data folder (see ``mfbench.data.folders``).

    Raises:
        UnknownNameError: no such split.
    """
    places = [Path(name), *(place / str(name) for place in _places())] if str(name) else []
    for folder in places:
        if (folder / "manifest.json").is_file():
            return folder
    raise UnknownNameError(
        f"unknown split '{name}': choose one of {', '.join(available_splits())}, give a folder, "
        "or fetch it with mfbench data download"
    )


def load_split(name: str | Path, *, level: str | None = None, verify: bool = True) -> Split:
    """Load a split by its name, or by its folder.

    Args:
        name: e.g. ``cath-mini``; see ``find_split``.
        level: of theory, e.g. ``gfn1``: the same tasks with labels of that level, as far as there are
            any; of a split whose tasks have levels, the tasks at that one. Default: as published.
        verify: compare the SHA-256 of every file first.

    Raises:
        UnknownNameError: no such split, or no labels at that level.
        DataError: a file is missing, altered, or inconsistent.
    """
    folder = find_split(name)
    manifest = read_manifest(folder)
    if verify:
        verify_files(folder, manifest)
    split = Split(manifest.name, manifest, _tasks(folder, manifest))
    return split if level is None else at_level(split, folder, level, verify=verify)


def as_split(split: str | Path | Split) -> Split:
    """The split itself, or the one of that name or in that folder.

    Raises:
        UnknownNameError, DataError: see ``load_split``.
    """
    return split if isinstance(split, Split) else load_split(split)


def _tasks(folder: Path, manifest: Manifest) -> tuple[Task, ...]:
    graphs = {
        row["fragment_id"]: row["graph_id"]
        for file in tables(manifest, "fragments")
        for row in read_table(folder / file).select(["fragment_id", "graph_id"]).to_pylist()
    }
    configurations = {
        c.config_id: c
        for file in tables(manifest, "configurations")
        for c in read_configurations(folder / file, graphs)
    }
    at = {
        level: Relabelled(
            configurations,
            read_level_labels(folder / place, verify=False)[1],
            manifest.energy_shifts.get(level),
        )
        for level, place in label_levels(manifest).items()
    }
    families = read_table(folder / "families.parquet").to_pandas()
    roles = read_table(folder / "roles.parquet").to_pandas()
    draws = read_table(folder / "draws.parquet").to_pandas()
    by_family = {name: group for name, group in roles.groupby("family_id")}
    draws_of = {name: group for name, group in draws.groupby("family_id")}
    tasks = []
    try:
        for row in families.sort_values("family_id").itertuples():
            role = by_family[row.family_id].groupby("role")["config_id"].apply(list)
            names = [*row.pool_fragments, *row.heldout_fragments, *getattr(row, "larger_fragments", ())]
            position = {config: i for i, config in enumerate(role["support"])}
            order = draws_of[row.family_id].sort_values(["draw", "rank"])
            indices = np.array([position[c] for c in order["config_id"]])
            level = getattr(row, "level", "")
            labelled = at.get(level, configurations)
            tasks.append(
                Task(
                    family_id=row.family_id,
                    fold=Fold(row.fold),
                    stratum=row.stratum,
                    clusters=tuple(row.cluster30),
                    support=tuple(labelled[c] for c in role["support"]),
                    query=tuple(labelled[c] for c in role.get("query", ())),
                    heldout=tuple(labelled[c] for c in role.get("heldout", ())),
                    draws=indices.reshape(order["draw"].nunique(), -1),
                    graphs={name: graphs[name] for name in names},
                    larger=tuple(labelled[c] for c in role.get("larger", ())),
                    level=level,
                    family=getattr(row, "family", ""),
                    reference=tuple(configurations[c] for c in role["support"]) if level in at else (),
                )
            )
    except (KeyError, ValueError) as error:
        raise DataError(f"{folder}: the tables do not fit each other ({error}): rebuild it") from None
    return tuple(tasks)
