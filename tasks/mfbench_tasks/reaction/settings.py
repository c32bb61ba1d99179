"""The recipe of the reaction split: families with their systems, and how they are scanned and sampled."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import model_validator

from mfbench_tasks.recipes.recipe import Gates, SplitRecipe, Strict, read_yaml

__all__ = ["Bounds", "ReactionFamily", "ReactionRecipe", "Scan", "Windows", "load_reaction_recipe"]

Pair = tuple[int, int]


class ReactionFamily(Strict):
    """One class of reactions. Pairs and triples are the map numbers of its SMILES."""

    id: str
    fold: Literal["train", "validation", "test"]
    stratum: str  # class of enzymes
    title: str
    broken: list[Pair]
    formed: list[Pair]
    inline: tuple[tuple[int, int, int], ...] = ()  # leaving atom, centre, entering atom
    near: tuple[Pair, ...] = ()  # contacts of the start: a metal and its ligands
    gap: float | None = None  # Å beyond a bond's length where a scan begins and ends; see System.apart
    systems: dict[str, str]  # name: SMILES, in the order in which they are taken


class Scan(Strict):
    """How a path is made."""

    points: int = 17
    stiffness: float = 20.0  # eV/Å²
    starts: int = 4
    start_steps: int = 30
    end_steps: int = 80  # at both ends; a point between them gets ``steps``
    steps: int = 30
    fmax: float = 0.05  # eV/Å
    sweeps: int = 2  # at most so many times there and back, until both directions agree
    hysteresis: float = 0.15  # eV: agreement


class Windows(Strict):
    """How configurations are made, at windows of the coordinate. Tuples have one entry per trajectory."""

    support_md_K: tuple[float, ...] = (300, 400, 500, 600, 300, 500)
    support_md_frames: tuple[int, ...] = (4, 4, 4, 4, 4, 4)
    support_displaced_K: tuple[float, ...] = (300, 500)
    support_displaced_frames: tuple[int, ...] = (6, 6)
    query_md_K: tuple[float, ...] = (350, 450, 550)
    query_md_frames: tuple[int, ...] = (4, 4, 4)
    query_displaced_K: tuple[float, ...] = (300, 500)
    query_displaced_frames: tuple[int, ...] = (2, 2)
    stiffness: float = 10.0  # eV/Å²
    kick: float = 0.08  # Å, standard deviation of an atom's first displacement
    start_steps: int = 10
    start_fmax: float = 0.3  # eV/Å
    timestep_fs: float = 2.0
    friction_per_fs: float = 0.02
    equilibration_steps: int = 60
    spacing_steps: int = 10
    mode_floor: float = 250  # cm⁻¹

    @model_validator(mode="after")
    def _lists_match(self) -> Windows:
        for part in ("support_md", "support_displaced", "query_md", "query_displaced"):
            if len(getattr(self, f"{part}_K")) != len(getattr(self, f"{part}_frames")):
                raise ValueError(f"{part}_K and {part}_frames differ in length")
        return self


class Bounds(Strict):
    """What a path must keep."""

    roughness: float = 0.13  # eV (3 kcal/mol): a step that the slopes do not explain
    barrier: float = 2.6  # eV (60 kcal/mol)
    apart: float = 4.5  # Å: the farthest that a molecule may be from the rest


class ReactionRecipe(SplitRecipe):
    """What the split is made of."""

    pool: int = 6
    heldout: int = 3
    families: list[ReactionFamily]
    scan: Scan = Scan()
    windows: Windows = Windows()
    bounds: Bounds = Bounds()
    gates: Gates = Gates(strain=6.0, gain=5.0)

    @model_validator(mode="after")
    def _can_be_built(self) -> ReactionRecipe:
        """What would otherwise show after the last label."""
        ids = [family.id for family in self.families]
        for family in self.families:
            if ids.count(family.id) > 1:
                raise ValueError(f"family {family.id} is listed twice")
            if len(family.systems) < self.pool + self.heldout:
                raise ValueError(f"family {family.id} has {len(family.systems)} systems")
        each = sum(self.windows.support_md_frames) + sum(self.windows.support_displaced_frames)
        if self.pool * each < self.draw_length:
            raise ValueError(f"draw_length is {self.draw_length}, the pool {self.pool * each}")
        return self


def load_reaction_recipe(path: Path) -> ReactionRecipe:
    """Read the recipe.

    Raises:
        DataError: the file is missing, or a field is wrong (named in the message).
    """
    return read_yaml(path, ReactionRecipe)
