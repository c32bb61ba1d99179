"""Semiempirical labels through the ``mopac`` program: PM7, PM6, AM1, RM1, PM3, MNDO."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from mfbench_tasks.labelling.level import Level, LevelError
from mfbench_tasks.labelling.tblite import Label, ScfFailure

__all__ = ["MOPAC_LEVELS", "Mopac"]

_KCAL_PER_MOL = 0.0433641153087705
"""eV."""
_MULTIPLICITY = ("", "DOUBLET", "TRIPLET", "QUARTET", "QUINTET", "SEXTET", "SEPTET", "OCTET", "NONET")
_TIME_LIMIT_S = 600
_INSTALL = "apt install mopac, or conda install -c conda-forge mopac"


class Mopac:
    """One molecule at one of MOPAC's levels.

    Args:
        method: MOPAC's keyword, e.g. ``PM7``.
        atomic_numbers: [n].
        total_charge: in units of e.
        n_unpaired: unpaired electrons; unrestricted where it is not zero.

    Raises:
        LevelError: the program is not installed, or the spin is higher than it knows.
    """

    def __init__(self, method: str, atomic_numbers: np.ndarray, total_charge: int = 0, n_unpaired: int = 0):
        from ase.data import chemical_symbols

        program = shutil.which("mopac")
        if program is None:
            raise LevelError(f"{method.lower()} runs on the program mopac, which is not here: {_INSTALL}")
        if n_unpaired >= len(_MULTIPLICITY):
            raise LevelError(f"mopac knows at most {len(_MULTIPLICITY) - 1} unpaired electrons")
        self._program = program
        self._symbols = [chemical_symbols[int(z)] for z in atomic_numbers]
        spin = f" UHF {_MULTIPLICITY[n_unpaired]}" if n_unpaired else ""
        # NOREOR keeps the frame; without it forces belong to a turned molecule.
        self._keywords = (
            f"{method} 1SCF GRADIENTS PRECISE XYZ NOREOR GEO-OK CHARGE={int(total_charge)}{spin} "
            "AUX(PRECISION=9)"
        )

    def label(self, positions: np.ndarray) -> Label:
        """Heat of formation (eV) and forces (eV/Å) of positions [n, 3] (Å).

        Raises:
            ScfFailure: no convergence, or the program ended without a result.
        """
        rows = [
            f"{symbol} {x:.10f} 1 {y:.10f} 1 {z:.10f} 1"
            for symbol, (x, y, z) in zip(self._symbols, np.asarray(positions, float), strict=True)
        ]
        with tempfile.TemporaryDirectory(prefix="mfbench-mopac-") as folder:
            deck = Path(folder, "label.mop")
            deck.write_text("\n".join([self._keywords, "", "", *rows, ""]))
            try:
                subprocess.run(
                    [self._program, deck.name],
                    cwd=folder,
                    capture_output=True,
                    timeout=_TIME_LIMIT_S,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise ScfFailure(f"mopac took more than {_TIME_LIMIT_S} s") from None
            results = deck.with_suffix(".aux")
            text = results.read_text() if results.is_file() else ""
            log = deck.with_suffix(".out")
            reason = _reason(log.read_text(errors="replace") if log.is_file() else "")
        return _label(text, len(self._symbols), reason)


def _reason(log: str) -> str:
    """Why there is no result, from the program's log."""
    if "UNABLE TO ACHIEVE SELF-CONSISTENCE" in log or "SCF FIELD WAS NOT ACHIEVED" in log:
        return "the SCF did not converge"
    stripped = [line.strip(" *") for line in log.splitlines()]
    said = [line for line in stripped if "error" in line.lower() or "not available" in line.lower()]
    return said[0][:120] if said else "mopac ended without a result"


def _label(results: str, n_atoms: int, reason: str) -> Label:
    blocks = dict(_blocks(results))
    try:
        energy = float(blocks["HEAT_OF_FORMATION:KCAL/MOL"].replace("D", "E"))
        # An atom alone has no gradient to print.
        printed = blocks["GRADIENTS:KCAL/MOL/ANGSTROM"] if n_atoms > 1 else "0 0 0"
        gradient = np.array([float(x) for x in printed.split()])
        forces = -gradient.reshape(n_atoms, 3)
    except (KeyError, ValueError):
        raise ScfFailure(reason) from None
    if reason == "the SCF did not converge" or not np.all(np.isfinite(forces)):
        raise ScfFailure(reason)
    return Label(energy * _KCAL_PER_MOL, forces * _KCAL_PER_MOL)


def _blocks(results: str) -> Iterator[tuple[str, str]]:
    """(name:unit, values) of an .aux file; of repeated names the last counts."""
    for found in re.finditer(r"^ ([A-Z_0-9:/]+)(?:\[\d+\])?=([^=]*?)(?=^ [A-Z_0-9:/]+(?:\[\d+\])?=|\Z)",
                             results, re.MULTILINE | re.DOTALL):  # fmt: skip
        yield found[1], found[2].strip()


_CITATIONS = {
    "pm7": "Stewart, J. Mol. Model. 2013, 19, 1",
    "pm6": "Stewart, J. Mol. Model. 2007, 13, 1173",
    "am1": "Dewar, Zoebisch, Healy and Stewart, J. Am. Chem. Soc. 1985, 107, 3902",
    "rm1": "Rocha, Freire, Simas and Stewart, J. Comput. Chem. 2006, 27, 1101",
    "pm3": "Stewart, J. Comput. Chem. 1989, 10, 209",
    "mndo": "Dewar and Thiel, J. Am. Chem. Soc. 1977, 99, 4899",
}
_ORGANIC = frozenset((1, 6, 7, 8, 9, 15, 16, 17, 35, 53))
_MORE = {
    "pm7": frozenset(range(1, 58)) | frozenset(range(71, 84)),
    "pm6": frozenset(range(1, 58)) | frozenset(range(71, 84)),
}

MOPAC_LEVELS = tuple(
    Level(
        name=name,
        description=f"{name.upper()} (gas phase, MOPAC)",
        make=partial(Mopac, name.upper()),
        elements=_MORE.get(name, _ORGANIC),
        citation=citation,
        install=_INSTALL,
        settings={"keywords": "1SCF GRADIENTS PRECISE NOREOR"},
        zero="formation",
        energy_tolerance=1e-4,
        force_tolerance=1e-3,
    )
    for name, citation in _CITATIONS.items()
)
"""The organic set is what AM1, RM1, PM3 and MNDO cover here; they know more metals, untested ones."""
