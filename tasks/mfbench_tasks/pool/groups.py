"""Jobs of a pool's groups: one function for each kind of group."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mfbench.errors import DataError
from mfbench_tasks.build.candidate_places import candidates, segments, shuffled
from mfbench_tasks.build.candidates import choose_candidates
from mfbench_tasks.build.chemistry_candidates import chemistry_jobs
from mfbench_tasks.build.fragment_job import FragmentJob
from mfbench_tasks.families.cath import Protein
from mfbench_tasks.families.chemistry import load_families, load_places
from mfbench_tasks.fragments.select import SEGMENT_ATOMS
from mfbench_tasks.pool.group_kinds import AnyGroup, ChemistryGroup, Group, LargerGroup
from mfbench_tasks.pool.recipe import PoolRecipe
from mfbench_tasks.seeds import stream

__all__ = ["JOBS_OF", "group_jobs"]


def group_jobs(group: AnyGroup, recipe: PoolRecipe, folder: Path) -> list[FragmentJob]:
    """The jobs of a group, by its kind. They depend on the recipe and the entry alone.

    Raises:
        StructureError: a file cannot be read, or the group yields too few candidates.
    """
    return JOBS_OF[group.kind](group, recipe, folder)


def _protein_jobs(group: Group, recipe: PoolRecipe, folder: Path) -> list[FragmentJob]:
    """Support fragments (unless ``heldout_only``) and held-out ones of one chain.

    All candidates of the group differ in their motifs, and its held-out candidates differ from the
    pool candidates of the group ``beside`` it: a family made of either holds no graph twice.
    """
    options = candidates(folder, Protein.named(group.id))
    rng = stream(recipe.seed, "plan", group.id)
    queue = shuffled(rng, options)
    taken: set[str] = set()
    if group.beside is not None:
        beside = group_jobs(recipe.group(group.beside), recipe, folder)
        taken = {c.motif for job in beside if not job.heldout for c in job.candidates}
    kinds = [] if group.heldout_only else [(kind, False) for kind in recipe.plan.pool]
    return choose_candidates(
        group.id,
        kinds + [(kind, True) for kind in recipe.plan.heldout],
        {False: queue, True: [o for o in queue if o.selection.motif not in taken]},
        recipe.plan,
        recipe.seed,
        rng=rng,
        reserved=group.reserved,
    )


def _chemistry_jobs(group: ChemistryGroup, recipe: PoolRecipe, folder: Path) -> list[FragmentJob]:
    """Jobs of a chemistry family; the table of places lies beside that of families."""
    if recipe.chemistry is None:
        raise DataError(f"group {group.id} needs a table of families: name it as 'chemistry' in the recipe")
    table = Path(recipe.chemistry)
    family = next((f for f in load_families(table) if f.id == group.id), None)
    if family is None:
        raise DataError(f"{table} has no family {group.id}")
    places = load_places(table.with_name(f"{table.stem}_places.tsv"))
    pool, heldout = len(recipe.plan.pool), len(recipe.plan.heldout)
    return chemistry_jobs(family, places, folder, recipe.seed, pool=pool, heldout=heldout)


def _larger_jobs(group: LargerGroup, recipe: PoolRecipe, folder: Path) -> list[FragmentJob]:
    """Held-out fragments only: segments of a chain, of different sequences."""
    rng = stream(recipe.seed, "plan", group.id)
    queue = shuffled(rng, segments(folder, Protein.named(group.protein)))
    kinds = [("segment", True)] * group.cuts
    smallest, largest = SEGMENT_ATOMS
    plan = recipe.plan.model_copy(update={"min_atoms": smallest, "max_atoms": {"segment": largest}})
    return choose_candidates(group.id, kinds, {True: queue}, plan, recipe.seed, rng=rng, reserved=True)


JOBS_OF: dict[str, Callable[..., list[FragmentJob]]] = {
    "protein": _protein_jobs,
    "chemistry": _chemistry_jobs,
    "larger": _larger_jobs,
}
"""Kind of group → the function that gives its jobs."""
