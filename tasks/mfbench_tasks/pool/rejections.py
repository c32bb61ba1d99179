"""What a stored block rejected when it was made: its report, where journal and report are gone.

What was accepted is stored; what was rejected before it is tried again, and must be rejected again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from mfbench.data.parquet import read_configurations, read_table
from mfbench.errors import DataError
from mfbench.work.executor import Executor
from mfbench_tasks.build.fragment_job import FragmentJob
from mfbench_tasks.build.job import Outcome
from mfbench_tasks.fragments.fragment_id import id_in_family
from mfbench_tasks.fragments.stored import stored_fragment
from mfbench_tasks.pool.blocks import part
from mfbench_tasks.pool.groups import group_jobs
from mfbench_tasks.pool.make_pool import retry_jobs
from mfbench_tasks.pool.recipe import Block, PoolRecipe
from mfbench_tasks.sampling.label_trajectory import LabelledFragment

__all__ = ["audit_block"]


def audit_block(
    recipe: PoolRecipe, block: Block, *, structures: Path, pool: Path, executor: Executor
) -> list[Outcome]:
    """Outcomes of a block's jobs: what is stored, and the rejections that came before.

    Finite differences, dropped configurations, label times and costs of what is stored are not known.

    Raises:
        DataError: a candidate that must have been rejected is accepted: the block is of another recipe.
    """
    stored = _stored(pool, block.name)
    groups = [group_jobs(group, recipe, structures) for group in block.groups]
    finished: dict[str, Outcome] = {}
    jobs = [job for group in groups for job in group]
    _try_again(jobs, stored, recipe, finished, executor)
    again = [job for group in groups for job in retry_jobs(group, finished)]
    _try_again(again, stored, recipe, finished, executor)
    lost = set(stored) - {o.labelled.fragment_id for o in finished.values() if o.labelled is not None}
    if lost:
        raise DataError(f"{block.name} holds {min(lost)}, which the recipe would not make")
    return [finished[job.name] for job in jobs]


def _try_again(
    jobs: Sequence[FragmentJob],
    stored: dict[str, LabelledFragment],
    recipe: PoolRecipe,
    finished: dict[str, Outcome],
    executor: Executor,
) -> None:
    accepted: list[LabelledFragment | None] = []
    before: list[FragmentJob] = []
    for job in jobs:
        ids = [id_in_family(c, job.family_id) for c in job.candidates]
        taken = next((place for place, name in enumerate(ids) if name in stored), len(ids))
        accepted.append(stored[ids[taken]] if taken < len(ids) else None)
        before.append(replace(job, candidates=job.candidates[:taken]))
    run = partial(_run, recipe=recipe)
    for job, labelled, outcome in zip(jobs, accepted, executor.map(run, before), strict=True):
        if outcome.labelled is not None:
            raise DataError(
                f"{job.name}: {outcome.labelled.fragment_id} was not stored, but passes every gate"
            )
        finished[job.name] = replace(outcome, labelled=labelled)


def _run(job: FragmentJob, recipe: PoolRecipe) -> Outcome:
    return job.run(recipe)


def _stored(pool: Path, block: str) -> dict[str, LabelledFragment]:
    """What a block holds, as far as it says."""
    found = {}
    for row in read_table(part(pool, block, "fragments")).to_pylist():
        fragment, relaxed = stored_fragment(row)
        name, unknown = row["fragment_id"], float("nan")
        found[name] = LabelledFragment(fragment, name, relaxed, unknown, row["sampler"])
    for c in read_configurations(part(pool, block, "configurations")):
        found[c.fragment_id].configurations.append(c)
    return found
