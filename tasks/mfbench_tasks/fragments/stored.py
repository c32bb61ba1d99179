"""Fragments read back from the fragment table: a row says everything that fresh configurations need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mfbench.data.molecular_graph import bonds
from mfbench_tasks.fragments.coordination_shell import first_shell
from mfbench_tasks.fragments.cut import Fragment

__all__ = ["stored_fragment", "stored_motif"]


def stored_motif(row: Mapping[Any, Any]) -> str:
    """The motif of a row of the fragment table, e.g. ``contact:ALA-VAL``."""
    return f"{row['kind']}:{row['residues'].partition(' ')[0]}"


def stored_fragment(row: Mapping[Any, Any]) -> tuple[Fragment, np.ndarray]:
    """A fragment from its row of the fragment table, and its relaxed positions [n, 3] in Å.

    Bonds and first shells are perceived from the relaxed geometry: the gates made sure of them there.
    """
    numbers = np.array(row["atomic_numbers"], dtype=np.int32)
    relaxed = np.array(row["relaxed_positions"], dtype=float).reshape(-1, 3)
    fragment = Fragment(
        kind=row["kind"],
        motif=stored_motif(row),
        pdb_id=row["pdb_id"],
        chain=row["chain"],
        residues=row["residues"].partition(" ")[2],
        atomic_numbers=numbers,
        positions=relaxed,
        bonds=bonds(numbers, relaxed),
        total_charge=int(row["total_charge"]),
        n_unpaired=int(row["n_unpaired"]),
        coordination=first_shell(relaxed, numbers),
    )
    return fragment, relaxed
