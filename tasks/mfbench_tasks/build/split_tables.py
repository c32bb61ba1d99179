"""The table of fragments: what each is and where it was cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from ase.data import chemical_symbols
from ase.formula import Formula

from mfbench.data.molecular_graph import graph_id
from mfbench.data.parquet import POSITION_GRID, round_to_grid
from mfbench_tasks.sampling.label_trajectory import LabelledFragment

__all__ = ["FRAGMENTS", "fragment_row", "graph_of"]

FRAGMENTS = pa.schema(
    [
        ("fragment_id", pa.string()),
        ("graph_id", pa.string()),
        ("kind", pa.string()),
        ("pdb_id", pa.string()),
        ("chain", pa.string()),
        ("residues", pa.string()),
        ("formula", pa.string()),
        ("atomic_numbers", pa.list_(pa.uint8())),
        ("relaxed_positions", pa.list_(pa.float32())),  # 3n values, Å
        ("total_charge", pa.int8()),
        ("n_unpaired", pa.int8()),
        ("sampler", pa.string()),
    ]
)


def graph_of(labelled: LabelledFragment) -> str:
    """Molecular graph id of an accepted fragment."""
    f = labelled.fragment
    return graph_id(f.atomic_numbers, labelled.relaxed, f.total_charge, f.n_unpaired)


def fragment_row(labelled: LabelledFragment) -> dict[str, Any]:
    """Its row of the fragment table."""
    f = labelled.fragment
    symbols = "".join(chemical_symbols[z] for z in f.atomic_numbers)
    return {
        "fragment_id": labelled.fragment_id,
        "graph_id": graph_of(labelled),
        "kind": f.kind,
        "pdb_id": f.pdb_id,
        "chain": f.chain,
        "residues": f"{f.motif.split(':')[1]} {f.residues}",
        "formula": Formula(symbols).format("hill"),
        "atomic_numbers": f.atomic_numbers.astype(np.uint8),
        "relaxed_positions": round_to_grid(labelled.relaxed, POSITION_GRID).astype(np.float32).ravel(),
        "total_charge": f.total_charge,
        "n_unpaired": f.n_unpaired,
        "sampler": labelled.sampler,
    }
