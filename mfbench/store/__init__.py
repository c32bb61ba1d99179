"""The store of submissions: filed once, recomputed by every reader who cares to, shown by the board."""

from mfbench.store.export import flat_table
from mfbench.store.index import Broken, Snapshot, read_store
from mfbench.store.store import Store, open_store

__all__ = ["Broken", "Snapshot", "Store", "flat_table", "open_store", "read_store"]
