"""What a stored block rejected when it was made: its report, where journal and report are gone.

What was accepted is stored; what was rejected before it is tried again, and must be rejected again.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

from mfbench.data.parquet import read_configurations, read_table
from mfbench.errors import DataError
from mfbench_tasks.build.build import cancelled_on_failure
from mfbench_tasks.build.fragment_job import FragmentJob
from mfbench_tasks.build.job import Outcome
from mfbench_tasks.fragments.fragment_id import id_in_family
from mfbench_tasks.fragments.stored import stored_fragment
from mfbench_tasks.pool.blocks import part
from mfbench_tasks.pool.groups import group_jobs
from mfbench_tasks.pool.make_pool import refills
from mfbench_tasks.pool.recipe import Block, PoolRecipe
from mfbench_tasks.sampling.label_trajectory import Made

__all__ = ["audit_block"]


def audit_block(
    recipe: PoolRecipe, block: Block, *, structures: Path, pool: Path, executor: Executor
) -> list[Outcome]:
    """Outcomes of a block's slots: what is stored, and the rejections that came before.

    Finite differences, dropped configurations, label times and costs of what is stored are not known.

    Raises:
        DataError: a candidate that must have been rejected is accepted: the block is of another recipe.
    """
    stored = _stored(pool, block.name)
    groups = [group_jobs(group, recipe, structures) for group in block.groups]
    finished: dict[str, Outcome] = {}
    slots = [slot for group in groups for slot in group]
    _try_again(slots, stored, recipe, finished, executor)
    again = [slot for group in groups for slot in refills(group, finished)]
    _try_again(again, stored, recipe, finished, executor)
    lost = set(stored) - {o.made.fragment_id for o in finished.values() if o.made is not None}
    if lost:
        raise DataError(f"{block.name} holds {min(lost)}, which the recipe would not make")
    return [finished[slot.name] for slot in slots]


def _try_again(
    slots: Sequence[FragmentJob],
    stored: dict[str, Made],
    recipe: PoolRecipe,
    finished: dict[str, Outcome],
    executor: Executor,
) -> None:
    ids = {slot.name: [id_in_family(c, slot.family_id) for c in slot.candidates] for slot in slots}
    accepted = {slot.name: next((i for i in ids[slot.name] if i in stored), None) for slot in slots}
    before = {
        slot.name: replace(slot, candidates=slot.candidates[: ids[slot.name].index(accepted[slot.name])])
        if accepted[slot.name]
        else slot
        for slot in slots
    }
    futures = {name: executor.submit(slot.run, recipe) for name, slot in before.items()}
    with cancelled_on_failure(list(futures.values())):
        for name, future in futures.items():
            outcome = future.result()
            if outcome.made is not None:
                raise DataError(f"{name}: {outcome.made.fragment_id} was not stored, but passes every gate")
            finished[name] = replace(outcome, made=stored.get(accepted[name]))


def _stored(pool: Path, block: str) -> dict[str, Made]:
    """What a block holds, as far as it says."""
    found = {}
    for row in read_table(part(pool, block, "fragments")).to_pylist():
        fragment, relaxed = stored_fragment(row)
        name, unknown = row["fragment_id"], float("nan")
        found[name] = Made(fragment, name, relaxed, unknown, row["sampler"])
    for c in read_configurations(part(pool, block, "configurations")):
        found[c.fragment_id].configurations.append(c)
    return found
