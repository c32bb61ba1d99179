"""The store of submissions: filed once, recomputed by every reader who cares to, shown by the board."""

from mfbench.store.export import flat_table
from mfbench.store.filing import file_submission
from mfbench.store.index import Broken, Snapshot, read_store
from mfbench.store.open import open_store
from mfbench.store.store import Store

__all__ = ["Broken", "Snapshot", "Store", "file_submission", "flat_table", "open_store", "read_store"]
