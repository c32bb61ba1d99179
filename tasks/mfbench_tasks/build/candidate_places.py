"""Places of a protein where a fragment could be cut."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import biotite.structure as struc
import numpy as np

from mfbench.errors import StructureError
from mfbench_tasks.families.cath import Protein
from mfbench_tasks.fragments import select
from mfbench_tasks.fragments.cut import Fragment, cut, prepare
from mfbench_tasks.structures.read import find_structure, read_structure

__all__ = ["CandidatePlace", "candidates", "segments", "shuffled"]


@dataclass(frozen=True, eq=False)
class CandidatePlace:
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


def candidates(folder: Path, protein: Protein) -> list[CandidatePlace]:
    """Every place of a protein where a fragment could be cut.

    Raises:
        StructureError: its file is missing or unreadable, or lacks the chain; the message names it.
    """
    atoms, chain = _open(folder, protein)
    found: list[select.Selection] = list(select.residues(chain))
    found += select.contacts(chain, atoms.coord)
    found += select.hbonds(chain, atoms.coord)
    return [CandidatePlace(atoms, protein, selection) for selection in found]


def segments(folder: Path, protein: Protein) -> list[CandidatePlace]:
    """Every segment of a protein's chain that may be a larger cut.

    Raises:
        StructureError: as of ``candidates``.
    """
    atoms, chain = _open(folder, protein)
    return [CandidatePlace(atoms, protein, selection) for selection in select.segments(chain)]


def _open(folder: Path, protein: Protein) -> tuple[struc.AtomArray, list[select.Residue]]:
    path = find_structure(folder, protein.pdb_id)
    atoms = prepare(read_structure(path))
    try:
        return atoms, select.chain_residues(atoms, protein.chain)
    except StructureError as error:
        raise StructureError(f"{path.name}: {error}") from None


def shuffled(rng: np.random.Generator, options: list[CandidatePlace]) -> list[CandidatePlace]:
    """A random order of motifs; within a motif a random order of places."""
    by_motif: dict[str, list[CandidatePlace]] = defaultdict(list)
    for option in options:
        by_motif[option.selection.motif].append(option)
    motifs = sorted(by_motif)
    out: list[CandidatePlace] = []
    for k in rng.permutation(len(motifs)):
        places = by_motif[motifs[k]]
        out.extend(places[i] for i in rng.permutation(len(places)))
    return out
