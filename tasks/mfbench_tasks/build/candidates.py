"""Jobs of a family: for each fragment wanted, its candidates in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from mfbench.errors import StructureError
from mfbench_tasks.build.candidate_places import CandidatePlace, candidates, shuffled
from mfbench_tasks.build.fragment_job import FragmentJob
from mfbench_tasks.families.cath import Family
from mfbench_tasks.fragments import select
from mfbench_tasks.fragments.cut import Fragment
from mfbench_tasks.fragments.fragment_id import fragment_id
from mfbench_tasks.recipes.recipe import CuttingPlan
from mfbench_tasks.seeds import stream

__all__ = ["choose_candidates", "family_jobs"]

_CATIONS = ("LYS", "ARG")
_CHARGED = ("ASP", "GLU", *_CATIONS)


def family_jobs(family: Family, plan: CuttingPlan, folder: Path, seed: int) -> list[FragmentJob]:
    """Jobs of a family. All its candidates have different motifs, hence different molecular graphs.

    The last protein serves the held-out fragments where the family has two; the others the support.
    Motifs are drawn, not occurrences, so that rare residues appear as often as common ones. Reserved
    motifs serve test families only, and come first in every second job of theirs.

    Raises:
        StructureError: a file cannot be read, or a family yields too few candidates.
    """
    options = {p.name: candidates(folder, p) for p in family.proteins}
    last = family.proteins[-1:]
    support = family.proteins[:-1] or last
    wanted = [(kind, False) for kind in plan.pool] + [(kind, True) for kind in plan.heldout]
    rng = stream(seed, "plan", family.family_id)
    queues = {
        heldout: shuffled(rng, [o for p in proteins for o in options[p.name]])
        for heldout, proteins in ((False, support), (True, last))
    }
    return choose_candidates(
        family.family_id, wanted, queues, plan, seed, rng=rng, reserved=family.fold == "test"
    )


def choose_candidates(
    name: str,
    wanted: Sequence[tuple[str, bool]],
    queues: Mapping[bool, Sequence[CandidatePlace]],
    plan: CuttingPlan,
    seed: int,
    *,
    rng: np.random.Generator,
    reserved: bool,
) -> list[FragmentJob]:
    """Jobs with their candidates, round by round: every first choice comes before any second choice.

    Args:
        name: of the family or group.
        wanted: kind of each fragment, and whether it is held out.
        queues: places in order, for held-out fragments (True) and the others.
        rng: decides which jobs prefer charged residues.
        reserved: reserved motifs are allowed, and come first in every second job.

    Raises:
        StructureError: there is no candidate for one.
    """
    if not reserved:
        queues = {h: [o for o in q if not _reserved(o, plan, seed)] for h, q in queues.items()}
    charged = set(rng.permutation(len(wanted))[: round(plan.charged_share * len(wanted))].tolist())
    chosen: list[list[Fragment]] = [[] for _ in wanted]
    used: set[str] = set()
    failed: dict[CandidatePlace, dict[str, str]] = {}
    for _ in range(plan.candidates):
        for number, (kind, heldout) in enumerate(wanted):
            queue = queues[heldout]
            if reserved and number % 2:
                queue = sorted(queue, key=lambda o: not _reserved(o, plan, seed))
            queue = [o for o in queue if o not in failed]
            fragment, broken = _next(queue, kind, number in charged, used, plan)
            for option, reason in broken.items():
                failed[option] = _rejection(option, name, number, reason)
            if fragment is not None:
                used.add(fragment.motif)
                chosen[number].append(fragment)
    if not all(chosen):
        raise StructureError(f"family {name} has too few places to cut: choose another")
    return [
        FragmentJob(
            name,
            number,
            heldout,
            tuple(chosen[number]),
            tuple(r for r in failed.values() if r["slot"] == f"{name}-{number}"),
        )
        for number, (_, heldout) in enumerate(wanted)
    ]


def _rejection(option: CandidatePlace, family_id: str, number: int, reason: str) -> dict[str, str]:
    place = option.selection
    return {
        "slot": f"{family_id}-{number}",
        "fragment": fragment_id(option.protein.pdb_id, place.kind, place.residues, family_id),
        "kind": place.kind,
        "motif": place.motif,
        "gate": "cut",
        "reason": reason,
    }


def _next(
    queue: Iterable[CandidatePlace], kind: str, charged: bool, used: set[str], plan: CuttingPlan
) -> tuple[Fragment | None, dict[CandidatePlace, str]]:
    """The first unused motif of this kind, charged or neutral; else of this kind; else any.

    Returns:
        The fragment (None: there is none left), and the places on the way that could not be cut.
    """
    tests: tuple[Callable[[select.Selection], bool], ...] = (
        lambda s: s.kind == kind and _is_charged(s) == charged,
        lambda s: s.kind == kind,
        lambda s: True,
    )
    largest = cast(Mapping[str, int], plan.max_atoms)
    broken: dict[CandidatePlace, str] = {}
    for test in tests:
        for option in queue:
            if option in broken or option.selection.motif in used or not test(option.selection):
                continue
            try:
                fragment = option.fragment
            except StructureError as error:
                broken[option] = str(error)
                continue
            if plan.min_atoms <= len(fragment) <= largest[fragment.kind]:
                return fragment, broken
    return None, broken


def _reserved(option: CandidatePlace, plan: CuttingPlan, seed: int) -> bool:
    """Whether a side-chain pair is kept for test families. Cations are too few to keep any back."""
    selection = option.selection
    if selection.kind != "contact" or any(name in selection.names for name in _CATIONS):
        return False
    return stream(seed, "reserved", selection.motif).random() < plan.reserved_share


def _is_charged(selection: select.Selection) -> bool:
    return any(name in selection.names for name in _CHARGED)
