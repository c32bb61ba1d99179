"""Blocks of a pool on disk: three tables each, written once and never again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from mfbench.data.configuration import Configuration
from mfbench.data.parquet import read_table, write_configurations
from mfbench.data.split_tables import write_rows
from mfbench.work.files import written
from mfbench_tasks.build.job import Outcome
from mfbench_tasks.build.split_tables import FRAGMENTS, fragment_row

__all__ = ["GROUPS", "PARTS", "copy_split", "is_written", "part", "write_block", "write_tables"]

PARTS = ("groups", "fragments", "configurations")
"""In the order in which they appear: a block is there when its last part is."""
GROUPS = pa.schema([("group_id", pa.string()), ("fragment_id", pa.string()), ("heldout", pa.bool_())])


def part(folder: Path, block: str, name: str) -> Path:
    """``<block>.<part>.parquet``."""
    return Path(folder) / f"{block}.{name}.parquet"


def is_written(folder: Path, block: str) -> bool:
    """Whether all parts of a block are there."""
    return all(part(folder, block, name).is_file() for name in PARTS)


def write_block(folder: Path, block: str, outcomes: Sequence[Outcome], *, deep: bool = False) -> None:
    """Write a block; the same outcomes give the same bytes. What was not accepted leaves nothing.

    A deep block holds configurations of fragments that another block describes: its other tables are empty.
    """
    filled = sorted((o for o in outcomes if o.labelled is not None), key=lambda o: (o.family_id, o.number))
    groups = [
        {"group_id": o.family_id, "fragment_id": o.accepted.fragment_id, "heldout": o.heldout}
        for o in filled
    ]
    labelled = sorted((o.accepted for o in filled), key=lambda m: m.fragment_id)

    def write(paths: dict[str, Path]) -> None:
        write_rows(paths["groups"], [] if deep else groups, GROUPS)
        write_rows(paths["fragments"], [] if deep else [fragment_row(m) for m in labelled], FRAGMENTS)
        write_configurations(paths["configurations"], [c for m in labelled for c in m.configurations])

    _publish(folder, block, write)


def copy_split(folder: Path, block: str, split: Path) -> None:
    """A block from a split's own tables, byte for byte; its families are the groups."""
    groups = [
        {"group_id": row["family_id"], "fragment_id": name, "heldout": heldout}
        for row in read_table(split / "families.parquet").to_pylist()
        for column, heldout in (("pool_fragments", False), ("heldout_fragments", True))
        for name in row[column]
    ]

    def write(paths: dict[str, Path]) -> None:
        write_rows(paths["groups"], groups, GROUPS)
        for name in ("fragments", "configurations"):
            shutil.copyfile(split / f"{name}.parquet", paths[name])

    _publish(folder, block, write)


def write_tables(
    folder: Path, name: str, fragments: Sequence[dict[str, Any]], configurations: Sequence[Configuration]
) -> None:
    """Write ``<name>.fragments.parquet`` and ``<name>.configurations.parquet``."""

    def write(paths: dict[str, Path]) -> None:
        write_rows(paths["fragments"], fragments, FRAGMENTS)
        write_configurations(paths["configurations"], configurations)

    _publish(folder, name, write, PARTS[1:])


def _publish(
    folder: Path, block: str, write: Callable[[dict[str, Path]], None], parts: Sequence[str] = PARTS
) -> None:
    """Write all parts under other names, then rename them: a reader never sees half a file."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        # Published in reverse order of entering.
        write({name: stack.enter_context(written(part(folder, block, name))) for name in reversed(parts)})
