"""New topologies for ``cath``: which have enough to cut, and which serve which fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from mfbench.errors import StructureError
from mfbench_tasks.families.cath import Protein, chains_by_topology, choose_families, resolved
from mfbench_tasks.families.topology import TopologyFamily
from mfbench_tasks.pool.group_kinds import Group
from mfbench_tasks.pool.groups import group_jobs
from mfbench_tasks.pool.recipe import Block, PoolRecipe
from mfbench_tasks.recipes.recipe import Recipe
from mfbench_tasks.seeds import stream

__all__ = ["QUOTAS", "Topology", "assign", "find_topologies"]

QUOTAS = {
    "alpha-beta": (8, 4, 22),
    "mainly-alpha": (5, 3, 12),
    "mainly-beta": (4, 2, 10),
    "membrane": (3, 2, 5),
    "few-ss": (1, 1, 0),
}
"""New topologies of each class: test, validation, train."""
_MIN_CANDIDATES = 2  # of every fragment
_TRIES = 3  # proteins looked at for each place


@dataclass(frozen=True)
class Topology:
    """A topology that can be a family: its best proteins, and how rare the first one's motifs are.

    Attributes:
        rarity: mean of −ln(share of all proteins looked at that have the motif).
        fold: empty until ``assign``.
    """

    family: TopologyFamily
    first: Protein
    second: Protein | None
    rarity: float = 0.0
    fold: str = ""

    @property
    def family_id(self) -> str:
        """Of the family that it is."""
        return self.family.family_id


def find_topologies(
    folder: Path, recipe: PoolRecipe, mini: Recipe, progress: Callable[[str], None]
) -> list[Topology]:
    """Topologies outside cath-mini with a protein that offers candidates for all fragments.

    A topology with a protein in a membrane counts as membrane, as that class is scarce.
    """
    known = choose_families(folder, mini.families, mini.plan)
    taken = {key for f in known for p in f.proteins for key in (p.pdb_id, p.cluster30)}
    used = {TopologyFamily.named(f.family_id).topology for f in known}
    chains = chains_by_topology(folder)
    offers: dict[TopologyFamily, list[Protein]] = {}
    for topology in sorted(chains.keys() - used):
        usable = [f for f in chains[topology] if resolved(f[0], recipe.plan)]
        membrane = any(in_membrane for *_, in_membrane in usable)
        proteins = [p for _, p, in_membrane in usable if in_membrane == membrane]
        offers[TopologyFamily(topology, membrane)] = proteins
    # Topologies with several clusters choose first.
    order = sorted(offers, key=lambda t: (len({p.cluster30 for p in offers[t]}) < 2, t.family_id))
    found, motifs = [], {}
    for family in order:
        first = _first(offers[family], taken, partial(_motifs, recipe=recipe, folder=folder))
        if first is None:
            progress(f"{family.family_id}: no protein")
            continue
        motifs[family] = _motifs(first, recipe=recipe, folder=folder)
        taken |= {first.pdb_id, first.cluster30}
        offered = partial(_motifs, recipe=recipe, folder=folder, beside=first)
        second = _first(offers[family], taken, offered)
        if second is not None:
            taken |= {second.pdb_id, second.cluster30}
        found.append(Topology(family, first, second))
        progress(f"{family.family_id}: {first.name} {second.name if second else '-'}")
    share = Counter(motif for names in motifs.values() for motif in names)
    return [
        replace(
            t, rarity=float(np.mean([-np.log(share[m] / len(motifs)) for m in sorted(motifs[t.family])]))
        )
        for t in found
    ]


def _first(
    proteins: Sequence[Protein], taken: set[str], motifs: Callable[[Protein], set[str]]
) -> Protein | None:
    free = [p for p in proteins if p.pdb_id not in taken and p.cluster30 not in taken]
    return next((p for p in free[:_TRIES] if motifs(p)), None)


def _motifs(
    protein: Protein, *, recipe: PoolRecipe, folder: Path, beside: Protein | None = None
) -> set[str]:
    """Motifs of a protein's candidates; empty if it has too few for pool and held-out fragments."""
    groups = [Group(id=protein.name, beside=beside.name if beside else None)]
    if beside is not None:
        groups.append(Group(id=beside.name))
    alone = recipe.model_copy(update={"blocks": (Block(name="b", groups=tuple(groups)),)})
    try:
        jobs = group_jobs(groups[0], alone, folder)
    except StructureError:
        return set()
    if min(len(job.candidates) for job in jobs) < _MIN_CANDIDATES:
        return set()
    return {c.motif for job in jobs for c in job.candidates}


def assign(found: Sequence[Topology], seed: int) -> list[Topology]:
    """The topologies wanted of each class, with folds, test first.

    Topologies with two proteins are taken first. Test families are those with the rarest motifs, half
    of them (where there are enough) with two proteins; validation is drawn at random from the rest.
    """
    out = []
    for family_class, (n_test, n_validation, n_train) in QUOTAS.items():
        mine = [t for t in found if t.family.family_class == family_class]
        rarest = sorted(mine, key=lambda t: (-t.rarity, t.family_id))
        wanted = sorted(rarest, key=lambda t: t.second is None)[: n_test + n_validation + n_train]
        double = [t for t in wanted if t.second is not None][: (n_test + 1) // 2]
        single = [t for t in wanted if t.second is None]
        test = list(dict.fromkeys(double + single + wanted))[:n_test]
        rest = sorted((t for t in wanted if t not in test), key=lambda t: t.family_id)
        order = stream(seed, "folds", family_class).permutation(len(rest))
        folds = ["validation"] * n_validation + ["train"] * len(rest)
        out += [replace(t, fold="test") for t in test]
        out += [replace(rest[k], fold=fold) for k, fold in zip(order, folds, strict=False)]
    return sorted(out, key=lambda t: (t.fold != "test", t.second is None, t.family_id))
