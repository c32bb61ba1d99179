"""Recomputing a whole store: does every score that is shown follow from its predictions?"""

from __future__ import annotations

import math
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from mfbench.data.printable_text import printable
from mfbench.errors import MfbenchError
from mfbench.store.index import read_store
from mfbench.store.rerun import weights_of
from mfbench.store.store import Store

__all__ = ["audit"]


def audit(store: Store) -> Iterator[tuple[str, str | None]]:
    """Every submission's id, with what is wrong with it or None.

    Files are read and hashed, scores are computed anew, and compared with those of the index. Weights that
    a submission says it ran must be there.
    """
    snapshot = read_store(store, write=False)
    shown = {broken.name: broken.reason for broken in snapshot.broken}
    for name in store.ids():
        if name in shown:
            yield name, shown[name]
            continue
        try:
            checked, _, table = store.recompute(name)
            weights_of(store, checked)
        except (MfbenchError, OSError) as error:
            yield name, printable(error)
            continue
        rows = snapshot.rows.filter(pc.equal(snapshot.rows["submission"], name))
        yield name, None if _same(rows, table) else "the index shows other scores than its predictions give"


def _same(rows: pa.Table, table: pa.Table) -> bool:
    def scores(found: pa.Table) -> dict[tuple[str, int, str], float]:
        return {
            (r["metric"], r["k"], r["query"]): r["value"]
            for r in found.drop_columns(["sketch"]).to_pylist()
        }

    one, two = scores(rows), scores(table)
    return one.keys() == two.keys() and all(math.isclose(one[k], two[k], rel_tol=1e-9) for k in one)
