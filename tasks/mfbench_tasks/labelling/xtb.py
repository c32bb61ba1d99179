"""The xTB levels through tblite: GFN2, GFN1, IPEA1."""

from __future__ import annotations

from functools import partial

import numpy as np

from mfbench_tasks.labelling.level import Level, LevelError
from mfbench_tasks.labelling.tblite import Gfn2

__all__ = ["XTB_LEVELS"]


def _make(method: str, atomic_numbers: np.ndarray, total_charge: int, n_unpaired: int) -> Gfn2:
    try:
        return Gfn2(atomic_numbers, total_charge, n_unpaired, method=method)
    except ImportError:
        raise LevelError(f"{method} runs on tblite: pip install 'mfbench[label]'") from None


_CITATIONS = {
    "GFN2": "Bannwarth, Ehlert and Grimme, J. Chem. Theory Comput. 2019, 15, 1652",
    "GFN1": "Grimme, Bannwarth and Shushkov, J. Chem. Theory Comput. 2017, 13, 1989",
    "IPEA1": "Asgeirsson, Bauer and Grimme, Chem. Sci. 2017, 8, 4879",
}

XTB_LEVELS = tuple(
    Level(
        name=name.lower(),
        description=f"{name}-xTB (gas phase)",
        make=partial(_make, f"{name}-xTB"),
        elements=frozenset(range(1, 87)),
        citation=citation,
        install="pip install 'mfbench[label]'",
        settings={"accuracy": 0.1, "electronic_temperature_K": 300.0},
    )
    for name, citation in _CITATIONS.items()
)
