"""The null of families: another construction's fragments permuted over the families of their fold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mfbench.errors import DataError
from mfbench_tasks.constructions.arrangements.arrangement import (
    ArrangedFamily,
    Arrangement,
    Families,
    Given,
    repeated_graphs,
)
from mfbench_tasks.pool.inventory import Inventory
from mfbench_tasks.pool.recipe import Construction
from mfbench_tasks.seeds import stream

__all__ = ["ARRANGEMENT", "shuffle"]

_SWAPS = 100_000


def shuffle(families: Sequence[ArrangedFamily], inventory: Inventory, seed: int) -> list[ArrangedFamily]:
    """Fragments permuted over the families of their fold.

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
                    family_class="shuffled",
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
        return repeated_graphs([name for names in place[i] for name in names], inventory)

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


def _families(construction: Construction, given: Given) -> Families:
    found = given.construction(construction.source).families
    return Families(shuffle(found, given.inventory, given.recipe.seed))


ARRANGEMENT = Arrangement(_families)
