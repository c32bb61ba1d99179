"""A store as a flat table: one row per submission × split × K × query × metric."""

from __future__ import annotations

import pandas as pd

from mfbench.store.index import Snapshot

__all__ = ["COLUMNS", "flat_table"]

COLUMNS = (
    *("submission", "method", "arch", "backend", "split"),
    *("k", "query", "metric", "value", "lo", "hi", "trust"),
)


def flat_table(snapshot: Snapshot) -> pd.DataFrame:
    """All scores and declared costs, ``COLUMNS``; units are those of ``mfbench.metrics.errors``."""
    frame = snapshot.rows.drop_columns(["families", "sketch", "constant", "n_families"]).to_pandas()
    about = pd.DataFrame(
        [
            (s.id, s.card.method, s.card.arch or "", s.card.backend or "", str(snapshot.trust(s.id)))
            for s in snapshot.summaries.values()
        ],
        columns=["submission", "method", "arch", "backend", "trust"],
    )
    frame["submission"] = frame["submission"].astype(str)
    frame = frame.merge(about, on="submission", how="left")
    order = ["submission", "split", "k", "query", "metric"]
    for name in ("split", "query", "metric"):
        frame[name] = frame[name].astype(str)
    found: pd.DataFrame = frame.sort_values(order, kind="stable")[list(COLUMNS)]
    return found.reset_index(drop=True)
