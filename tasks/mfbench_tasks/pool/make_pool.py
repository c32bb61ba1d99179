"""Making a pool: block after block, each written as soon as its slots are done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from pathlib import Path

from mfbench.data.split import EMBEDDED
from mfbench.errors import DataError, StructureError
from mfbench_tasks.build.build import cancelled_on_failure, longest_first
from mfbench_tasks.build.fragment_job import FragmentJob
from mfbench_tasks.build.job import Job, Outcome
from mfbench_tasks.build.journal import Journal
from mfbench_tasks.fragments.fragment_id import id_in_family
from mfbench_tasks.pool.blocks import copy_split, is_written, write_block
from mfbench_tasks.pool.deep_pools import deep_jobs
from mfbench_tasks.pool.groups import group_jobs
from mfbench_tasks.pool.recipe import Block, PoolRecipe
from mfbench_tasks.pool.report import write_block_report

__all__ = ["make_pool", "refills"]


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
        resume: take finished slots from the journal.
        only: names of blocks; all by default.
        progress: called with slots done and slots in all, of the blocks that were missing.
        finished: called with the name of each block written.

    Raises:
        DataError, StructureError: the recipe, the structures or a journal cannot be used.
    """
    names = [block.name for block in recipe.blocks]
    for name in only:
        if name not in names:
            raise DataError(f"there is no block {name}: the recipe has {', '.join(names)}")
    missing = [b for b in recipe.blocks if (not only or b.name in only) and not is_written(out, b.name)]
    total = sum(group.size(recipe.plan) for block in missing for group in block.groups)
    done = 0
    for block in missing:
        if block.split is not None:
            copy_split(out, block.name, EMBEDDED / block.split)
        else:
            book = Journal(Path(journal) / block.name, _digest(recipe, block), resume=resume)
            groups, unplanned = _plan(recipe, block, structures, Path(out), executor)
            outcomes = _outcomes(
                recipe, groups, book, executor, lambda n, before=done: progress(before + n, total)
            )
            done += len(outcomes)
            write_block_report(report, block.name, outcomes, deep=block.deep, unplanned=unplanned)
            write_block(out, block.name, outcomes, deep=block.deep)
        finished(block.name)


def refills(slots: Sequence[FragmentJob], finished: dict[str, Outcome]) -> list[FragmentJob]:
    """What may still fill the empty slots of one group: candidates that its other slots did not need.

    Depends only on which slots failed with their own candidates, so that a resumed run decides alike.
    """
    rejected = {row["fragment"] for slot in slots for row in finished[slot.name].rejections}
    failed = [s for s in slots if all(id_in_family(c, s.family_id) in rejected for c in s.candidates)]
    out = []
    for slot in failed:
        rivals = [s for s in failed if s.heldout == slot.heldout]
        others = [s for s in slots if s not in failed and s.heldout == slot.heldout]
        spare = [
            c
            for s in others
            for c in s.candidates
            if id_in_family(c, s.family_id) not in rejected | {finished[s.name].made.fragment_id}
        ]
        mine = spare[rivals.index(slot) :: len(rivals)]
        left = [c for c in mine if id_in_family(c, slot.family_id) not in rejected]
        if finished[slot.name].made is None and left:
            tried = tuple(finished[slot.name].rejections)
            out.append(FragmentJob(slot.family_id, slot.number, slot.heldout, tuple(left), tried))
    return out


def _digest(recipe: PoolRecipe, block: Block) -> str:
    """Of what decides a block's slots: other blocks may come and go.

    Only what the file says counts: a new setting with a default does not orphan a journal.
    """
    said = recipe.model_dump(mode="json", include={"seed", "plan", "sampling", "gates"}, exclude_unset=True)
    text = json.dumps([said, block.model_dump(mode="json", exclude_unset=True)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plan(
    recipe: PoolRecipe, block: Block, structures: Path, pool: Path, executor: Executor
) -> tuple[list[Sequence[Job]], dict[str, str]]:
    """The slots of every group, and why a group has none, where the recipe goes on without it.

    A deep group is planned from the pool, any other from structures.
    """
    if block.deep:
        return [deep_jobs(group, recipe, pool) for group in block.groups], {}
    plans = {group.id: executor.submit(group_jobs, group, recipe, structures) for group in block.groups}
    groups, unplanned = [], {}
    with cancelled_on_failure(list(plans.values())):
        for name, plan in plans.items():
            try:
                groups.append(plan.result())
            except StructureError as error:
                if not recipe.skip_unplanned:
                    raise
                unplanned[name] = str(error)
    if not groups:
        raise StructureError(
            f"no group of block {block.name} can be planned: {next(iter(unplanned.values()))}"
        )
    return groups, unplanned


def _outcomes(
    recipe: PoolRecipe,
    groups: Sequence[Sequence[Job]],
    book: Journal,
    executor: Executor,
    progress: Callable[[int], None],
) -> list[Outcome]:
    slots = [slot for group in groups for slot in group]
    wanted = {slot.name for slot in slots}
    finished = {name: done for name, done in book.finished().items() if name in wanted}
    progress(len(finished))
    settings = recipe.model_copy(update={"blocks": (), "constructions": ()})  # workers need no more

    def run(waiting: Sequence[Job]) -> None:
        futures = [executor.submit(slot.run, settings) for slot in longest_first(waiting)]
        with cancelled_on_failure(futures):
            for future in as_completed(futures):
                outcome = future.result()
                book.add(outcome)
                finished[outcome.slot] = outcome
                progress(len(finished))

    run([s for s in slots if s.name not in finished])
    plain = [[slot for slot in group if isinstance(slot, FragmentJob)] for group in groups]
    run([slot for group in plain for slot in refills(group, finished)])
    return [finished[slot.name] for slot in slots]
