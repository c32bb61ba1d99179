"""Any ASE calculator as a zero-shot method: energies aligned in closed form, forces as they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mfbench.data.configuration import Configuration, Prediction
from mfbench.data.split import Split
from mfbench.methods.energy_baseline import EnergyBaseline, correction_operator, fit_baseline
from mfbench.protocol.protocol import Budget

__all__ = ["from_ase"]

_N_REFERENCE = 200
"""Meta-train configurations that the K = 0 alignment is fitted on: enough for a dozen elements."""


def from_ase(
    calculator: Any, *, name: str | None = None, align: bool = True, split: Split | None = None
) -> AseMethod:
    """Make a method from an ASE calculator.

    Calculators differ in their energy zero. With ``align``, energies are shifted the way every method's
    are, without touching forces:

    - with ``split``, per-element energies are fitted once on (up to 200) meta-train configurations: this
      is what K = 0 is judged with;
    - without it, they are fitted on the support, and K = 0 has the calculator's own zero (thousands of
      kcal/mol off if its level of theory counts core electrons differently);
    - what the support says beyond that is added by the closed-form correction per element and graph.

    Charge and spin reach the calculator as ``atoms.info["charge"]`` and ``["spin"]`` (multiplicity), and
    as initial charges and magnetic moments.

    Args:
        calculator: an ASE calculator, or a function without arguments that makes one (called once per
            adaptation).
        name: shown in tables; default: the calculator's class.
        align: whether to shift energies.
        split: whose meta-train labels the per-element energies are fitted on.
    """
    is_calculator = hasattr(calculator, "get_potential_energy") and not isinstance(calculator, type)
    make = (lambda: calculator) if is_calculator else calculator
    default = type(calculator).__name__ if is_calculator else getattr(calculator, "__name__", "calculator")
    return AseMethod(make, name or default.lower(), align, split)


@dataclass(frozen=True, eq=False)
class AseMethod:
    """Attributes: make: returns a calculator; name; align, split: see ``from_ase``."""

    make: Callable[[], Any]
    name: str
    align: bool = True
    split: Split | None = None

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> AsePredictor:
        """No gradient steps: only the energy zero is found."""
        calculator = self.make()
        if not self.align:
            return AsePredictor(calculator, EnergyBaseline({}), (), np.zeros(0))
        labels = np.array([c.energy for c in support], dtype=float)
        residuals = labels - np.array([_run(calculator, c).energy for c in support])
        if self.split is not None:
            zero = self._reference
        elif support:
            zero = _fit(support, residuals)
        else:
            zero = EnergyBaseline({})
        return AsePredictor(calculator, zero, tuple(support), residuals - zero.energies(support))

    @cached_property
    def _reference(self) -> EnergyBaseline:
        assert self.split is not None
        pool = self.split.train_configurations
        chosen = pool[:: -(-len(pool) // _N_REFERENCE)]
        calculator = self.make()
        return _fit(chosen, np.array([c.label[0] - _run(calculator, c).energy for c in chosen]))


@dataclass(frozen=True, eq=False)
class AsePredictor:
    """A calculator with its energy zero.

    Attributes:
        calculator: an ASE calculator.
        zero: linear energies added to it.
        support: the K configurations.
        residuals: [K] eV, beyond calculator and zero.
    """

    calculator: Any
    zero: EnergyBaseline
    support: tuple[Configuration, ...]
    residuals: np.ndarray

    def predict(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """Energies in eV, forces in eV/Å."""
        shift = self.zero.energies(configurations)
        shift = shift + correction_operator(self.support, configurations) @ self.residuals
        found = [_run(self.calculator, c) for c in configurations]
        return [Prediction(p.energy + s, p.forces) for p, s in zip(found, shift, strict=True)]


def _fit(configurations: Sequence[Configuration], residuals: np.ndarray) -> EnergyBaseline:
    """Linear energies of residuals (eV)."""
    # Two energy zeros can be thousands of eV apart per atom, and shrinking such a shift by a thousandth
    # would be an error: plain least squares first, the baseline's shrinkage on what is left.
    elements = sorted({int(z) for c in configurations for z in c.atomic_numbers})
    counts = [[np.count_nonzero(c.atomic_numbers == z) for z in elements] for c in configurations]
    shifts, *_ = np.linalg.lstsq(np.array(counts, dtype=float), residuals)
    start = dict(zip(elements, shifts.tolist(), strict=True))
    labelled = [c.with_label(float(r), c.label[1]) for c, r in zip(configurations, residuals, strict=True)]
    return fit_baseline(labelled, start)


def _run(calculator: Any, configuration: Configuration) -> Prediction:
    from ase import Atoms

    atoms = Atoms(numbers=configuration.atomic_numbers, positions=configuration.positions)
    charge, unpaired = configuration.total_charge, configuration.n_unpaired
    atoms.info.update(charge=charge, spin=unpaired + 1)
    first = np.arange(len(atoms)) == 0
    if charge:
        atoms.set_initial_charges(charge * first)
    if unpaired:
        atoms.set_initial_magnetic_moments(unpaired * first)
    atoms.calc = calculator
    return Prediction(float(atoms.get_potential_energy()), np.array(atoms.get_forces()))
