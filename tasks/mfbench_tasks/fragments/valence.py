"""Valences of a filled cut: every organic atom has the bonds that its element and charge ask for.

Electron parity alone would let a carbon without two of its hydrogens pass as a singlet.
"""

from __future__ import annotations

import biotite.structure as struc
import numpy as np

from mfbench.errors import StructureError
from mfbench_tasks.fragments.coordination_shell import numbers_of

__all__ = ["check_valences"]

_ORDERS = {
    struc.BondType.SINGLE: 1,
    struc.BondType.DOUBLE: 2,
    struc.BondType.TRIPLE: 3,
    struc.BondType.AROMATIC_SINGLE: 1,
    struc.BondType.AROMATIC_DOUBLE: 2,
}
_VALENCES = {1: (1,), 6: (4,), 7: (3,), 8: (2,), 9: (1,), 15: (5,), 16: (2, 4, 6), 17: (1,), 35: (1,)}
_GAIN = (7, 8, 15, 16)
"""Elements whose cations bind more; a carbon or hydrogen with a charge binds less, and none is cut."""


def check_valences(atoms: struc.AtomArray) -> None:
    """Check a molecule with hydrogens, bond orders and formal charges; atoms marked ``bare`` are free.

    Raises:
        StructureError: an atom has too few or too many bonds; the message names it.
    """
    numbers = numbers_of(atoms)
    total = np.zeros(len(numbers), dtype=int)
    for i, j, kind in atoms.bonds.as_array():
        order = _ORDERS.get(struc.BondType(kind), 1)
        total[i] += order
        total[j] += order
    for i in np.flatnonzero(~atoms.bare):
        number, charge = int(numbers[i]), int(atoms.charge[i])
        wanted = tuple(v + (charge if number in _GAIN else 0) for v in _VALENCES.get(number, ()))
        if total[i] not in wanted:
            name = f"{atoms.res_name[i]} {atoms.res_id[i]} {atoms.atom_name[i]}"
            raise StructureError(f"{name} has valence {total[i]}, not {' or '.join(map(str, wanted))}")
