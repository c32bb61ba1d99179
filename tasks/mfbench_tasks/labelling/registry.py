"""The levels of theory by name, and any ASE calculator as ``module:Class``."""

from __future__ import annotations

from mfbench.errors import UnknownNameError
from mfbench_tasks.labelling.dft import WB97X_D
from mfbench_tasks.labelling.level import Level
from mfbench_tasks.labelling.mopac import MOPAC_LEVELS
from mfbench_tasks.labelling.xtb import XTB_LEVELS

__all__ = ["LEVELS", "find_level"]

LEVELS: dict[str, Level] = {level.name: level for level in (*XTB_LEVELS, *MOPAC_LEVELS, WB97X_D)}
"""Adding a level is adding a row here."""


def find_level(name: str) -> Level:
    """A level by its name, or the ASE calculator ``module:Class``.

    Raises:
        UnknownNameError: no such level.
        LevelError: the module or the class cannot be imported.
    """
    if name in LEVELS:
        return LEVELS[name]
    if ":" in name:
        from mfbench_tasks.labelling.ase_level import ase_level

        return ase_level(name)
    raise UnknownNameError(
        f"unknown level of theory '{name}': choose one of {', '.join(LEVELS)}, "
        "or an ASE calculator as module:Class"
    )
