"""What a split's folder knows beyond its tasks: kinds of fragments, proteins of families."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mfbench.split import EMBEDDED, Split
from mfbench.tables import read_table

__all__ = ["SideTables", "read_side_tables", "split_folder"]

_POOLS = (".", "pool", "../pool")
"""Where a split's tables may lie, seen from its folder: several constructions share one pool, and a pool
is stored in blocks (``<block>.fragments.parquet``)."""


@dataclass(frozen=True, eq=False)
class SideTables:
    """Tables beside the configurations; a column that the folder does not have is absent.

    Attributes:
        families: one row a family, index ``family_id``: title, proteins (``pdb_chain``), cluster30, ...
        fragments: one row a fragment of the split, index ``fragment_id``: graph_id, kind, pdb_id, ...
        stored: ``config_id, fragment_id`` of every stored configuration of these fragments.
    """

    families: pd.DataFrame
    fragments: pd.DataFrame
    stored: pd.DataFrame


def split_folder(name: str | Path) -> Path:
    """The folder of a split that ``load_split`` takes by the same name."""
    return Path(name) if (Path(name) / "manifest.json").is_file() else EMBEDDED / str(name)


def read_side_tables(name: str | Path | None, split: Split) -> SideTables:
    """The side tables of a split, from its folder or the pool beside it.

    What is not on disk (``name`` is None, or the split lies elsewhere) comes from the tasks: their
    families, fragments with graphs, and the configurations that they use.

    Raises:
        DataError: a table is damaged.
    """
    folder = split_folder(name) if name is not None else None
    used = {fragment: graph for task in split.tasks for fragment, graph in task.graphs.items()}
    families = _find(folder, "families.parquet")
    if families is None:
        rows = [(t.family_id, str(t.fold), t.stratum, list(t.clusters)) for t in split.tasks]
        families = pd.DataFrame(rows, columns=["family_id", "fold", "stratum", "cluster30"])
    fragments = _find(folder, "fragments.parquet")
    if fragments is None:
        fragments = pd.DataFrame(list(used.items()), columns=["fragment_id", "graph_id"])
    stored = _find(folder, "configurations.parquet", ["config_id", "fragment_id"])
    if stored is None:
        rows = [
            (c.config_id, c.fragment_id) for t in split.tasks for c in (*t.support, *t.query, *t.heldout)
        ]
        stored = pd.DataFrame(rows, columns=["config_id", "fragment_id"])
    return SideTables(
        families.set_index("family_id"),
        fragments[fragments["fragment_id"].isin(used)].set_index("fragment_id"),
        stored[stored["fragment_id"].isin(used)].reset_index(drop=True),
    )


def _find(folder: Path | None, file: str, columns: list[str] | None = None) -> pd.DataFrame | None:
    """The table in the first place that has it; blocks are put together."""
    for place in _POOLS if folder is not None else ():
        paths = [folder / place / file, *sorted((folder / place).glob(f"*.{file}"))]
        found = [read_table(path) for path in paths if path.is_file()]
        if found:
            return pd.concat([(t.select(columns) if columns else t).to_pandas() for t in found])
    return None
