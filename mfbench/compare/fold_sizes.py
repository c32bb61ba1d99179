"""How many families and configurations a split has, without reading a configuration."""

from __future__ import annotations

from typing import NamedTuple

from mfbench.data.manifest import Manifest, read_manifest, verify_files
from mfbench.data.parquet import read_table
from mfbench.data.split import find_split

__all__ = ["FoldSizes", "fold_sizes"]

_TRAINED_ON = ("support", "query", "heldout")


class FoldSizes(NamedTuple):
    """A split's manifest, and its numbers.

    ``configurations``: mean per train family, in the roles that training uses.
    """

    manifest: Manifest
    test_families: int
    train_families: int
    configurations: int


def fold_sizes(name: str) -> FoldSizes:
    """From the tables of families and roles alone.

    Raises:
        UnknownNameError: no such split.
        DataError: a file is missing or altered.
    """
    folder = find_split(name)
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    families = read_table(folder / "families.parquet").to_pandas()
    roles = read_table(folder / "roles.parquet").to_pandas()
    train = families[families["fold"] == "train"]["family_id"]
    used = roles["family_id"].isin(set(train)) & roles["role"].isin(_TRAINED_ON)
    mean = round(int(used.sum()) / max(len(train), 1))
    return FoldSizes(manifest, int((families["fold"] == "test").sum()), len(train), mean)
