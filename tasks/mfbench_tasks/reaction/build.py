"""Building the reaction split: paths first, then the configurations of the systems whose paths passed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path as Folder
from typing import Any

from mfbench.errors import DataError
from mfbench.work.executor import Executor
from mfbench.work.journal import Journal, open_journal
from mfbench.work.ownership import owned
from mfbench_tasks.build.assemble import assemble
from mfbench_tasks.build.inputs import engine
from mfbench_tasks.build.job import Outcome
from mfbench_tasks.build.run_jobs import finished_outcomes, run_calls
from mfbench_tasks.families.cath import Family
from mfbench_tasks.pool.shards_by_fold import move_into_shards
from mfbench_tasks.reaction.jobs import SamplingJob, ScanJob, path_of, sampling_name
from mfbench_tasks.reaction.report import write_reaction_report
from mfbench_tasks.reaction.settings import ReactionFamily, ReactionRecipe
from mfbench_tasks.reaction.start import read_system
from mfbench_tasks.reaction.system import System

__all__ = ["build_reactions", "next_jobs", "request_of", "sampled_systems", "systems_of"]


ReactionJob = ScanJob | SamplingJob


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
) -> dict[str, Any]:
    """Build the split; the result depends on the recipe alone, not on the executor.

    A family with too few systems that pass stays out; the report says so.

    Args:
        out, report, journal: folders to write; the labels go to ``out/../pool``.
        figure: PNG file to write.
        executor: where systems are scanned and sampled; its workers should run one thread each.
        resume: take finished jobs from the journal.
        progress: called with jobs done and jobs in all.

    Returns:
        The manifest.

    Raises:
        DataError: a SMILES cannot be used, no family has enough systems, or the journal is another's.
    """
    systems = {family.id: systems_of(family) for family in recipe.families}
    with owned(out), open_journal(journal, request_of(recipe), resume=resume) as book:
        return _build(recipe, systems, out, report, figure, book, executor, progress)


def request_of(recipe: ReactionRecipe) -> dict[str, Any]:
    """What the journal of a recipe is of."""
    return {"recipe": recipe.model_dump(mode="json"), "engine": engine()}


def _build(
    recipe: ReactionRecipe,
    systems: dict[str, list[System]],
    out: Folder,
    report: Folder,
    figure: Folder,
    book: Journal,
    executor: Executor,
    progress: Callable[[int, int], None],
) -> dict[str, Any]:
    done = finished_outcomes(book)
    total = 2 * len(systems) * (recipe.pool + recipe.heldout)

    def run(jobs: Sequence[ReactionJob]) -> None:
        progress(len(done), total)
        # A rejected system makes one job more.
        calls = [(_run, job, recipe) for job in jobs]
        run_calls(calls, book, executor, done, lambda count: progress(count, max(total, count)))

    scanned: list[tuple[System, Outcome]] = []
    left_out: dict[str, str] = {}
    for name, found in systems.items():  # one after another: a build that is stopped has whole families
        try:
            while jobs := next_jobs(found, recipe, done):
                run(jobs)
        except TooFewSystems as reason:
            left_out[name] = str(reason)
        paths = ((system, done.get(ScanJob(system).name)) for system in found)
        scanned += [(system, outcome) for system, outcome in paths if outcome]
    kept = [family for family in recipe.families if family.id not in left_out]
    if not kept:
        raise DataError("; ".join(left_out.values()))
    sampled = [
        dataclasses.replace(done[sampling_name(system, heldout=heldout)], number=number)
        for family in kept
        for number, (system, heldout) in enumerate(sampled_systems(systems[family.id], recipe, done))
    ]
    families = [Family(f.id, f.fold, f.stratum, f.title, ()) for f in kept]
    assemble(recipe, families, sampled, out, tools=("rdkit",))
    manifest = move_into_shards(out)
    scans = {outcome.job for _, outcome in scanned}
    failed = [o for o in done.values() if o.labelled is None and o.job not in scans]
    write_reaction_report(kept, scanned, sampled, failed, left_out, report, figure)
    return manifest


def _run(job: ReactionJob, recipe: ReactionRecipe) -> Outcome:
    return job.run(recipe)


def next_jobs(
    systems: Sequence[System], recipe: ReactionRecipe, done: Mapping[str, Outcome]
) -> list[ReactionJob]:
    """What a family needs next: scans, while it has too few systems, in the recipe's order; then
    samplings; then nothing.

    Raises:
        TooFewSystems: no more are left.
    """
    new = [s for s in systems if ScanJob(s).name not in done]
    lacking = recipe.pool + recipe.heldout - len(_usable(systems, done))
    if lacking > len(new):
        raise TooFewSystems(f"family {systems[0].family_id} has too few systems that pass: add some")
    if lacking > 0:
        return [ScanJob(s) for s in new[:lacking]]
    return [
        SamplingJob(s, path_of(s, done[ScanJob(s).name]), heldout)
        for s, heldout in sampled_systems(systems, recipe, done)
        if sampling_name(s, heldout=heldout) not in done
    ]


def sampled_systems(
    systems: Sequence[System], recipe: ReactionRecipe, done: Mapping[str, Outcome]
) -> list[tuple[System, bool]]:
    """Which systems of a family are sampled, and whether each is held out: the first that are usable."""
    places = [False] * recipe.pool + [True] * recipe.heldout
    return list(zip(_usable(systems, done), places, strict=False))


def _usable(systems: Sequence[System], done: Mapping[str, Outcome]) -> list[System]:
    """Those whose path passed, and whose sampling did not fail."""
    return [s for s in systems if ScanJob(s).name in done and not _failed(s, done)]


def _failed(system: System, done: Mapping[str, Outcome]) -> bool:
    names = [ScanJob(system).name, *(sampling_name(system, heldout=h) for h in (False, True))]
    return any(name in done and done[name].labelled is None for name in names)
