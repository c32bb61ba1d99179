"""Units of energy, length and force: exact factors, and the many ways in which files spell them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mfbench.data.configuration import EV_TO_KCAL_MOL
from mfbench.errors import DataError

__all__ = ["ENERGY_UNITS", "FORCE_UNITS", "LENGTH_UNITS", "unit_named"]

_HARTREE = 27.211386245988
_KCAL_MOL = 1.0 / EV_TO_KCAL_MOL
ENERGY_UNITS = {
    "eV": 1.0,
    "kcal/mol": _KCAL_MOL,
    "kJ/mol": _KCAL_MOL / 4.184,
    "Hartree": _HARTREE,
    "Rydberg": _HARTREE / 2,
    "meV": 1e-3,
    "cm⁻¹": 1.2398419843320026e-4,
}
"""Unit → eV (CODATA 2018)."""
LENGTH_UNITS = {"Å": 1.0, "Bohr": 0.529177210903, "nm": 10.0}
"""Unit → Å (CODATA 2018)."""
FORCE_UNITS = {
    f"{energy}/{length}": e / x for energy, e in ENERGY_UNITS.items() for length, x in LENGTH_UNITS.items()
}
"""Unit → eV/Å."""
_ALIASES = {
    "ev": "eV", "electronvolt": "eV", "kcal/mol": "kcal/mol", "kcalmol": "kcal/mol", "kcal": "kcal/mol",
    "kj/mol": "kJ/mol", "kj": "kJ/mol", "hartree": "Hartree", "ha": "Hartree", "eh": "Hartree",
    "au": "Hartree", "ry": "Rydberg", "rydberg": "Rydberg", "mev": "meV", "cm-1": "cm⁻¹", "1/cm": "cm⁻¹",
    "å": "Å", "a": "Å", "ang": "Å", "angstrom": "Å", "angstroms": "Å", "bohr": "Bohr", "a0": "Bohr",
    "nm": "nm", "nanometer": "nm",
}  # fmt: skip


def unit_named(text: str, units: Mapping[str, float]) -> str:
    """The unit that a text names: ``Ha``, ``kcal/(mol*Ang)`` and ``hartree / bohr`` are understood.

    Args:
        text: as a file or a user spells it.
        units: ``ENERGY_UNITS``, ``LENGTH_UNITS`` or ``FORCE_UNITS``.

    Raises:
        DataError: it names none of them.
    """
    plain = re.sub(r"[\s()*·.]", "", text.lower()).replace("^-1", "-1")
    if units is FORCE_UNITS:
        plain = {"au": "hartree/bohr"}.get(plain, plain)
        plain = re.sub(r"mol(?=[a-zå])", "mol/", plain)  # kcal/(mol*Å) lost its sign of multiplication
        energy, _, length = plain.rpartition("/")
        name = f"{_ALIASES.get(energy)}/{_ALIASES.get(length)}"
    else:
        name = _ALIASES.get(plain, "")
    if name not in units:
        raise DataError(f"'{text}' is not a unit known here: choose one of {', '.join(units)}")
    return name
