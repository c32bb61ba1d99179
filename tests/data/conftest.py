"""A real split of five families, small enough to plant faults in."""

import json
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mfbench.data.manifest import FILES, data_hash
from mfbench.data.parquet import sha256
from mfbench.data.split import EMBEDDED

SOURCE = EMBEDDED / "cath-mini"
FAMILIES = ("1.10.510", "2.40.50", "1.25.40", "1.10.8", "4.10.410")
"""Two train families, one of validation, two of test."""


def _sign(folder, **changes):
    manifest = json.loads((folder / "manifest.json").read_text()) | changes
    manifest["files"] = {name: sha256(folder / name) for name in FILES}
    manifest["data_hash"] = data_hash(manifest["files"])
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Five families of cath-mini; do not alter it."""
    folder = tmp_path_factory.mktemp("small") / "small"
    folder.mkdir()
    families = pq.read_table(SOURCE / "families.parquet").to_pandas()
    families = families[families.family_id.isin(FAMILIES)]
    fragments = set(np.concatenate([*families.pool_fragments, *families.heldout_fragments]))
    kept = {name: ("family_id", set(FAMILIES)) for name in ("families", "roles", "draws")}
    kept |= {name: ("fragment_id", fragments) for name in ("fragments", "configurations")}
    for name, (column, values) in kept.items():
        table = pq.read_table(SOURCE / f"{name}.parquet")
        rows = table.filter(pa.array([x in values for x in table[column].to_pylist()]))
        pq.write_table(rows, folder / f"{name}.parquet")
    shutil.copy(SOURCE / "manifest.json", folder)
    counts = {"families": 5, "configurations": 5 * 339, "fragments": 45, "test_families": 2}
    _sign(folder, name="small", counts=counts)
    return folder


@pytest.fixture
def plant(small, tmp_path):
    """A copy of ``small`` with one table changed by a function of its DataFrame, and signed again."""

    def change(table, edit, *, sign=True):
        folder = shutil.copytree(small, tmp_path / "planted")
        path = folder / f"{table}.parquet"
        before = pq.read_table(path)
        rows = edit(before.to_pandas().reset_index(drop=True))
        assert isinstance(rows, pd.DataFrame)
        pq.write_table(pa.Table.from_pandas(rows, schema=before.schema, preserve_index=False), path)
        if sign:
            _sign(folder)
        return folder

    return change


@pytest.fixture
def sign():
    """Write the hashes of a folder's files, and other entries, into its manifest."""
    return _sign
