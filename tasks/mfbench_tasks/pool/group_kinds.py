"""Groups of a pool: what is planned together, one class per kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mfbench_tasks.recipes.recipe import CuttingPlan, Strict

__all__ = ["AnyGroup", "ChemistryGroup", "DeepGroup", "Group", "LargerGroup", "Name"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class Group(Strict):
    """A protein chain and the fragments wanted from it.

    ``reserved``: it may hold motifs that training must not see (``Plan.reserved_share``). The rule: a
    group is reserved only if every family that uses any of its fragments, in every construction, is a
    test family. A protein held out for a ``cath`` test family that also serves a ``cluster30`` train
    family therefore holds no reserved motif, although its topology is a test topology.
    """

    kind: Literal["protein"] = "protein"
    id: Annotated[str, Field(pattern=r"^[0-9a-z]{4}_[A-Za-z0-9]+$")]  # <entry>_<chain>
    heldout_only: bool = False  # no pool fragments
    reserved: bool = False
    beside: str | None = None  # the group whose pool its held-out fragments accompany in a family

    def size(self, plan: CuttingPlan) -> int:
        """Number of jobs."""
        return len(plan.heldout) + (0 if self.heldout_only else len(plan.pool))


class ChemistryGroup(Strict):
    """A family of the table that the recipe's ``chemistry`` names, planned from its places."""

    kind: Literal["chemistry"]
    id: Name
    reserved: Literal[False] = False
    beside: None = None

    def size(self, plan: CuttingPlan) -> int:
        """Number of jobs."""
        return len(plan.pool) + len(plan.heldout)


class LargerGroup(Strict):
    """Larger cuts of a protein: segments of its chain, asked of test families that use group ``of``."""

    kind: Literal["larger"]
    id: Name
    of: str
    protein: Annotated[str, Field(pattern=r"^[0-9a-z]{4}_[A-Za-z0-9]+$")]
    cuts: int = 2
    reserved: Literal[False] = False
    beside: None = None

    def size(self, plan: CuttingPlan) -> int:
        """Number of jobs."""
        return self.cuts


class DeepGroup(Strict):
    """Many further support configurations of the pool fragments of group ``of``, for test families."""

    kind: Literal["deep"]
    id: Name
    of: str
    reserved: Literal[False] = False
    beside: None = None

    def size(self, plan: CuttingPlan) -> int:
        """Number of jobs."""
        return len(plan.pool)


AnyGroup = Annotated[Group | ChemistryGroup | LargerGroup | DeepGroup, Field(union_mode="left_to_right")]
