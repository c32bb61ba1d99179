"""Building the reaction split: paths first, then the configurations of the systems whose paths passed."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from pathlib import Path as Folder

from mfbench.errors import DataError
from mfbench_tasks.build.assemble import assemble
from mfbench_tasks.build.build import cancelled_on_failure
from mfbench_tasks.build.job import Outcome
from mfbench_tasks.build.journal import Journal
from mfbench_tasks.families.cath import Family
from mfbench_tasks.pool.shards_by_fold import move_into_shards
from mfbench_tasks.reaction.make import STAGES, find_path, path_of, sample_system, slot_name, stage_of
from mfbench_tasks.reaction.report import write_reaction_report
from mfbench_tasks.reaction.settings import ReactionFamily, ReactionRecipe
from mfbench_tasks.reaction.start import read_system
from mfbench_tasks.reaction.system import System

__all__ = ["build_reactions", "cast", "next_jobs", "systems_of"]


class TooFewSystems(DataError):
    """A family's systems are used up."""


def systems_of(family: ReactionFamily) -> list[System]:
    """The systems of a family, in the recipe's order.

    Raises:
        DataError: a SMILES cannot be read, or lacks an atom.
    """
    return [
        read_system(
            family.id,
            name,
            smiles,
            broken=family.broken,
            formed=family.formed,
            inline=family.inline,
            near=family.near,
            gap=family.gap,
        )
        for name, smiles in family.systems.items()
    ]


def build_reactions(
    recipe: ReactionRecipe,
    *,
    out: Folder,
    report: Folder,
    figure: Folder,
    journal: Folder,
    executor: Executor,
    resume: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict:
    """Build the split; the result depends on the recipe alone, not on the executor.

    A family with too few systems that pass stays out; the report says so.

    Args:
        out, report, journal: folders to write; the labels go to ``out/../pool``.
        figure: PNG file to write.
        executor: any ``concurrent.futures.Executor``; its workers should run one thread each.
        resume: take finished slots from the journal.
        progress: called with slots done and slots in all.

    Returns:
        The manifest.

    Raises:
        DataError: a SMILES cannot be used, no family has enough systems, or the journal is another's.
    """
    systems = {family.id: systems_of(family) for family in recipe.families}
    digest = hashlib.sha256(recipe.model_dump_json().encode()).hexdigest()
    book = Journal(journal, digest, resume=resume)
    done = book.finished()
    total = 2 * len(systems) * (recipe.pool + recipe.heldout)

    def run(jobs: Sequence[tuple]) -> None:
        progress(len(done), total)
        futures = [executor.submit(call, *given) for call, *given in jobs]
        with cancelled_on_failure(futures):
            for future in as_completed(futures):
                outcome = future.result()
                book.add(outcome)
                done[outcome.slot] = outcome
                progress(len(done), max(total, len(done)))  # a rejected system makes one job more

    scanned: list[tuple[System, Outcome]] = []
    left_out: dict[str, str] = {}
    for name, found in systems.items():  # one after another: a build that is stopped has whole families
        try:
            while jobs := next_jobs(found, recipe, done):
                run(jobs)
        except TooFewSystems as reason:
            left_out[name] = str(reason)
        paths = ((system, done.get(slot_name(system, "path"))) for system in found)
        scanned += [(system, outcome) for system, outcome in paths if outcome]
    kept = [family for family in recipe.families if family.id not in left_out]
    if not kept:
        raise DataError("; ".join(left_out.values()))
    sampled = [
        dataclasses.replace(done[slot_name(system, stage_of(heldout))], number=number)
        for family in kept
        for number, (system, heldout) in enumerate(cast(systems[family.id], recipe, done))
    ]
    families = [Family(f.id, f.fold, f.stratum, f.title, ()) for f in kept]
    assemble(recipe, families, sampled, out, tools=("rdkit",))
    manifest = move_into_shards(out)
    scans = {outcome.slot for _, outcome in scanned}
    failed = [o for o in done.values() if o.made is None and o.slot not in scans]
    write_reaction_report(kept, scanned, sampled, failed, left_out, report, figure)
    return manifest


def next_jobs(
    systems: Sequence[System], recipe: ReactionRecipe, done: Mapping[str, Outcome]
) -> list[tuple]:
    """What a family needs next, each a function and its arguments: scans, while it has too few systems,
    in the recipe's order; then samplings; then nothing.

    Raises:
        TooFewSystems: no more are left.
    """
    new = [s for s in systems if slot_name(s, "path") not in done]
    lacking = recipe.pool + recipe.heldout - len(_usable(systems, done))
    if lacking > len(new):
        raise TooFewSystems(f"family {systems[0].family_id} has too few systems that pass: add some")
    if lacking > 0:
        return [(find_path, s, recipe) for s in new[:lacking]]
    return [
        (sample_system, s, path_of(s, done[slot_name(s, "path")]), recipe, heldout)
        for s, heldout in cast(systems, recipe, done)
        if slot_name(s, stage_of(heldout)) not in done
    ]


def cast(
    systems: Sequence[System], recipe: ReactionRecipe, done: Mapping[str, Outcome]
) -> list[tuple[System, bool]]:
    """Which systems of a family are sampled, and whether each is held out: the first that are usable."""
    places = [False] * recipe.pool + [True] * recipe.heldout
    return list(zip(_usable(systems, done), places, strict=False))


def _usable(systems: Sequence[System], done: Mapping[str, Outcome]) -> list[System]:
    """Those whose path passed, and whose sampling did not fail."""
    return [
        s
        for s in systems
        if slot_name(s, "path") in done
        and all(done[slot].made is not None for slot in (slot_name(s, k) for k in STAGES) if slot in done)
    ]
