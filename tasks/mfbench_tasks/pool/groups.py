"""Slots of a pool's groups: one planner for each kind of group."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mfbench.errors import DataError
from mfbench_tasks.build.candidates import Slot, candidates, fill, segments, shuffled
from mfbench_tasks.build.chemistry_candidates import plan_chemistry
from mfbench_tasks.families.cath import Protein
from mfbench_tasks.families.chemistry import load_families, load_places
from mfbench_tasks.fragments.select import SEGMENT_ATOMS
from mfbench_tasks.pool.recipe import AnyGroup, ChemistryGroup, Group, LargerGroup, PoolRecipe
from mfbench_tasks.seeds import stream

__all__ = ["PLANNERS", "plan_group"]


def plan_group(group: AnyGroup, recipe: PoolRecipe, folder: Path) -> list[Slot]:
    """The slots of a group, by the planner of its kind. They depend on the recipe and the entry alone.

    Raises:
        StructureError: a file cannot be read, or the group yields too few candidates.
    """
    return PLANNERS[group.kind](group, recipe, folder)


def _plan_protein(group: Group, recipe: PoolRecipe, folder: Path) -> list[Slot]:
    """Pool slots (unless ``heldout_only``) and held-out slots of one chain.

    All candidates of the group differ in their motifs, and its held-out candidates differ from the
    pool candidates of the group ``beside`` it: a family made of either holds no graph twice.
    """
    pdb_id, chain = group.id.split("_")
    options = candidates(folder, Protein(pdb_id, chain, ""))
    rng = stream(recipe.seed, "plan", group.id)
    queue = shuffled(rng, options)
    taken: set[str] = set()
    if group.beside is not None:
        beside = plan_group(recipe.group(group.beside), recipe, folder)
        taken = {c.motif for slot in beside if not slot.heldout for c in slot.candidates}
    kinds = [] if group.heldout_only else [(kind, False) for kind in recipe.plan.pool]
    return fill(
        group.id,
        kinds + [(kind, True) for kind in recipe.plan.heldout],
        {False: queue, True: [o for o in queue if o.selection.motif not in taken]},
        recipe.plan,
        recipe.seed,
        rng=rng,
        reserved=group.reserved,
    )


def _plan_chemistry(group: ChemistryGroup, recipe: PoolRecipe, folder: Path) -> list[Slot]:
    """Slots of a chemistry family; the table of places lies beside that of families."""
    if recipe.chemistry is None:
        raise DataError(f"group {group.id} needs a table of families: name it as 'chemistry' in the recipe")
    table = Path(recipe.chemistry)
    family = next((f for f in load_families(table) if f.id == group.id), None)
    if family is None:
        raise DataError(f"{table} has no family {group.id}")
    places = load_places(table.with_name(f"{table.stem}_places.tsv"))
    pool, heldout = len(recipe.plan.pool), len(recipe.plan.heldout)
    return plan_chemistry(family, places, folder, recipe.seed, pool=pool, heldout=heldout)


def _plan_larger(group: LargerGroup, recipe: PoolRecipe, folder: Path) -> list[Slot]:
    """Held-out slots only: segments of a chain, of different sequences."""
    pdb_id, chain = group.protein.split("_")
    rng = stream(recipe.seed, "plan", group.id)
    queue = shuffled(rng, segments(folder, Protein(pdb_id, chain, "")))
    kinds = [("segment", True)] * group.cuts
    smallest, largest = SEGMENT_ATOMS
    plan = recipe.plan.model_copy(update={"min_atoms": smallest, "max_atoms": {"segment": largest}})
    return fill(group.id, kinds, {True: queue}, plan, recipe.seed, rng=rng, reserved=True)


PLANNERS: dict[str, Callable[..., list[Slot]]] = {
    "protein": _plan_protein,
    "chemistry": _plan_chemistry,
    "larger": _plan_larger,
}
"""Kind of group → planner. A planner's slots go through the same ``fill_slot`` whatever the kind."""
