"""Jobs of a family: for each fragment wanted, its candidates in the order in which they are tried."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import biotite.structure as struc
import numpy as np

from mfbench.errors import StructureError
from mfbench_tasks.build.fragment_job import FragmentJob
from mfbench_tasks.families.cath import Family, Protein
from mfbench_tasks.fragments import select
from mfbench_tasks.fragments.cut import Fragment, cut, prepare
from mfbench_tasks.fragments.fragment_id import fragment_id
from mfbench_tasks.recipes.recipe import Plan
from mfbench_tasks.seeds import stream
from mfbench_tasks.structures.read import find_structure, read_structure

__all__ = [
    "Option",
    "candidates",
    "choose_candidates",
    "family_jobs",
    "segments",
    "shuffled",
]

_CATIONS = ("LYS", "ARG")
_CHARGED = ("ASP", "GLU", *_CATIONS)


@dataclass(frozen=True, eq=False)
class Option:
    """A place where a fragment could be cut."""

    atoms: struc.AtomArray
    protein: Protein
    selection: select.Selection

    @cached_property
    def fragment(self) -> Fragment:
        """The cut, made once: most places are looked at again and again, and turn out too large."""
        return cut(
            self.atoms,
            self.selection.atoms,
            kind=self.selection.kind,
            motif=self.selection.motif,
            pdb_id=self.protein.pdb_id,
            residues=self.selection.residues,
        )


def candidates(folder: Path, protein: Protein) -> list[Option]:
    """Every place of a protein where a fragment could be cut.

    Raises:
        StructureError: its file is missing or unreadable, or lacks the chain; the message names it.
    """
    atoms, chain = _open(folder, protein)
    found: list[select.Selection] = list(select.residues(chain))
    found += select.contacts(chain, atoms.coord)
    found += select.hbonds(chain, atoms.coord)
    return [Option(atoms, protein, selection) for selection in found]


def segments(folder: Path, protein: Protein) -> list[Option]:
    """Every segment of a protein's chain that may be a larger cut.

    Raises:
        StructureError: as of ``candidates``.
    """
    atoms, chain = _open(folder, protein)
    return [Option(atoms, protein, selection) for selection in select.segments(chain)]


def _open(folder: Path, protein: Protein) -> tuple[struc.AtomArray, list[select.Residue]]:
    path = find_structure(folder, protein.pdb_id)
    atoms = prepare(read_structure(path))
    try:
        return atoms, select.chain_residues(atoms, protein.chain)
    except StructureError as error:
        raise StructureError(f"{path.name}: {error}") from None


def family_jobs(family: Family, plan: Plan, folder: Path, seed: int) -> list[FragmentJob]:
    """Jobs of a family. All its candidates have different motifs, hence different molecular graphs.

    The last protein serves the held-out slots where the family has two; the others serve the pool.
    Motifs are drawn, not occurrences, so that rare residues appear as often as common ones. Reserved
    motifs serve test families only, and come first in every second slot of theirs.

    Raises:
        StructureError: a file cannot be read, or a family yields too few candidates.
    """
    options = {p.name: candidates(folder, p) for p in family.proteins}
    last = family.proteins[-1:]
    pool = family.proteins[:-1] or last
    wanted = [(kind, False) for kind in plan.pool] + [(kind, True) for kind in plan.heldout]
    rng = stream(seed, "plan", family.family_id)
    queues = {
        heldout: shuffled(rng, [o for p in proteins for o in options[p.name]])
        for heldout, proteins in ((False, pool), (True, last))
    }
    return choose_candidates(
        family.family_id, wanted, queues, plan, seed, rng=rng, reserved=family.fold == "test"
    )


def choose_candidates(
    name: str,
    wanted: Sequence[tuple[str, bool]],
    queues: Mapping[bool, Sequence[Option]],
    plan: Plan,
    seed: int,
    *,
    rng: np.random.Generator,
    reserved: bool,
) -> list[FragmentJob]:
    """Candidates for slots, round by round: every slot's first choice comes before any second choice.

    Args:
        name: of the family or group.
        wanted: kind of each slot, and whether it is held out.
        queues: places in order, for held-out slots (True) and the others.
        rng: decides which slots prefer charged residues.
        reserved: reserved motifs are allowed, and come first in every second slot.

    Raises:
        StructureError: a slot has no candidate.
    """
    if not reserved:
        queues = {h: [o for o in q if not _reserved(o, plan, seed)] for h, q in queues.items()}
    charged = set(rng.permutation(len(wanted))[: round(plan.charged_share * len(wanted))].tolist())
    chosen: list[list[Fragment]] = [[] for _ in wanted]
    used: set[str] = set()
    failed: dict[Option, dict[str, str]] = {}
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


def _rejection(option: Option, family_id: str, number: int, reason: str) -> dict[str, str]:
    place = option.selection
    return {
        "slot": f"{family_id}-{number}",
        "fragment": fragment_id(option.protein.pdb_id, place.kind, place.residues, family_id),
        "kind": place.kind,
        "motif": place.motif,
        "gate": "cut",
        "reason": reason,
    }


def shuffled(rng: np.random.Generator, options: list[Option]) -> list[Option]:
    """A random order of motifs; within a motif a random order of places."""
    by_motif: dict[str, list[Option]] = defaultdict(list)
    for option in options:
        by_motif[option.selection.motif].append(option)
    motifs = sorted(by_motif)
    out = []
    for k in rng.permutation(len(motifs)):
        places = by_motif[motifs[k]]
        out.extend(places[i] for i in rng.permutation(len(places)))
    return out


def _next(
    queue: Iterable[Option], kind: str, charged: bool, used: set[str], plan: Plan
) -> tuple[Fragment | None, dict[Option, str]]:
    """The first unused motif of this kind, charged or neutral; else of this kind; else any.

    Returns:
        The fragment (None: there is none left), and the places on the way that could not be cut.
    """
    tests = (
        lambda s: s.kind == kind and _is_charged(s) == charged,
        lambda s: s.kind == kind,
        lambda s: True,
    )
    broken: dict[Option, str] = {}
    for test in tests:
        for option in queue:
            if option in broken or option.selection.motif in used or not test(option.selection):
                continue
            try:
                fragment = option.fragment
            except StructureError as error:
                broken[option] = str(error)
                continue
            if plan.min_atoms <= len(fragment) <= plan.max_atoms[fragment.kind]:
                return fragment, broken
    return None, broken


def _reserved(option: Option, plan: Plan, seed: int) -> bool:
    """Whether a side-chain pair is kept for test families. Cations are too few to keep any back."""
    selection = option.selection
    if selection.kind != "contact" or any(name in selection.names for name in _CATIONS):
        return False
    return stream(seed, "reserved", selection.motif).random() < plan.reserved_share


def _is_charged(selection: select.Selection) -> bool:
    return any(name in selection.names for name in _CHARGED)
