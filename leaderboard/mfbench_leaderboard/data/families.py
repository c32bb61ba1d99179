"""What the Family page shows: proteins, fragments, label distributions, everyone's error."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration
from mfbench.data.parquet import read_table
from mfbench.data.side_tables import SideTables, read_side_tables
from mfbench.data.split import Split, Task, find_split
from mfbench.metrics.errors import within_fragment
from mfbench.protocol.catalogue import reference_lines
from mfbench_leaderboard.data.board import Board
from mfbench_leaderboard.data.curves import label

__all__ = ["FamilyView", "Fragment", "families_of", "family_errors", "family_view"]


@dataclass(frozen=True, eq=False)
class Fragment:
    """A fragment to look at.

    Attributes:
        name, kind, formula, residues, role: role is ``pool``, ``held out`` or ``larger``.
        total_charge, n_unpaired: charge in e, unpaired electrons.
        atomic_numbers, positions: [n], [n, 3] Å, its relaxed geometry or a stored configuration.
    """

    name: str
    kind: str
    formula: str
    residues: str
    role: str
    total_charge: int
    n_unpaired: int
    atomic_numbers: np.ndarray
    positions: np.ndarray


@dataclass(frozen=True, eq=False)
class FamilyView:
    """A family.

    Attributes:
        family_id, title, stratum, fold: what it is.
        level: of theory, where it differs from that of the split; else empty.
        proteins: PDB entry and chain.
        fragments: all of them.
        energies: role → [n] kcal/mol, less each fragment's mean.
        forces: role → [n] eV/Å, size of the force on every atom.
    """

    family_id: str
    title: str
    stratum: str
    fold: str
    level: str
    proteins: list[str]
    fragments: list[Fragment]
    energies: dict[str, np.ndarray]
    forces: dict[str, np.ndarray]


def families_of(name: str) -> dict[str, str]:
    """family → fold of a split, from one small table: known long before its configurations are read.

    Raises:
        UnknownNameError, DataError: there is no such split, or its table is damaged.
    """
    table = read_table(find_split(name) / "families.parquet").select(["family_id", "fold"])
    return dict(sorted(zip(*(column.to_pylist() for column in table.columns), strict=True)))


@lru_cache(maxsize=2)
def _side_tables(split: Split) -> SideTables:
    """Read once a split: a reader goes from family to family."""
    return read_side_tables(split.name, split)


def family_view(split: Split, family_id: str) -> FamilyView:
    """A family of a split; ``KeyError`` if it has none of that name."""
    task = {t.family_id: t for t in split.tasks}[family_id]
    tables = _side_tables(split)
    about = tables.families.loc[family_id]
    roles = {"support pool": task.support, "query": task.query, "held-out query": task.heldout}
    if task.larger:
        roles["larger cuts"] = task.larger
    shown = {c.fragment_id: c for c in reversed(task.everything)}
    energies, forces = {}, {}
    for role, found in roles.items():
        labels = np.array([c.energy for c in found])
        fragments = np.array([c.fragment_id for c in found])
        energies[role] = within_fragment(labels, fragments) * EV_TO_KCAL_MOL if len(labels) else labels
        forces[role] = np.linalg.norm(
            np.concatenate([np.zeros((0, 3)), *(c.forces for c in found)]), axis=1
        )
    return FamilyView(
        family_id,
        str(about.get("title", "")),
        task.stratum,
        str(task.fold),
        task.level,
        [str(p) for p in about.get("proteins", [])],
        [_fragment(shown[name], task, tables) for name in task.graphs if name in shown],
        energies,
        forces,
    )


def _fragment(some: Configuration, task: Task, tables: SideTables) -> Fragment:
    name = some.fragment_id
    row = tables.fragments.loc[name] if name in tables.fragments.index else {}
    relaxed = row.get("relaxed_positions")
    positions = some.positions if relaxed is None else np.concatenate([np.ravel(x) for x in relaxed])
    pool, larger = ({c.fragment_id for c in role} for role in (task.support, task.larger))
    return Fragment(
        name,
        str(row.get("kind", "")),
        str(row.get("formula", "")),
        str(row.get("residues", "")),
        "pool" if name in pool else "larger" if name in larger else "held out",
        some.total_charge,
        some.n_unpaired,
        some.atomic_numbers,
        np.reshape(positions, (-1, 3)).astype(float),
    )


def family_errors(board: Board, split: str, family: str, k: int, metric: str):
    """[(id, label, error, is a line)] of every submission with this family and K, best first."""
    found = []
    for name, errors in board.families(split, k, metric).items():
        families = board.snapshot.summaries[name].families
        if family in families and np.isfinite(value := errors[families.index(family)]):
            line = board.snapshot.summaries[name].card.method in reference_lines()
            found.append((name, label(board, name), float(value), line))
    return sorted(found, key=lambda item: item[2])
