"""How the families of ``cath`` and ``cluster30`` were chosen: run once; the tables are committed.

``cath``: the families of cath-mini with their folds, and new topologies, each with one protein for its
pool and, where it has a second 30 % cluster, another protein held out. ``cluster30``: every protein that
has pool fragments of its own is a family. First proteins keep their topology's fold in both
constructions; second proteins serve ``cluster30`` as train families, so that training there has met some
of the test families' topologies, which ``cath`` forbids. No entry and no cluster occurs twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mfbench.errors import DataError, StructureError
from mfbench_tasks.families import (
    Family,
    Protein,
    chains_by_topology,
    choose_families,
    resolved,
    stratum_of,
)
from mfbench_tasks.family_table import FamilyRow
from mfbench_tasks.groups import plan_group
from mfbench_tasks.pool_recipe import Block, Group, PoolRecipe
from mfbench_tasks.recipe import Recipe
from mfbench_tasks.seeds import stream

__all__ = [
    "QUOTAS",
    "Choice",
    "Topology",
    "arrange",
    "assign",
    "blocks_yaml",
    "choose",
    "find_topologies",
    "read_names",
]

QUOTAS = {
    "alpha-beta": (8, 4, 22),
    "mainly-alpha": (5, 3, 12),
    "mainly-beta": (4, 2, 10),
    "membrane": (3, 2, 5),
    "few-ss": (1, 1, 0),
}
"""New topologies of each stratum: test, validation, train."""
_ALSO_CLUSTERS = {"4.10.170": "train", "4.10.410": "test"}
"""Families of cath-mini whose first protein serves cluster30: proteins with few strands and helices are
small, and only two new ones offer enough places to cut."""
_SECONDS = 20  # second proteins that are families of cluster30
_MIN_CANDIDATES = 2  # of every slot
_TRIES = 3  # proteins looked at for each place
_BLOCK = 9.0  # groups; one without pool fragments counts as 45 / 339 configurations


@dataclass(frozen=True)
class Topology:
    """A topology that can be a family: its best proteins, and how rare the first one's motifs are.

    Attributes:
        rarity: mean of −ln(share of all proteins looked at that have the motif).
        fold: empty until ``assign``.
    """

    family_id: str
    first: Protein
    second: Protein | None
    rarity: float = 0.0
    fold: str = ""

    @property
    def stratum(self) -> str:
        """As ``stratum_of``."""
        return stratum_of(self.family_id)


def find_topologies(
    folder: Path, recipe: PoolRecipe, mini: Recipe, progress: Callable[[str], None]
) -> list[Topology]:
    """Topologies outside cath-mini with a protein that offers candidates for all slots.

    A topology with a protein in a membrane counts as membrane, as that stratum is scarce.
    """
    known = choose_families(folder, mini.families, mini.plan)
    taken = {key for f in known for p in f.proteins for key in (p.pdb_id, p.cluster30)}
    used = {f.family_id.removeprefix("membrane.") for f in known}
    chains = chains_by_topology(folder)
    offers = {}
    for topology in sorted(chains.keys() - used):
        usable = [f for f in chains[topology] if resolved(f[0], recipe.plan)]
        membrane = any(in_membrane for *_, in_membrane in usable)
        proteins = [p for _, p, in_membrane in usable if in_membrane == membrane]
        offers["membrane." * membrane + topology] = proteins
    # Topologies with several clusters choose first.
    order = sorted(offers, key=lambda t: (len({p.cluster30 for p in offers[t]}) < 2, t))
    found, motifs = [], {}
    for family_id in order:
        first = _first(offers[family_id], taken, lambda p: _plan(p, recipe, folder))
        if first is None:
            progress(f"{family_id}: no protein")
            continue
        motifs[family_id] = _plan(first, recipe, folder)
        taken |= {first.pdb_id, first.cluster30}
        second = _first(offers[family_id], taken, lambda p, f=first: _plan(p, recipe, folder, beside=f))
        if second is not None:
            taken |= {second.pdb_id, second.cluster30}
        found.append(Topology(family_id, first, second))
        progress(f"{family_id}: {first.name} {second.name if second else '-'}")
    share = Counter(motif for names in motifs.values() for motif in names)
    return [
        replace(
            t, rarity=float(np.mean([-np.log(share[m] / len(motifs)) for m in sorted(motifs[t.family_id])]))
        )
        for t in found
    ]


def _first(proteins: Sequence[Protein], taken: set[str], plan: Callable) -> Protein | None:
    free = [p for p in proteins if p.pdb_id not in taken and p.cluster30 not in taken]
    return next((p for p in free[:_TRIES] if plan(p)), None)


def _plan(protein: Protein, recipe: PoolRecipe, folder: Path, *, beside: Protein | None = None) -> set[str]:
    """Motifs of a protein's candidates; empty if it has too few for pool and held-out fragments."""
    groups = [Group(id=protein.name, beside=beside.name if beside else None)]
    if beside is not None:
        groups.append(Group(id=beside.name))
    alone = recipe.model_copy(update={"blocks": (Block(name="b", groups=tuple(groups)),)})
    try:
        slots = plan_group(groups[0], alone, folder)
    except StructureError:
        return set()
    if min(len(slot.candidates) for slot in slots) < _MIN_CANDIDATES:
        return set()
    return {c.motif for slot in slots for c in slot.candidates}


def assign(found: Sequence[Topology], seed: int) -> list[Topology]:
    """The topologies wanted of each stratum, with folds, test first.

    Topologies with two proteins are taken first. Test families are those with the rarest motifs, half
    of them (where there are enough) with two proteins; validation is drawn at random from the rest.
    """
    out = []
    for stratum, (n_test, n_validation, n_train) in QUOTAS.items():
        rarest = sorted((t for t in found if t.stratum == stratum), key=lambda t: (-t.rarity, t.family_id))
        wanted = sorted(rarest, key=lambda t: t.second is None)[: n_test + n_validation + n_train]
        double = [t for t in wanted if t.second is not None][: (n_test + 1) // 2]
        single = [t for t in wanted if t.second is None]
        test = list(dict.fromkeys(double + single + wanted))[:n_test]
        rest = sorted((t for t in wanted if t not in test), key=lambda t: t.family_id)
        order = stream(seed, "folds", stratum).permutation(len(rest))
        folds = ["validation"] * n_validation + ["train"] * len(rest)
        out += [replace(t, fold="test") for t in test]
        out += [replace(rest[k], fold=fold) for k, fold in zip(order, folds, strict=False)]
    return sorted(out, key=lambda t: (t.fold != "test", t.second is None, t.family_id))


@dataclass(frozen=True)
class Choice:
    """Blocks in the order in which they should be made; rows of the two tables."""

    blocks: list[Block]
    cath: list[FamilyRow]
    cluster30: list[FamilyRow]


def choose(
    folder: Path,
    recipe: PoolRecipe,
    mini: Recipe,
    names: Mapping[str, str],
    progress: Callable[[str], None],
) -> Choice:
    """Families of both constructions, and the blocks of groups that they need, in order of use."""
    chosen = assign(find_topologies(folder, recipe, mini, progress), recipe.seed)
    return arrange(chosen, choose_families(folder, mini.families, mini.plan), names)


def read_names(path: Path) -> dict[str, str]:
    """CATH node → its name, from CATH's list of names (Cath Names File, format 2.0).

    Raises:
        DataError: it cannot be read.
    """
    try:
        lines = Path(path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error})") from None
    found = (line.partition(":") for line in lines if not line.startswith("#") and ":" in line)
    return {node.split()[0]: " ".join(name.split()).rstrip(" .,;") for node, _, name in found}


def arrange(chosen: Sequence[Topology], known: Sequence[Family], names: Mapping[str, str]) -> Choice:
    """Rows and blocks for the topologies chosen and cath-mini's families.

    Args:
        names: CATH node → its name; a node without one is called by its number.
    """
    groups, cluster30 = [], []
    cath = [_mini_row(family) for family in known]
    seconds = {t.family_id for t in [t for t in chosen if t.second is not None][:_SECONDS]}
    for t in chosen:
        both = tuple(p for p in (t.first, t.second) if p is not None)
        title = _name(t.family_id, names) + " (membrane)" * (t.stratum == "membrane")
        cath.append(
            FamilyRow(
                family_id=t.family_id,
                fold=t.fold,
                stratum=t.stratum,
                title=title,
                pool=t.first.name,
                heldout=both[-1].name,
                proteins=tuple(p.name for p in both),
                clusters=tuple(p.cluster30 for p in both),
            )
        )
        groups.append(Group(id=t.first.name, reserved=t.fold == "test"))
        cluster30.append(_cluster_row(t.family_id, t.first, t.fold, names))
        if t.second is not None:
            is_family = t.family_id in seconds
            groups.append(
                Group(
                    id=t.second.name,
                    heldout_only=not is_family,
                    reserved=t.fold == "test" and not is_family,
                    beside=t.first.name,
                )
            )
            if is_family:
                cluster30.append(_cluster_row(t.family_id, t.second, "train", names))
    for family in known:
        if family.family_id in _ALSO_CLUSTERS:
            fold = _ALSO_CLUSTERS[family.family_id]
            groups.append(Group(id=family.proteins[0].name, reserved=fold == "test"))
            cluster30.append(_cluster_row(family.family_id, family.proteins[0], fold, names))
    return Choice(_packed(groups), cath, cluster30)


def _mini_row(family: Family) -> FamilyRow:
    """A family of cath-mini keeps its fragments: its group is named as the family is."""
    return FamilyRow(
        family_id=family.family_id,
        fold=family.fold,
        stratum=family.stratum,
        title=family.title,
        pool=family.family_id,
        heldout=family.family_id,
        proteins=tuple(p.name for p in family.proteins),
        clusters=tuple(p.cluster30 for p in family.proteins),
    )


def _name(family_id: str, names: Mapping[str, str]) -> str:
    topology = family_id.removeprefix("membrane.")
    return names.get(topology) or f"CATH topology {topology}"


def _cluster_row(topology: str, protein: Protein, fold: str, names: Mapping[str, str]) -> FamilyRow:
    return FamilyRow(
        family_id=f"c{protein.cluster30}",
        fold=fold,
        stratum=stratum_of(topology),
        title=f"{_name(topology, names)}: cluster of {protein.name}",
        pool=protein.name,
        heldout=protein.name,
        proteins=(protein.name,),
        clusters=(protein.cluster30,),
    )


def _packed(groups: Sequence[Group]) -> list[Block]:
    parts: list[list[Group]] = [[]]
    filled = 0.0
    for group in groups:
        size = 45 / 339 if group.heldout_only else 1.0
        if filled + size > _BLOCK + 0.5:
            parts.append([])
            filled = 0.0
        parts[-1].append(group)
        filled += size
    return [Block(name=f"b{k:02d}", groups=tuple(part)) for k, part in enumerate(parts, start=1)]


def blocks_yaml(blocks: Sequence[Block]) -> str:
    """Blocks as the lines of a recipe."""
    lines = ["blocks:"]
    for block in blocks:
        lines += [f"  - name: {block.name}", "    groups:"]
        for group in block.groups:
            fields = group.model_dump(exclude_defaults=True)
            inner = ", ".join(f"{k}: {str(v).lower() if v is True else v}" for k, v in fields.items())
            lines.append(f"      - {{{inner}}}")
    return "\n".join(lines) + "\n"
