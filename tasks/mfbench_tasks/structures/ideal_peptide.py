"""An ideal peptide: a structure to try the pipeline on where no entry is at hand (tests, benchmarks)."""

from __future__ import annotations

from collections.abc import Sequence

import biotite.structure as struc
import numpy as np
from biotite.structure import info

__all__ = ["ideal_peptide"]

# Engh and Huber, Acta Cryst. A47 (1991) 392: Å and degrees.
_LENGTH = {"N-CA": 1.458, "CA-C": 1.525, "C-N": 1.329, "C-O": 1.231}
_ANGLE = {"N-CA-C": 111.2, "CA-C-N": 116.2, "C-N-CA": 121.7, "CA-C-O": 120.8}
_OMEGA = 180.0


def ideal_peptide(residues: Sequence[str], phi: float = -139.0, psi: float = 135.0) -> struc.AtomArray:
    """Heavy atoms of a peptide (chain A, numbered from 1), side chains as in the chemical dictionary.

    Args:
        residues: three-letter names, N-terminal first.
        phi, psi: backbone torsions in degrees; the default is an extended strand.
    """
    backbone = _backbone(len(residues), phi, psi)
    atoms = []
    for number, (name, (n, ca, c, o)) in enumerate(zip(residues, backbone, strict=True), start=1):
        template = info.residue(name)
        template = template[(template.element != "H") & (template.atom_name != "OXT")]
        frame = np.isin(template.atom_name, ("N", "CA", "C"))
        order = [str(a) for a in template.atom_name[frame]]
        target = template[frame].copy()
        target.coord = np.array([{"N": n, "CA": ca, "C": c}[a] for a in order], dtype=np.float32)
        _, transform = struc.superimpose(target, template[frame])
        placed = transform.apply(template)
        for atom, place in (("N", n), ("CA", ca), ("C", c), ("O", o)):
            placed.coord[placed.atom_name == atom] = place
        placed.res_id[:] = number
        placed.chain_id[:] = "A"
        placed.hetero[:] = False
        placed.bonds = None
        atoms.append(placed)
    return struc.concatenate(atoms)


def _backbone(count: int, phi: float, psi: float) -> np.ndarray:
    """N, CA, C, O of each residue: [count, 4, 3] Å."""
    n = np.zeros(3)
    ca = np.array([_LENGTH["N-CA"], 0.0, 0.0])
    bend = np.radians(180.0 - _ANGLE["N-CA-C"])
    c = ca + _LENGTH["CA-C"] * np.array([np.cos(bend), np.sin(bend), 0.0])
    out = []
    for _ in range(count):
        o = _place(n, ca, c, _LENGTH["C-O"], _ANGLE["CA-C-O"], psi + 180.0)
        out.append((n, ca, c, o))
        next_n = _place(n, ca, c, _LENGTH["C-N"], _ANGLE["CA-C-N"], psi)
        next_ca = _place(ca, c, next_n, _LENGTH["N-CA"], _ANGLE["C-N-CA"], _OMEGA)
        next_c = _place(c, next_n, next_ca, _LENGTH["CA-C"], _ANGLE["N-CA-C"], phi)
        n, ca, c = next_n, next_ca, next_c
    return np.array(out)


def _place(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, length: float, angle: float, torsion: float
) -> np.ndarray:
    """The atom at a length from c, an angle to b and a torsion to a (natural extension reference frame)."""
    bc = (c - b) / np.linalg.norm(c - b)
    normal = np.cross(b - a, bc)
    normal /= np.linalg.norm(normal)
    side = np.cross(normal, bc)
    theta, chi = np.radians(180.0 - angle), np.radians(torsion)
    direction: np.ndarray = np.cos(theta) * bc + np.sin(theta) * (np.cos(chi) * side + np.sin(chi) * normal)
    return c + length * direction
