"""The xTB levels through tblite: GFN2, GFN1, IPEA1."""

from __future__ import annotations

from functools import partial

import numpy as np

from mfbench_tasks.labelling.tblite import Gfn2
from mfbench_tasks.labelling.level import Level, LevelError

__all__ = ["XTB_LEVELS"]


def _make(method: str, atomic_numbers: np.ndarray, total_charge: int, n_unpaired: int) -> Gfn2:
    try:
        return Gfn2(atomic_numbers, total_charge, n_unpaired, method=method)
    except ImportError:
        raise LevelError(f"{method} runs on tblite: pip install 'mfbench[label]'") from None


_ROWS = (
    ("gfn2", "GFN2-xTB", "GFN2-xTB (gas phase)", "Bannwarth, Ehlert and Grimme, J. Chem. Theory Comput. 2019, 15, 1652"),
    ("gfn1", "GFN1-xTB", "GFN1-xTB (gas phase)", "Grimme, Bannwarth and Shushkov, J. Chem. Theory Comput. 2017, 13, 1989"),
    ("ipea1", "IPEA1-xTB", "IPEA1-xTB (gas phase)", "Asgeirsson, Bauer and Grimme, Chem. Sci. 2017, 8, 4879"),
)  # fmt: skip

XTB_LEVELS = tuple(
    Level(
        name=name,
        description=description,
        make=partial(_make, method),
        elements=frozenset(range(1, 87)),
        citation=citation,
        install="pip install 'mfbench[label]'",
        settings={"accuracy": 0.1, "electronic_temperature_K": 300.0},
    )
    for name, method, description, citation in _ROWS
)
