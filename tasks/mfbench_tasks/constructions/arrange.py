"""Families of a construction: their fragments from a pool, or another construction's permuted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mfbench.errors import DataError
from mfbench_tasks.families.cath import Protein
from mfbench_tasks.families.table import FamilyRow
from mfbench_tasks.pool.inventory import Inventory
from mfbench_tasks.pool.recipe import PoolRecipe
from mfbench_tasks.sampling.role import Role
from mfbench_tasks.seeds import stream

__all__ = ["Arranged", "arrange", "check_families", "mini", "shuffle"]

_SWAPS = 100_000


@dataclass(frozen=True)
class Arranged:
    """A family with its fragments: a row of a split's family table. ``deep``: with its deep pool."""

    family_id: str
    fold: str
    stratum: str
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


def check_families(rows: Sequence[FamilyRow], recipe: PoolRecipe) -> None:
    """What a table of families promises: folds share nothing, reserved groups serve test families.

    Raises:
        DataError: an entry or a 30 % cluster is in two folds, or training uses a reserved group.
    """
    owner: dict[str, str] = {}
    reserved = {group.id for block in recipe.blocks for group in block.groups if group.reserved}
    for row in rows:
        keys = [f"entry {Protein.named(name).pdb_id}" for name in row.proteins]
        for key in keys + [f"cluster {name}" for name in row.clusters]:
            if owner.setdefault(key, row.fold) != row.fold:
                raise DataError(f"{key} is in folds {owner[key]} and {row.fold}: see {row.family_id}")
        if row.fold != "test" and {row.pool, row.heldout} & reserved:
            raise DataError(f"{row.fold} family {row.family_id} uses a group reserved for test families")


def arrange(
    rows: Sequence[FamilyRow],
    inventory: Inventory,
    *,
    min_support: int,
    larger: Mapping[str, str] | None = None,
) -> tuple[list[Arranged], list[str]]:
    """Families with their fragments, and the ids of those that lost too many slots to stand.

    Test families also get what their pool group has of deep configurations and larger cuts.

    Args:
        larger: pool group → group of its larger cuts.

    Raises:
        DataError: a family holds the same molecular graph twice.
    """
    out, left_out = [], []
    for row in rows:
        pool = inventory.groups.get((row.pool, False), ())
        extra = (larger or {}).get(row.pool, "") if row.fold == "test" else ""
        family = Arranged(
            family_id=row.family_id,
            fold=row.fold,
            stratum=row.stratum,
            title=row.title,
            proteins=row.proteins or _proteins(row, inventory),
            cluster30=row.clusters,
            pool_fragments=pool,
            heldout_fragments=inventory.groups.get((row.heldout, True), ()),
            larger_fragments=inventory.groups.get((extra, True), ()),
            deep=row.fold == "test" and any(inventory.fragments[name].deep for name in pool),
        )
        if _support(family, inventory) < min_support or not family.heldout_fragments:
            left_out.append(row.family_id)
            continue
        if _repeats(family.fragments, inventory):
            raise DataError(f"family {row.family_id} holds a molecular graph twice")
        out.append(family)
    return out, left_out


def mini(families: Sequence[Arranged], only: Sequence[str]) -> list[Arranged]:
    """Some families as they are, without deep pools and larger cuts.

    Raises:
        DataError: one of them is not there.
    """
    known = {f.family_id: f for f in families}
    for name in only:
        if name not in known:
            raise DataError(f"a mini wants family {name}, which its construction does not have")
    return [replace(known[name], larger_fragments=(), deep=False) for name in only]


def shuffle(families: Sequence[Arranged], inventory: Inventory, seed: int) -> list[Arranged]:
    """The null construction: fragments permuted over the families of their fold.

    Pool fragments change places with pool fragments and held-out with held-out ones, kind by kind, so
    that families keep their sizes and their kinds; none holds a molecular graph twice. A family that
    means nothing has no cluster of its own either: in the bootstrap every one stands alone, because
    real clusters would tie all families together.

    Raises:
        DataError: no permutation without repeats was found.
    """
    out = []
    for fold in dict.fromkeys(f.fold for f in families):
        members = [f for f in families if f.fold == fold]
        place = [[list(f.pool_fragments), list(f.heldout_fragments)] for f in members]
        _permute(place, inventory, stream(seed, "shuffle", fold))
        for family, (pool, heldout) in zip(members, place, strict=True):
            name = f"shuffled.{family.family_id}"
            out.append(
                replace(
                    family,
                    family_id=name,
                    stratum="shuffled",
                    title="Fragments of several families, drawn at random",
                    proteins=tuple(sorted({inventory.fragments[f].protein for f in pool + heldout})),
                    cluster30=(name,),
                    pool_fragments=tuple(pool),
                    heldout_fragments=tuple(heldout),
                    larger_fragments=(),
                    deep=False,
                )
            )
    return out


def _permute(place: list[list[list[str]]], inventory: Inventory, rng: np.random.Generator) -> None:
    """Permute fragments in place ([family][part][position]), then swap repeated graphs away."""
    positions: dict[tuple[int, str], list[tuple[int, int, int]]] = defaultdict(list)
    for i, parts in enumerate(place):
        for p, names in enumerate(parts):
            for k, name in enumerate(names):
                positions[p, inventory.fragments[name].kind].append((i, p, k))
    for spots in positions.values():
        names = [place[i][p][k] for i, p, k in spots]
        for (i, p, k), n in zip(spots, rng.permutation(len(names)), strict=True):
            place[i][p][k] = names[n]

    def repeats(i: int) -> int:
        return _repeats([name for names in place[i] for name in names], inventory)

    everything = [(spot, spots) for spots in positions.values() for spot in spots]
    for _ in range(_SWAPS):
        wrong = [(spot, spots) for spot, spots in everything if repeats(spot[0])]
        if not wrong:
            return
        (i, p, k), spots = wrong[rng.integers(len(wrong))]
        j, q, m = spots[rng.integers(len(spots))]
        before = repeats(i) + repeats(j)
        place[i][p][k], place[j][q][m] = place[j][q][m], place[i][p][k]
        if repeats(i) + repeats(j) > before:
            place[i][p][k], place[j][q][m] = place[j][q][m], place[i][p][k]
    raise DataError("fragments cannot be shuffled without repeats: the fold is too small")


def _repeats(names: Sequence[str], inventory: Inventory) -> int:
    return len(names) - len({inventory.fragments[name].graph_id for name in names})


def _proteins(row: FamilyRow, inventory: Inventory) -> tuple[str, ...]:
    """Of the fragments that were made, where the table does not say."""
    names = inventory.groups.get((row.pool, False), ()) + inventory.groups.get((row.heldout, True), ())
    return tuple(sorted({inventory.fragments[name].protein for name in names}))


def _support(family: Arranged, inventory: Inventory) -> int:
    return sum(
        c.role == Role.SUPPORT for f in family.pool_fragments for c in inventory.fragments[f].configurations
    )
