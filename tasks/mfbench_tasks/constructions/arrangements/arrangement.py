"""What every arrangement shares: a family with its fragments, and what it may be made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mfbench_tasks.pool.inventory import Inventory
from mfbench_tasks.pool.recipe import Construction, PoolRecipe

__all__ = ["ArrangedFamily", "Arrangement", "Families", "Given", "Waits", "repeated_graphs"]


@dataclass(frozen=True)
class ArrangedFamily:
    """A family with its fragments: a row of a split's family table. ``deep``: with its deep pool."""

    family_id: str
    fold: str
    family_class: str
    title: str
    proteins: tuple[str, ...]
    cluster30: tuple[str, ...]
    pool_fragments: tuple[str, ...]
    heldout_fragments: tuple[str, ...]
    larger_fragments: tuple[str, ...] = ()
    deep: bool = False

    @property
    def fragments(self) -> tuple[str, ...]:
        """All of them."""
        return self.pool_fragments + self.heldout_fragments + self.larger_fragments


@dataclass(frozen=True)
class Families:
    """The families of a construction, and the ids of those that lost too many fragments to stand."""

    families: Sequence[ArrangedFamily]
    left_out: Sequence[str] = ()


@dataclass(frozen=True)
class Given:
    """What a construction may be made from.

    Attributes:
        recipe: of the pool.
        tables: folder that the recipe's paths are relative to.
        inventory: what the blocks hold.
        earlier: constructions that come before it in the recipe.
        partial: whether it may do without families whose blocks are missing.
    """

    recipe: PoolRecipe
    tables: Path
    inventory: Inventory
    earlier: Mapping[str, Families]
    partial: bool = False

    def construction(self, name: str) -> Families:
        """An earlier construction.

        Raises:
            Waits: it is not there yet.
        """
        if name not in self.earlier:
            raise Waits(f"waits for {name}")
        return self.earlier[name]


class Waits(Exception):
    """Something that a construction needs is not there yet: the message says what."""


@dataclass(frozen=True)
class Arrangement:
    """A way in which a construction comes by its families.

    Attributes:
        families: gives them; raises ``Waits`` where something is missing.
        decides_shards: whether its folds decide which fragments are stored together.
        self_contained: whether its folder holds its labels, instead of naming shards of the pool.
    """

    families: Callable[[Construction, Given], Families]
    decides_shards: bool = False
    self_contained: bool = False


def repeated_graphs(names: Sequence[str], inventory: Inventory) -> int:
    """How many of these fragments have the molecular graph of another one of them."""
    return len(names) - len({inventory.fragments[name].graph_id for name in names})
