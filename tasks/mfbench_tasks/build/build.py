"""A build: recipe and structures in, split out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mfbench.data.parquet import read_table
from mfbench.work.executor import Executor
from mfbench.work.journal import open_journal
from mfbench.work.ownership import owned
from mfbench_tasks.build.assemble import assemble
from mfbench_tasks.build.candidates import family_jobs
from mfbench_tasks.build.inputs import engine, entry_digests, table_digests
from mfbench_tasks.build.job import Job
from mfbench_tasks.build.report import build_report, write_report
from mfbench_tasks.build.run_jobs import finished_outcomes, run_jobs
from mfbench_tasks.families.cath import Family, choose_families
from mfbench_tasks.recipes.recipe import Recipe

__all__ = ["build"]


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
) -> dict[str, Any]:
    """Build a split; the result depends on the recipe and the structures, not on the executor.

    Args:
        structures: folder of entries, ``index.tsv`` and ``chain_cath_cluster.tsv.gz``.
        out, report, journal: folders to write; ``out`` and ``journal`` are this process's meanwhile.
        executor: where fragments are made; its workers should run one thread each.
        resume: take finished fragments from the journal.
        progress: called with fragments done and fragments in all.

    Returns:
        The manifest.

    Raises:
        DataError, StructureError: the recipe or the structures cannot be used.
        WorkError: the journal is of another recipe or of other structures, or a folder is in use.
    """
    families = choose_families(structures, recipe.families, recipe.plan)
    request = {
        "recipe": recipe.model_dump(mode="json"),
        "structures": table_digests(structures)
        | entry_digests(structures, [p.pdb_id for family in families for p in family.proteins]),
        "engine": engine(),
    }
    with owned(out), open_journal(journal, request, resume=resume) as book:
        jobs = _jobs(recipe, families, structures, executor)
        wanted = {job.name for job in jobs}
        done = {name: found for name, found in finished_outcomes(book).items() if name in wanted}
        progress(len(done), len(jobs))
        left = [job for job in jobs if job.name not in done]
        run_jobs(left, recipe, book, executor, done, lambda count: progress(count, len(jobs)))
        outcomes = [done[job.name] for job in jobs]
        manifest = assemble(recipe, families, outcomes, out)
        rows = read_table(Path(out) / "fragments.parquet").select(["fragment_id", "graph_id"]).to_pylist()
        graphs = {row["fragment_id"]: row["graph_id"] for row in rows}
        labelled = [o.accepted for o in outcomes]
        write_report(build_report(families, outcomes, graphs), labelled, report)
    return manifest


def _jobs(recipe: Recipe, families: Sequence[Family], structures: Path, executor: Executor) -> list[Job]:
    plan = partial(family_jobs, plan=recipe.plan, folder=structures, seed=recipe.seed)
    return [job for jobs in executor.map(plan, families) for job in jobs]
