"""Levels of theory as methods: what a cheap level scores at the level that is asked for."""

from __future__ import annotations

from functools import partial
from typing import Any

from ase.calculators.calculator import Calculator

from mfbench.methods.ase import AseMethod, from_ase
from mfbench.protocol.method import MethodContext
from mfbench_tasks.labelling.level import Label, Level
from mfbench_tasks.labelling.registry import find_level

__all__ = ["LevelCalculator", "gfn1", "gfn2"]


class LevelCalculator(Calculator):
    """A level as an ASE calculator; every label is computed once, since episodes ask again.

    Args:
        level: of theory.
    """

    implemented_properties: list[str] = ["energy", "forces"]  # noqa: RUF012

    def __init__(self, level: Level) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._level = level
        self._known: dict[tuple[bytes, bytes, int, int], Label] = {}

    def calculate(self, atoms: Any = None, properties: Any = None, system_changes: Any = ()) -> None:
        """Energy and forces of ``atoms``, with the charge and the multiplicity of ``atoms.info``."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        charge, unpaired = int(atoms.info.get("charge", 0)), int(atoms.info.get("spin", 1)) - 1
        key = (atoms.numbers.tobytes(), atoms.positions.tobytes(), charge, unpaired)
        if key not in self._known:
            self._known[key] = self._level.engine(atoms.numbers, charge, unpaired).label(atoms.positions)
        label = self._known[key]
        self.results = {"energy": label.energy, "forces": label.forces}


def _method(name: str, context: MethodContext) -> AseMethod:
    """The level as it is, energies aligned as those of every calculator."""
    return from_ase(LevelCalculator(find_level(name)), name=name, split=context.split)


gfn1 = partial(_method, "gfn1")
gfn2 = partial(_method, "gfn2")
