"""Jobs of a ``chemistry`` family: its places, cut in many ways, shared out to support and held-out ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mfbench.data.molecular_graph import graph_name
from mfbench.errors import StructureError
from mfbench_tasks.build.fragment_job import FragmentJob
from mfbench_tasks.families.chemistry import ChemistryFamily, Place, open_place
from mfbench_tasks.families.chemistry_kinds import KINDS
from mfbench_tasks.fragments.cut import Fragment, cut
from mfbench_tasks.fragments.fragment_id import fragment_id
from mfbench_tasks.sampling.gates import Rejection, check_cut
from mfbench_tasks.seeds import stream

__all__ = ["chemistry_jobs"]

POOL, HELDOUT = 6, 3
_VARIANTS = 24  # cuts of one place
_CANDIDATES = 5
_MIN_ATOMS = 12


def chemistry_jobs(
    family: ChemistryFamily,
    places: Sequence[Place],
    folder: Path,
    seed: int,
    *,
    pool: int = POOL,
    heldout: int = HELDOUT,
    candidates: int = _CANDIDATES,
) -> list[FragmentJob]:
    """Jobs of a family. Held-out fragments come from other entries than the support (other places of
    one entry where there is only one). No molecular graph comes twice, unless the family repeats graphs.

    Args:
        places: of this family, or of all.

    Raises:
        StructureError: a file cannot be read, or there are too few places.
    """
    rng = stream(seed, "chemistry", family.id)
    mine = [p for p in places if p.family == family.id]
    sides = _share_out(family, mine, rng)
    failed: list[dict[str, str]] = []
    supplies = {side: _Supply(family, sides[side], folder, rng, failed) for side in (False, True)}
    roles = [False] * pool + [True] * heldout
    chosen: list[list[Fragment]] = [[] for _ in roles]
    used: dict[str, int] = {}
    for _ in range(candidates):
        for number, role in enumerate(roles):
            fragment = supplies[role].next(used, number, repeat=family.repeat_graphs)
            if fragment is not None:
                chosen[number].append(fragment)
    if not all(chosen):
        empty = [n for n, options in enumerate(chosen) if not options]
        raise StructureError(f"family {family.id} has too few places: none for its fragments {empty}")
    rejections = tuple(r | {"slot": f"{family.id}-0"} for r in failed)
    return [
        FragmentJob(family.id, number, role, tuple(chosen[number]), () if number else rejections)
        for number, role in enumerate(roles)
    ]


def _share_out(
    family: ChemistryFamily, places: Sequence[Place], rng: np.random.Generator
) -> dict[bool, list[Place]]:
    """Places for the support (False) and for held-out fragments (True): a third of the entries, half of
    fewer than six, or a third of one entry's places. Entries take turns, first those without anything
    built."""
    by_entry: dict[str, list[Place]] = {}
    for place in places:
        by_entry.setdefault(place.pdb_id, []).append(place)
    names = sorted(by_entry)
    order = [names[k] for k in rng.permutation(len(names))]
    built = {n: all(family.builds(p.name) for p in by_entry[n]) for n in names}
    order.sort(key=lambda name: (built[name], -len(by_entry[name])))
    for queue in by_entry.values():
        queue.sort(key=lambda place: family.builds(place.name))
    if len(order) == 1:
        only = by_entry[order[0]]
        return {False: [p for k, p in enumerate(only) if k % 3 != 1] or only, True: only[1::3] or only}
    every = 2 if len(order) < 6 else 3
    out: dict[bool, list[Place]] = {False: [], True: []}
    for side in (False, True):
        queues = [by_entry[name] for k, name in enumerate(order) if (k % every == 1) == side]
        for turn in range(max(map(len, queues))):  # entries take turns
            out[side] += [queue[turn] for queue in queues if turn < len(queue)]
    return out


@dataclass
class _Supply:
    """Fragments of one side: places take turns, each giving one more cut at a time."""

    family: ChemistryFamily
    places: list[Place]
    folder: Path
    rng: np.random.Generator
    failed: list[dict[str, str]]

    def __post_init__(self) -> None:
        self._queues = [self._cuts(place) for place in self.places]
        self._unused: list[tuple[str, Fragment]] = []

    def next(self, used: dict[str, int], job: int, *, repeat: bool) -> Fragment | None:
        """The next fragment whose graph no other job has."""
        while True:
            for k, (name, fragment) in enumerate(self._unused):
                if used.setdefault(name, job) == job or repeat:
                    del self._unused[k]
                    return fragment
            if not self._queues:
                return None
            queue = self._queues.pop(0)
            f = next(queue, None)
            if f is not None:
                self._queues.append(queue)
                name = graph_name(f.atomic_numbers, f.bonds, f.total_charge, f.n_unpaired)
                self._unused.append((name, f))

    def _cuts(self, place: Place) -> Iterator[Fragment]:
        seen: set[str] = set()
        rng = np.random.default_rng(int(self.rng.integers(2**63)))
        entry, residue, built = open_place(self.folder, self.family, place)
        for selection in KINDS[self.family.kind].selections(entry, residue, self.family, rng, _VARIANTS):
            if selection.residues in seen:
                continue
            seen.add(selection.residues)
            try:
                fragment = cut(
                    entry.atoms,
                    selection.atoms,
                    kind=selection.kind,
                    motif=selection.motif + (" built" if built else ""),
                    pdb_id=place.pdb_id,
                    residues=selection.residues,
                    metal_charge=self.family.metal_charge,
                    n_unpaired=self.family.n_unpaired,
                    built=built,
                )
                if not _MIN_ATOMS <= len(fragment) <= self.family.max_atoms:
                    continue
                check_cut(fragment)
            except (StructureError, Rejection) as error:
                gate = error.gate if isinstance(error, Rejection) else "cut"
                reason = error.reason if isinstance(error, Rejection) else str(error)
                self.failed.append(
                    {
                        "slot": "",
                        "fragment": fragment_id(
                            place.pdb_id, selection.kind, selection.residues, self.family.id
                        ),
                        "kind": selection.kind,
                        "motif": selection.motif,
                        "gate": gate,
                        "reason": reason,
                    }
                )
                continue
            yield fragment
