"""Symbols of the elements."""

from __future__ import annotations

__all__ = ["atomic_number", "symbol"]

_TABLE = """
H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu
Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr
Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
"""
_SYMBOLS = _TABLE.split()


def symbol(atomic_number: int) -> str:
    """Symbol of an element: 6 → ``C``."""
    return _SYMBOLS[int(atomic_number) - 1]


def atomic_number(name: str) -> int:
    """Atomic number of a symbol: ``C`` → 6.

    Raises:
        KeyError: there is no such element.
    """
    if name not in _SYMBOLS:
        raise KeyError(name)
    return _SYMBOLS.index(name) + 1
