"""A pool's recipe: blocks of groups, and the constructions that arrange their fragments in families.

A *group* is what is planned together: the fragments of one protein chain, or of one chemistry family.
A *block* holds a few groups and is stored in one set of files, written once. A *construction* takes
families and folds from a committed table; several constructions share the labels of one pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import model_validator

from mfbench.errors import DataError
from mfbench_tasks.families.cath import Protein
from mfbench_tasks.families.chemistry import with_overrides
from mfbench_tasks.pool.group_kinds import AnyGroup, Group, Name
from mfbench_tasks.recipes.recipe import CuttingPlan, Gates, Sampling, Strict, read_yaml

__all__ = [
    "Block",
    "Construction",
    "DeepSampling",
    "PoolRecipe",
    "load_pool_recipe",
]


class DeepSampling(Strict):
    """How deep pools are sampled: replicas and displaced conformers in turn, ``frames`` each."""

    configurations: int  # per fragment
    draw_length: int  # of the published draws of a deep family
    frames: int
    md_K: tuple[float, ...]
    displaced_K: tuple[float, ...]


class Block(Strict):
    """Groups stored together, or (``split``) the tables of an embedded split, taken as they are."""

    name: Name
    groups: tuple[AnyGroup, ...] = ()
    split: str | None = None

    @property
    def deep(self) -> bool:
        """Whether it adds configurations to fragments of other blocks, instead of fragments."""
        return any(group.kind == "deep" for group in self.groups)

    @model_validator(mode="after")
    def _one_source(self) -> Block:
        if bool(self.groups) == bool(self.split):
            raise ValueError(f"block {self.name} needs either groups or a split")
        if self.deep and any(group.kind != "deep" for group in self.groups):
            raise ValueError(f"block {self.name} mixes deep groups with others")
        return self


class Construction(Strict):
    """Families over the pool: from a table beside the recipe, or another one's fragments permuted; or a
    mini, some families of another one in a folder that holds all it needs."""

    name: Name
    version: str
    families: str | None = None  # path of a table, relative to the recipe; .yaml: chemistry families
    shuffles: str | None = None  # name of an earlier construction
    mini_of: str | None = None  # name of an earlier construction
    only: tuple[str, ...] = ()  # families of a mini
    folds_disjoint_in: tuple[Literal["entries", "clusters"], ...] = ("entries", "clusters")
    changelog: list[str]

    @property
    def kind(self) -> str:
        """The field that says how it comes by its families: families, shuffles or mini_of."""
        return next(iter(self._sources))

    @property
    def source(self) -> str:
        """What that field names: a table, or an earlier construction."""
        return next(iter(self._sources.values()))

    @property
    def _sources(self) -> dict[str, str]:
        fields = {"families": self.families, "shuffles": self.shuffles, "mini_of": self.mini_of}
        return {name: value for name, value in fields.items() if value is not None}

    @model_validator(mode="after")
    def _one_source(self) -> Construction:
        if len(self._sources) != 1:
            raise ValueError(f"construction {self.name} needs one of families, shuffles and mini_of")
        if bool(self.mini_of) != bool(self.only):
            raise ValueError(f"construction {self.name}: a mini needs 'only', nothing else does")
        return self


class PoolRecipe(Strict):
    """What a pool and its constructions are made of."""

    seed: int
    draws: int = 5
    draw_length: int = 100
    skip_unplanned: bool = False  # go on without a group that has too few places to cut, and report it
    min_support: int = 200  # configurations; a family with fewer is left out, and reported
    plan: CuttingPlan
    sampling: Sampling
    gates: Gates = Gates()
    chemistry: str | None = None  # table of chemistry families, relative to the recipe
    deep: DeepSampling | None = None
    blocks: tuple[Block, ...] = ()
    constructions: tuple[Construction, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> PoolRecipe:
        for what, names in (
            ("block", [b.name for b in self.blocks]),
            ("group", [g.id for b in self.blocks for g in b.groups]),
            ("construction", [c.name for c in self.constructions]),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{what} {name} is listed twice")
        for group in (g for b in self.blocks for g in b.groups):
            if group.beside is not None:
                self.group(group.beside)
            if group.kind == "deep" and self.deep is None:
                raise ValueError(f"group {group.id} is deep: say how, in 'deep'")
        return self

    @property
    def entries(self) -> list[str]:
        """PDB ids of its proteins, each once, in order."""
        groups = [group for block in self.blocks for group in block.groups]
        return list(dict.fromkeys(Protein.named(g.id).pdb_id for g in groups if isinstance(g, Group)))

    def chosen_blocks(self, names: Sequence[str]) -> list[Block]:
        """The blocks of these names, in the recipe's order.

        Raises:
            DataError: there is no such block.
        """
        known = [block.name for block in self.blocks]
        for name in names:
            if name not in known:
                raise DataError(f"there is no block {name}: the recipe has {', '.join(known)}")
        return [block for block in self.blocks if block.name in names]

    def group(self, name: str) -> AnyGroup:
        """The group of this name.

        Raises:
            ValueError: there is none.
        """
        for block in self.blocks:
            for group in block.groups:
                if group.id == name:
                    return group
        raise ValueError(f"no block lists group {name}")


def load_pool_recipe(path: Path) -> PoolRecipe:
    """Read a pool's recipe; ``chemistry`` becomes a path from here, and its overrides by kind apply.

    Raises:
        DataError: a file is missing, or a field is wrong (named in the message).
    """
    recipe = read_yaml(path, PoolRecipe)
    if recipe.chemistry is None:
        return recipe
    table = (Path(path).parent / recipe.chemistry).resolve()
    return with_overrides(recipe, table).model_copy(update={"chemistry": str(table)})
