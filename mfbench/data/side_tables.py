"""What a split's folder knows beyond its tasks: kinds of fragments, proteins of families."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mfbench.data.parquet import read_table
from mfbench.data.split import Split, find_split
from mfbench.errors import UnknownNameError

__all__ = ["SideTables", "read_side_tables"]


@dataclass(frozen=True, eq=False)
class SideTables:
    """Tables beside the configurations; a column that the folder does not have is absent.

    Attributes:
        families: one row per family, index ``family_id``: title, proteins (``pdb_chain``), cluster30, ...
        fragments: one row per fragment of the split, index ``fragment_id``: graph_id, kind, pdb_id, ...
        stored: ``config_id, fragment_id`` of every stored configuration of these fragments.
    """

    families: pd.DataFrame
    fragments: pd.DataFrame
    stored: pd.DataFrame


def read_side_tables(name: str | Path | None, split: Split) -> SideTables:
    """The side tables of a split, from the files that its manifest lists.

    A table may be in parts (``../pool/<block>.fragments.parquet``). What is not on disk (``name`` is None,
    or the split lies elsewhere) comes from the tasks: their families, fragments with graphs, and the
    configurations that they use.

    Raises:
        DataError: a table is damaged.
    """
    try:
        folder = find_split(name) if name is not None else None
    except UnknownNameError:
        folder = None
    files = [folder / file for file in sorted(split.manifest.files)] if folder else []
    used = {fragment: graph for task in split.tasks for fragment, graph in task.graphs.items()}
    families = _find(files, "families.parquet")
    if families is None:
        rows = [(t.family_id, str(t.fold), t.stratum, list(t.clusters)) for t in split.tasks]
        families = pd.DataFrame(rows, columns=["family_id", "fold", "stratum", "cluster30"])
    fragments = _find(files, "fragments.parquet")
    if fragments is None:
        fragments = pd.DataFrame(list(used.items()), columns=["fragment_id", "graph_id"])
    stored = _find(files, "configurations.parquet", ["config_id", "fragment_id"])
    if stored is None:
        pairs = [(c.config_id, c.fragment_id) for t in split.tasks for c in t.everything]
        stored = pd.DataFrame(pairs, columns=["config_id", "fragment_id"])
    return SideTables(
        families.set_index("family_id"),
        fragments[fragments["fragment_id"].isin(used)].set_index("fragment_id"),
        stored[stored["fragment_id"].isin(used)].reset_index(drop=True),
    )


def _find(files: Sequence[Path], name: str, columns: list[str] | None = None) -> pd.DataFrame | None:
    """The table of that name, its parts put together; None where there is no such file."""
    parts = [
        read_table(f) for f in files if f.is_file() and (f.name == name or f.name.endswith(f".{name}"))
    ]
    if not parts:
        return None
    found: pd.DataFrame = pd.concat(
        [(part.select(columns) if columns else part).to_pandas() for part in parts]
    )
    return found
