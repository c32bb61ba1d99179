"""``mfbench data leakage``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from mfbench.audit.leakage import Leakage
    from mfbench.audit.train_overlap import DescribedSplit

__all__ = ["register"]

SHARED = {
    "family_in_train": "same\nfam.",
    "proteins_in_train": "\nprot.",
    "fragments_in_train": "\nfrag.",
}
"""Shown between constructions; within one they are zero by design, and ``verify`` checks that."""
COLUMNS = {
    "cluster30_in_train": "30 %\nclus.",
    "nearest_cath": "\nCATH",
    "query_graphs_in_train": "\ngraphs",
    "environment_median": "env\n50 %",
    "environment_p90": "env\n90 %",
    "environment_median_ratio": "50 % ÷\ntrain",
}
_CATH = {"none": "–", "class": "C", "architecture": "CA", "topology": "CAT", "superfamily": "CATH"}
_FOLDS = {"validation": "val"}
LEGEND = """
same fam., 30 % clus.: shares a train family's name, a 30 % sequence cluster; CATH: deepest level shared;
prot., frag., graphs: share of its proteins, fragments and of the molecular graphs of its query, that train
holds; env: distance of an atom's environment to the nearest of its element in
train (0 the same, 1 no likeness), median and 90 %; ÷ train: over the same for a train family that is left
out ({:.3f}; with other configurations of it in train {:.3f})"""


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(leakage)


def leakage(
    split: Annotated[str, typer.Argument(help="A name from 'mfbench data list', or a folder.")],
    against: Annotated[
        str | None,
        typer.Option(metavar="OTHER", help="Compare with the train families of this split, not its own."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the .parquet and .json go. (default: runs/leakage-SPLIT)"),
    ] = None,
) -> None:
    """Show what validation and test families have in common with train families."""
    from mfbench.audit.leakage import measure_leakage

    found = measure_leakage(_source(split), _source(against) if against else None)
    folder = out or Path("runs") / f"leakage-{found.split}"
    found.write(folder)
    console = Console()
    console.print(f"{found.split} against the train families of {found.against}\n", highlight=False)
    console.print(_table(found, SHARED | COLUMNS if against else COLUMNS))
    legend = LEGEND.format(found.among_train["median"], found.among_train["median_known"])
    console.print("\n" + " ".join(legend.split()), highlight=False)
    for name in (f"{found.stem}.parquet", f"{found.stem}.json"):
        console.print(f"table   {folder / name}", soft_wrap=True, highlight=False)


def _source(name: str) -> DescribedSplit:
    from mfbench.audit.train_overlap import DescribedSplit
    from mfbench.data.side_tables import read_side_tables
    from mfbench.data.split import load_split

    split = load_split(name)
    return DescribedSplit(split, read_side_tables(name, split))


def _table(found: Leakage, columns: dict[str, str]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("\nfamily", overflow="fold")  # a long name folds, so that no number is cut
    table.add_column("\nfold", no_wrap=True)
    for title in columns.values():
        table.add_column(title, justify="right", no_wrap=True)
    for row in found.rows.to_dict("records"):
        fold = _FOLDS.get(row["fold"], row["fold"])
        table.add_row(row["family_id"], fold, *(_cell(name, row[name]) for name in columns))
    for fold, mean in found.summary().items():
        cells = (_cell(name, mean[name]) for name in columns)
        table.add_row(Text(f"all {mean['families']}", style="bold"), _FOLDS.get(fold, fold), *cells)
    return table


def _cell(name: str, value: Any) -> str:
    if isinstance(value, dict):  # the levels of many families: the deepest
        value = max(value, key=lambda level: list(_CATH).index(level) if level in _CATH else -1)
    if isinstance(value, str):
        return _CATH.get(value, "?")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not math.isfinite(value):
        return "∞"
    if not name.startswith("environment"):
        return f"{value:.0%}"
    return f"{value:.2f}" if name.endswith("ratio") else f"{value:.3f}"
