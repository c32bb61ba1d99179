"""Making a pool: block after block, each written as soon as its jobs are done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mfbench.data.split import EMBEDDED
from mfbench.errors import StructureError
from mfbench.work.executor import Executor
from mfbench.work.journal import Journal, open_journal
from mfbench_tasks.build.fragment_job import FragmentJob
from mfbench_tasks.build.inputs import engine
from mfbench_tasks.build.job import Job, Outcome
from mfbench_tasks.build.run_jobs import finished_outcomes, run_jobs
from mfbench_tasks.fragments.fragment_id import id_in_family
from mfbench_tasks.pool.blocks import copy_split, is_written, write_block
from mfbench_tasks.pool.deep_pools import deep_jobs
from mfbench_tasks.pool.group_kinds import AnyGroup, DeepGroup
from mfbench_tasks.pool.groups import group_jobs
from mfbench_tasks.pool.inputs import read_by
from mfbench_tasks.pool.recipe import Block, PoolRecipe
from mfbench_tasks.pool.report import write_block_report

__all__ = ["make_pool", "retry_jobs"]


def make_pool(
    recipe: PoolRecipe,
    *,
    structures: Path,
    out: Path,
    report: Path,
    journal: Path,
    executor: Executor,
    resume: bool = False,
    only: Sequence[str] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
    finished: Callable[[str], None] = lambda block: None,
) -> None:
    """Make the blocks that are not there yet, in the recipe's order. What is there is not touched.

    Args:
        out, report, journal: folders to write. Each block has its own journal.
        resume: take finished jobs from the journal.
        only: names of blocks; all by default.
        progress: called with jobs done and jobs in all, of the blocks that were missing.
        finished: called with the name of each block written.

    Raises:
        DataError, StructureError: the recipe, the structures or a journal cannot be used.
    """
    wanted = recipe.chosen_blocks(only) if only else recipe.blocks
    missing = [block for block in wanted if not is_written(out, block.name)]
    total = sum(group.size(recipe.plan) for block in missing for group in block.groups)
    done = 0
    for block in missing:
        if block.split is not None:
            copy_split(out, block.name, EMBEDDED / block.split)
        else:
            request = _request(recipe, block, structures, Path(out))
            with open_journal(Path(journal) / block.name, request, resume=resume) as book:
                groups, unplanned = _jobs(recipe, block, structures, Path(out), executor)
                tick = partial(_after, progress, done, total)
                outcomes = _outcomes(recipe, groups, book, executor, tick)
                done += len(outcomes)
                write_block_report(report, block.name, outcomes, deep=block.deep, unplanned=unplanned)
                write_block(out, block.name, outcomes, deep=block.deep)
        finished(block.name)


def _after(progress: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    progress(before + done, total)


def retry_jobs(jobs: Sequence[FragmentJob], finished: dict[str, Outcome]) -> list[FragmentJob]:
    """Jobs for what failed in one group, with the candidates that its other jobs did not need.

    Depends only on which jobs failed with their own candidates, so that a resumed run decides alike.
    """
    rejected = {row["fragment"] for job in jobs for row in finished[job.name].rejections}
    failed = [s for s in jobs if all(id_in_family(c, s.family_id) in rejected for c in s.candidates)]
    out = []
    for job in failed:
        rivals = [s for s in failed if s.heldout == job.heldout]
        others = [s for s in jobs if s not in failed and s.heldout == job.heldout]
        spare = [
            c
            for s in others
            for c in s.candidates
            if id_in_family(c, s.family_id) not in rejected | {finished[s.name].accepted.fragment_id}
        ]
        mine = spare[rivals.index(job) :: len(rivals)]
        left = [c for c in mine if id_in_family(c, job.family_id) not in rejected]
        if finished[job.name].labelled is None and left:
            tried = tuple(finished[job.name].rejections)
            out.append(FragmentJob(job.family_id, job.number, job.heldout, tuple(left), tried))
    return out


def _request(recipe: PoolRecipe, block: Block, structures: Path, pool: Path) -> dict[str, Any]:
    """What decides a block's jobs: other blocks may come and go.

    Only what the file says counts: a new setting with a default does not orphan a journal.
    """
    parts = {"seed", "plan", "sampling", "gates"} | ({"deep"} if block.deep else set())
    return {
        "recipe": recipe.model_dump(mode="json", include=parts, exclude_unset=True),
        "block": block.model_dump(mode="json", exclude_unset=True),
        "inputs": read_by(block, recipe, structures, pool),
        "engine": engine(),
    }


def _jobs(
    recipe: PoolRecipe, block: Block, structures: Path, pool: Path, executor: Executor
) -> tuple[list[Sequence[Job]], dict[str, str]]:
    """The jobs of every group, and why a group has none, where the recipe goes on without it.

    A deep group is planned from the pool, any other from structures.
    """
    if block.deep:
        deep = [group for group in block.groups if isinstance(group, DeepGroup)]
        return [deep_jobs(group, recipe, pool) for group in deep], {}
    groups: list[Sequence[Job]] = []
    unplanned: dict[str, str] = {}
    jobs_of = partial(_group_jobs, recipe=recipe, structures=structures)
    for group, found in zip(block.groups, executor.map(jobs_of, block.groups), strict=True):
        if not isinstance(found, StructureError):
            groups.append(found)
        elif recipe.skip_unplanned:
            unplanned[group.id] = str(found)
        else:
            raise found
    if not groups:
        raise StructureError(
            f"no group of block {block.name} can be planned: {next(iter(unplanned.values()))}"
        )
    return groups, unplanned


def _group_jobs(
    group: AnyGroup, recipe: PoolRecipe, structures: Path
) -> list[FragmentJob] | StructureError:
    """The jobs of a group, or why there are none: the recipe may go on without it."""
    try:
        return group_jobs(group, recipe, structures)
    except StructureError as error:
        return error


def _outcomes(
    recipe: PoolRecipe,
    groups: Sequence[Sequence[Job]],
    book: Journal,
    executor: Executor,
    progress: Callable[[int], None],
) -> list[Outcome]:
    jobs = [job for group in groups for job in group]
    wanted = {job.name for job in jobs}
    finished = {name: done for name, done in finished_outcomes(book).items() if name in wanted}
    progress(len(finished))
    settings = recipe.model_copy(update={"blocks": (), "constructions": ()})  # workers need no more
    left = [s for s in jobs if s.name not in finished]
    run_jobs(left, settings, book, executor, finished, progress)
    plain = [[job for job in group if isinstance(job, FragmentJob)] for group in groups]
    again = [job for group in plain for job in retry_jobs(group, finished)]
    run_jobs(again, settings, book, executor, finished, progress)
    return [finished[job.name] for job in jobs]
