"""How the families of ``cath`` and ``cluster30`` were chosen: run once; the tables are committed.

``cath``: the families of cath-mini with their folds, and new topologies, each with one protein for its
pool and, where it has a second 30 % cluster, another protein held out. ``cluster30``: every protein that
has pool fragments of its own is a family. First proteins keep their topology's fold in both
constructions; second proteins serve ``cluster30`` as train families, so that training there has met some
of the test families' topologies, which ``cath`` forbids. No entry and no cluster occurs twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mfbench.errors import DataError
from mfbench_tasks.constructions.choosing.blocks_yaml import blocks_yaml
from mfbench_tasks.constructions.choosing.topologies import Topology, assign, find_topologies
from mfbench_tasks.families.cath import Family, Protein, choose_families
from mfbench_tasks.families.table import FamilyRow, write_families
from mfbench_tasks.families.topology import TopologyFamily
from mfbench_tasks.pool.group_kinds import Group
from mfbench_tasks.pool.recipe import Block, PoolRecipe, load_pool_recipe
from mfbench_tasks.recipes.recipe import Recipe, load_recipe

__all__ = ["Choice", "choose", "choose_and_write", "lay_out", "read_names"]

_MINI = "cath-mini"
_ALSO_CLUSTERS = {"4.10.170": "train", "4.10.410": "test"}
"""Families of cath-mini whose first protein serves cluster30: proteins with few strands and helices are
small, and only two new ones offer enough places to cut."""
_SECONDS = 20  # second proteins that are families of cluster30
_BLOCK = 9.0  # groups; one without pool fragments counts as 45 / 339 configurations


@dataclass(frozen=True)
class Choice:
    """Blocks in the order in which they should be made; rows of the two tables."""

    blocks: list[Block]
    cath: list[FamilyRow]
    cluster30: list[FamilyRow]


def choose_and_write(
    recipe: Path,
    *,
    structures: Path,
    mini: Path,
    names: Path | None,
    out: Path,
    log: Callable[[str], None],
) -> str:
    """Write ``cath.tsv`` and ``cluster30.tsv``; returns the lines of blocks for the pool's recipe.

    Args:
        recipe: of the pool: its plan and seed.
        structures: folder of entries and tables.
        mini: recipe of the split to extend.
        names: CATH's list of names.
        out: folder of the tables.
        log: takes a line per topology looked at.

    Raises:
        DataError: a file is missing or wrong.
    """
    titles = read_names(names) if names else {}
    choice = choose(Path(structures), load_pool_recipe(recipe), load_recipe(mini), titles, log)
    Path(out).mkdir(parents=True, exist_ok=True)
    write_families(Path(out) / "cath.tsv", choice.cath)
    write_families(Path(out) / "cluster30.tsv", choice.cluster30)
    return blocks_yaml(choice.blocks)


def choose(
    folder: Path,
    recipe: PoolRecipe,
    mini: Recipe,
    names: Mapping[str, str],
    progress: Callable[[str], None],
) -> Choice:
    """Families of both constructions, and the blocks of groups that they need, in order of use."""
    chosen = assign(find_topologies(folder, recipe, mini, progress), recipe.seed)
    return lay_out(chosen, choose_families(folder, mini.families, mini.plan), names)


def read_names(path: Path) -> dict[str, str]:
    """CATH node → its name, from CATH's list of names (Cath Names File, format 2.0).

    Raises:
        DataError: it cannot be read.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error})") from None
    found = (line.partition(":") for line in lines if not line.startswith("#") and ":" in line)
    return {node.split()[0]: " ".join(name.split()).rstrip(" .,;") for node, _, name in found}


def lay_out(chosen: Sequence[Topology], known: Sequence[Family], names: Mapping[str, str]) -> Choice:
    """Rows and blocks for the topologies chosen and cath-mini's families.

    Args:
        names: CATH node → its name; a node without one is called by its number.
    """
    groups, cluster30 = [], []
    cath = [_mini_row(family) for family in known]
    seconds = {t.family_id for t in [t for t in chosen if t.second is not None][:_SECONDS]}
    for t in chosen:
        both = tuple(p for p in (t.first, t.second) if p is not None)
        title = _name(t.family_id, names) + " (membrane)" * t.family.membrane
        cath.append(
            FamilyRow(
                family_id=t.family_id,
                fold=t.fold,
                family_class=t.family.family_class,
                title=title,
                support_group=t.first.name,
                heldout_group=both[-1].name,
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
    return Choice([Block(name=_MINI, split=_MINI), *_packed(groups)], cath, cluster30)


def _mini_row(family: Family) -> FamilyRow:
    """A family of cath-mini keeps its fragments: its group is named as the family is."""
    return FamilyRow(
        family_id=family.family_id,
        fold=family.fold,
        family_class=family.family_class,
        title=family.title,
        support_group=family.family_id,
        heldout_group=family.family_id,
        proteins=tuple(p.name for p in family.proteins),
        clusters=tuple(p.cluster30 for p in family.proteins),
    )


def _name(family_id: str, names: Mapping[str, str]) -> str:
    topology = TopologyFamily.named(family_id).topology
    return names.get(topology) or f"CATH topology {topology}"


def _cluster_row(topology: str, protein: Protein, fold: str, names: Mapping[str, str]) -> FamilyRow:
    return FamilyRow(
        family_id=f"c{protein.cluster30}",
        fold=fold,
        family_class=TopologyFamily.named(topology).family_class,
        title=f"{_name(topology, names)}: cluster of {protein.name}",
        support_group=protein.name,
        heldout_group=protein.name,
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
