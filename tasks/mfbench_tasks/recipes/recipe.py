"""A recipe: everything that decides what a split holds. One YAML file, one command, one result."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mfbench.data import strict_yaml
from mfbench.errors import DataError

__all__ = [
    "CuttingPlan",
    "FamilyChoice",
    "Gates",
    "Moves",
    "Recipe",
    "Sampling",
    "SplitRecipe",
    "Strict",
    "load_recipe",
    "read_yaml",
]


_Model = TypeVar("_Model", bound=BaseModel)


class Strict(BaseModel):
    """Unknown fields are mistakes; a recipe does not change once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FamilyChoice(Strict):
    """A family and its fold. ``id``: a CATH topology, or ``membrane.<topology>``."""

    id: str
    fold: Literal["train", "validation", "test"]
    title: str = ""


class CuttingPlan(Strict):
    """Which fragments a family gets: the kind of each, and how candidates are chosen."""

    pool: list[Literal["residue", "contact", "hbond"]]
    heldout: list[Literal["residue", "contact", "hbond"]]
    proteins: int = Field(3, ge=1)  # at most so many 30 % clusters per family
    candidates: int = Field(5, ge=1)  # of one fragment: the next replaces a rejected one
    min_atoms: int = 14
    max_atoms: dict[Literal["residue", "contact", "hbond"], int]  # every kind: any may replace another
    charged_share: float = Field(0.25, ge=0, le=1)  # of first choices
    reserved_share: float = Field(0.0, ge=0, le=1)  # of contact motifs: kept for test families
    resolution: float = 3.0  # Å; entries that state none are taken too

    @model_validator(mode="after")
    def _every_kind_has_a_size(self) -> CuttingPlan:
        for kind in ("residue", "contact", "hbond"):
            if kind not in self.max_atoms:
                raise ValueError(f"max_atoms lacks {kind}")
        return self


class Moves(Strict):
    """Random conformers: standard deviations in degrees and Å."""

    torsion_deg: float
    shift: float
    turn_deg: float


class Sampling(Strict):
    """How configurations are made. Lists have one entry per trajectory."""

    support_md_K: list[float]
    support_md_frames: list[int]
    support_displaced_K: list[float]
    support_displaced_frames: list[int]
    query_md_K: list[float]
    query_md_frames: list[int]
    query_displaced_K: list[float]
    query_displaced_frames: list[int]
    start: Moves
    jitter: Moves
    relax_fmax: float  # eV/Å
    relax_steps: int
    start_steps: int
    timestep_fs: float
    friction_per_fs: float
    equilibration_steps: int
    spacing_steps: int
    mode_floor: float  # cm⁻¹
    by_kind: dict[str, dict[str, int]] = {}  # fewer steps for costly kinds: {site: {spacing_steps: 4}}

    def of(self, kind: str) -> Sampling:
        """The sampling of a fragment kind."""
        return self.model_copy(update=self.by_kind.get(kind, {}))

    @model_validator(mode="after")
    def _lists_match(self) -> Sampling:
        for part in ("support_md", "support_displaced", "query_md", "query_displaced"):
            if len(getattr(self, f"{part}_K")) != len(getattr(self, f"{part}_frames")):
                raise ValueError(f"{part}_K and {part}_frames differ in length")
        return self


class Gates(Strict):
    """Bounds that a fragment and its configurations must keep."""

    finite_difference: float = 1e-3  # eV/Å, at a step of 0.002 Å
    rotation_energy: float = 1e-5  # eV
    rotation_forces: float = 1e-3  # eV/Å
    relaxation_energy: float = 12.0  # eV
    relaxation_rmsd: float = 1.5  # Å, heavy atoms
    strain: float = 4.0  # eV above the relaxed energy
    gain: float = 1.5  # eV below it
    force: float = 15.0  # eV/Å, any atom
    near_twin: float = 0.10  # Å
    dropped_share: float = 0.35  # of a trajectory's configurations, before the fragment is rejected
    start_gap: float = 1e-4  # eV between an open shell's two SCF starts
    sampled_checks: int = 20  # an open shell's finite differences are also taken on so many samples
    by_kind: dict[str, dict[str, float]] = {}  # other bounds for a kind: {site: {strain: 5.0}}

    def of(self, kind: str) -> Gates:
        """The bounds of a fragment kind."""
        return self.model_copy(update=self.by_kind.get(kind, {}))


class SplitRecipe(Strict):
    """What every recipe of a split says, however its fragments come about."""

    name: str
    version: str
    seed: int
    draws: int = 5
    draw_length: int = 100
    changelog: list[str]


class Recipe(SplitRecipe):
    """What a split cut from proteins is made of."""

    families: list[FamilyChoice]
    plan: CuttingPlan
    sampling: Sampling
    gates: Gates = Gates()

    @model_validator(mode="after")
    def _can_be_built(self) -> Recipe:
        """What would otherwise show after the last label."""
        ids = [family.id for family in self.families]
        for name in ids:
            if ids.count(name) > 1:
                raise ValueError(f"family {name} is listed twice")
        each = sum(self.sampling.support_md_frames) + sum(self.sampling.support_displaced_frames)
        if len(self.plan.pool) * each < self.draw_length:
            raise ValueError(f"draw_length is {self.draw_length}, the pool {len(self.plan.pool) * each}")
        return self


def load_recipe(path: Path) -> Recipe:
    """Read the recipe of a split.

    Raises:
        DataError: the file is missing, or a field is wrong (named in the message).
    """
    return read_yaml(path, Recipe)


def read_yaml(path: Path, model: type[_Model]) -> _Model:
    """Read a YAML file as a model.

    Raises:
        DataError: the file is missing, a key is given twice, or a field is wrong (named in the message).
    """
    try:
        return model.model_validate(strict_yaml.read_yaml(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path}: {place or 'recipe'}: {first['msg']}") from error
