"""Fresh fragments of a split's families, cut from entries that the split does not hold.

A family is what its construction says: the chains of a CATH topology, or of a 30 % cluster. Chemistry and
permuted families have no such rule, and many families have no further entry: they give nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, cycle, islice
from pathlib import Path
from typing import NamedTuple

from mfbench.data.configuration import Configuration
from mfbench.data.molecular_graph import graph_name
from mfbench.data.side_tables import SideTables, read_side_tables
from mfbench.data.split import Fold, Split, Task
from mfbench.errors import DataError, StructureError
from mfbench_tasks.build.candidate_places import CandidatePlace, candidates, shuffled
from mfbench_tasks.build.candidates import choose_candidates
from mfbench_tasks.build.fragment_job import FragmentJob
from mfbench_tasks.build.job import Outcome
from mfbench_tasks.families.cath import Protein, chains_by_topology, resolved
from mfbench_tasks.families.topology import TopologyFamily
from mfbench_tasks.fragments.stored import stored_motif
from mfbench_tasks.fresh.configurations import mapped
from mfbench_tasks.recipes.recipe import CuttingPlan, Gates, Sampling
from mfbench_tasks.seeds import stream

__all__ = ["cut_outside", "outside_proteins"]


class _Settings(NamedTuple):
    """What a job needs of a recipe."""

    seed: int
    sampling: Sampling
    gates: Gates


def cut_outside(
    split: Split,
    families: Sequence[str],
    structures: Path,
    seed: int,
    *,
    fragments: int | None = None,
    workers: int = 1,
    tick: Callable[[int, int], None] | None = None,
) -> dict[str, list[Configuration]]:
    """Cut, relax, sample and label new fragments, as the split's own were: by its plan, sampler and gates.

    None of them is a motif that the family has in the split: all are as new to a support set as its
    held-out fragments are.

    Args:
        split: whose families.
        families: names.
        structures: folder of entries, ``index.tsv`` and ``chain_cath_cluster.tsv.gz``.
        seed: the verifier's secret.
        fragments: so many per family; as many as the family has in the split by default.
        workers: processes.
        tick: ``tick(done, total)`` after each fragment.

    Returns:
        family → labelled configurations, with graph ids; a family without entries to cut from is absent.

    Raises:
        DataError: the split was not planned by motifs, or a table of the folder is missing.
    """
    recipe = split.manifest.recipe
    if not {"plan", "sampling", "gates"} <= set(recipe):
        raise DataError(f"{split.name} is not cut from proteins: there are no fragments outside of it")
    plan = CuttingPlan.model_validate(recipe["plan"])
    found = outside_proteins(split, families, structures, plan)
    tables = read_side_tables(split.name, split)
    tasks = {task.family_id: task for task in split.tasks}
    jobs = [
        job
        for family, proteins in found.items()
        for job in _jobs(tasks[family], tables, proteins, Path(structures), plan, seed, fragments)
    ]
    settings = _Settings(
        seed, Sampling.model_validate(recipe["sampling"]), Gates.model_validate(recipe["gates"])
    )
    labelled: dict[str, list[Configuration]] = {}
    for number, outcome in enumerate(mapped(partial(_run, settings=settings), jobs, workers)):
        if outcome.labelled is not None:
            cut = outcome.labelled.fragment
            graph = graph_name(cut.atomic_numbers, cut.bonds, cut.total_charge, cut.n_unpaired)
            new = [replace(c, graph_id=graph) for c in outcome.labelled.configurations]
            labelled.setdefault(outcome.family_id, []).extend(new)
        if tick:
            tick(number + 1, len(jobs))
    return labelled


def _run(job: FragmentJob, settings: _Settings) -> Outcome:
    return job.run(settings)


def outside_proteins(
    split: Split, families: Sequence[str], structures: Path, plan: CuttingPlan
) -> dict[str, list[Protein]]:
    """Family → its chains in entries that the split does not hold, best first; absent where there is none.

    A chain whose 30 % cluster serves another family of the split is left out.

    Raises:
        DataError: a table of the folder is missing or damaged.
    """
    tables = read_side_tables(split.name, split)
    held = {str(pdb_id) for pdb_id in tables.fragments["pdb_id"]}
    held |= {Protein.named(name).pdb_id for name in chain.from_iterable(tables.families["proteins"])}
    topologies = chains_by_topology(structures)
    tasks = {task.family_id: task for task in split.tasks}
    found = {}
    for family in families:
        others = {c for task in split.tasks if task.family_id != family for c in task.clusters}
        named = TopologyFamily.named(family)
        mine = topologies.get(named.topology)
        if mine is None:
            everything = chain.from_iterable(topologies.values())
            mine = sorted(f for f in everything if f[1].cluster30 in tasks[family].clusters)
        else:
            mine = [f for f in mine if f[2] == named.membrane]
        found[family] = [
            protein
            for quality, protein, _ in mine
            if protein.pdb_id not in held and protein.cluster30 not in others and resolved(quality, plan)
        ]
    return {family: proteins for family, proteins in found.items() if proteins}


def _jobs(
    task: Task,
    tables: SideTables,
    proteins: Sequence[Protein],
    folder: Path,
    plan: CuttingPlan,
    seed: int,
    count: int | None,
) -> list[FragmentJob]:
    """Jobs of held-out fragments, from as many of the proteins as a family has."""
    rng = stream(seed, task.family_id, "outside")
    options: list[CandidatePlace] = []
    for i in rng.permutation(len(proteins))[: plan.proteins]:
        try:
            options += candidates(folder, proteins[i])
        except StructureError:
            continue
    taken = {stored_motif(row) for row in tables.fragments.loc[list(task.graphs)].to_dict("records")}
    queue = [o for o in shuffled(rng, options) if o.selection.motif not in taken]
    kinds = [(kind, True) for kind in islice(cycle(plan.heldout), count or len(task.graphs))]
    test = task.fold == Fold.TEST
    try:
        return choose_candidates(task.family_id, kinds, {True: queue}, plan, seed, rng=rng, reserved=test)
    except StructureError:  # too few places to cut
        return []
