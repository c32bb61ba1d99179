"""A build: recipe and structures in, split out. Work fans out through an ``Executor``."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from mfbench.data.parquet import read_table
from mfbench_tasks.build.assemble import assemble
from mfbench_tasks.build.candidates import family_jobs
from mfbench_tasks.build.job import Job
from mfbench_tasks.build.journal import Journal
from mfbench_tasks.build.report import build_report, write_report
from mfbench_tasks.families.cath import choose_families
from mfbench_tasks.recipes.recipe import Recipe

__all__ = ["THREADS", "build", "cancelled_on_failure", "longest_first", "one_thread", "process_pool"]

AnyJob = TypeVar("AnyJob", bound=Job)

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that say how many threads a library may use."""


def one_thread() -> None:
    """One thread in this process and its children: two threads label three times slower than one."""
    for name in THREADS:
        os.environ[name] = "1"


def process_pool(workers: int) -> ProcessPoolExecutor:
    """The default executor: processes of one thread each."""
    one_thread()  # before the children start, for libraries that read it while they are loaded
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)


def _start_worker() -> None:
    one_thread()
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    """A worker waits for its queue for ever when the build is killed: leave with it instead."""
    multiprocessing.parent_process().join()
    os._exit(1)


def build(
    recipe: Recipe,
    *,
    structures: Path,
    out: Path,
    report: Path,
    journal: Path,
    executor: Executor,
    resume: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict:
    """Build a split; the result depends on the recipe and the structures, not on the executor.

    Args:
        structures: folder of entries, ``index.tsv`` and ``chain_cath_cluster.tsv.gz``.
        out, report, journal: folders to write.
        executor: any ``concurrent.futures.Executor``; its workers should run one thread each.
        resume: take finished slots from the journal.
        progress: called with slots done and slots in all.

    Returns:
        The manifest.

    Raises:
        DataError, StructureError: the recipe, the structures or the journal cannot be used.
    """
    digest = hashlib.sha256(recipe.model_dump_json().encode()).hexdigest()
    book = Journal(journal, digest, resume=resume)
    families = choose_families(structures, recipe.families, recipe.plan)
    plans = [
        executor.submit(family_jobs, family, recipe.plan, structures, recipe.seed) for family in families
    ]
    with cancelled_on_failure(plans):
        slots = [slot for plan in plans for slot in plan.result()]
    wanted = {slot.name for slot in slots}
    finished = {name: done for name, done in book.finished().items() if name in wanted}
    progress(len(finished), len(slots))
    waiting = longest_first(s for s in slots if s.name not in finished)
    futures = [executor.submit(slot.run, recipe) for slot in waiting]
    with cancelled_on_failure(futures):
        for future in as_completed(futures):
            outcome = future.result()
            book.add(outcome)
            finished[outcome.slot] = outcome
            progress(len(finished), len(slots))
    outcomes = [finished[slot.name] for slot in slots]
    manifest = assemble(recipe, families, outcomes, out)
    rows = read_table(Path(out) / "fragments.parquet").select(["fragment_id", "graph_id"]).to_pylist()
    graphs = {row["fragment_id"]: row["graph_id"] for row in rows}
    made = [o.made for o in outcomes]
    write_report(build_report(families, outcomes, graphs), made, report)
    return manifest


def longest_first(jobs: Iterable[AnyJob]) -> list[AnyJob]:
    """Jobs in the order in which they should start: what a long one leaves at the end for one worker
    alone is idle time of all others.

    A support fragment takes three times as long as a held-out one, and a label grows with the square of
    atoms.
    """
    return sorted(jobs, key=lambda job: (job.heldout, -job.atoms))


@contextmanager
def cancelled_on_failure(futures: Sequence[Future]) -> Iterator[None]:
    """An error need not wait for work that nobody will use."""
    try:
        yield
    except BaseException:
        for future in futures:
            future.cancel()
        raise
