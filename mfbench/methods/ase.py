"""Any ASE calculator as a zero-shot method: energies aligned in closed form, forces as they come."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mfbench.data.configuration import Configuration, Prediction
from mfbench.data.printable_text import printable
from mfbench.data.split import Split, as_split
from mfbench.errors import MfbenchError, PredictionError
from mfbench.methods.ase_calculation import calculate
from mfbench.protocol.correction_prior import prior_of
from mfbench.protocol.energy_baseline import EnergyBaseline, correction_operator, fit_zero
from mfbench.protocol.method import MethodContext
from mfbench.protocol.protocol import Budget
from mfbench.work.own_code import find_object

__all__ = ["AseMethod", "ase", "from_ase"]

_N_REFERENCE = 200
"""Meta-train configurations that the K = 0 alignment is fitted on: enough for a dozen elements."""


def ase(context: MethodContext) -> AseMethod:
    """``from_ase`` on the command line: options ``calculator=module:Class`` and ``vacuum`` (Å).

    Raises:
        MfbenchError: no calculator is named, it cannot be imported or made, or an option does not
            exist or is no length.
    """
    options = dict(context.options)
    target, vacuum = str(options.pop("calculator", "")), options.pop("vacuum", None)
    if options:
        raise MfbenchError(f"ase takes the options calculator and vacuum, not {', '.join(options)}")
    module, colon, attribute = target.partition(":")
    if not (module and colon and attribute):
        raise MfbenchError("ase runs a calculator: name it with --option calculator=module:Class")
    try:
        make = find_object(target)
    except ModuleNotFoundError as error:
        raise MfbenchError(f"calculator '{target}': the module '{error.name}' is not installed") from None
    if not (callable(make) or _is_calculator(make)):
        raise MfbenchError(
            f"'{target}' is no calculator, but {type(make).__name__}: name an ASE calculator"
        )
    try:
        depth = None if vacuum is None else float(vacuum)
    except (TypeError, ValueError):
        depth = math.nan
    if depth is not None and not 0 < depth < math.inf:
        raise MfbenchError(f"vacuum is a length in Å above zero, not '{vacuum}'")

    def made() -> Any:
        try:
            found = make if _is_calculator(make) else make()
        except Exception as error:
            reason = printable(f"{type(error).__name__}: {error}", 200)
            raise MfbenchError(f"calculator '{target}' cannot be made: {reason}") from None
        if not _is_calculator(found):
            raise MfbenchError(f"'{target}' makes no calculator, but {type(found).__name__}")
        return found

    return from_ase(made, name=attribute.lower(), split=context.split, vacuum=depth)


def _is_calculator(found: Any) -> bool:
    """Whether it is one itself, and does not make one."""
    return hasattr(found, "get_potential_energy") and not isinstance(found, type)


def from_ase(
    calculator: Any,
    *,
    name: str | None = None,
    align: bool = True,
    split: str | Path | Split | None = None,
    vacuum: float | None = None,
) -> AseMethod:
    """Make a method from an ASE calculator.

    Calculators differ in their energy zero. With ``align``, energies are shifted the way every method's
    are, without touching forces:

    - with ``split``, per-element energies are fitted once on (up to 200) meta-train configurations: this
      is what K = 0 is judged with; those that the calculator cannot do are left out, and counted in the
      method's card;
    - without it, they are fitted on the support, and K = 0 has the calculator's own zero (thousands of
      kcal/mol off if its level of theory counts core electrons differently);
    - what the support says beyond that is added by the closed-form correction, with the split's prior.

    Charge and spin reach the calculator as ``atoms.info["charge"]`` and ``["spin"]`` (multiplicity), and
    as initial charges and magnetic moments. An episode fails where the calculator cannot do one of its
    configurations, and its reason says why; the others are judged on their own.

    Args:
        calculator: an ASE calculator, or a function without arguments that makes one (called once per
            adaptation).
        name: shown in tables; default: the calculator's class.
        align: whether to shift energies.
        split: whose meta-train labels the per-element energies are fitted on: a name, a folder, or a
            loaded ``Split``.
        vacuum: Å of vacuum on each side, for calculators that need a cell; without it there is none.

    Raises:
        UnknownNameError, DataError: the split cannot be loaded.
    """
    is_calculator = _is_calculator(calculator)
    make = (lambda: calculator) if is_calculator else calculator
    default = type(calculator).__name__ if is_calculator else getattr(calculator, "__name__", "calculator")
    found = None if split is None else as_split(split)
    return AseMethod(make, name or default.lower(), align, found, vacuum)


class _Reference(NamedTuple):
    """Per-element energies from meta-train, how many configurations gave them, and why others did not."""

    zero: EnergyBaseline
    used: int
    failed: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class AseMethod:
    """Attributes: make: returns a calculator; name; align, split, vacuum: see ``from_ase``."""

    make: Callable[[], Any]
    name: str
    align: bool = True
    split: Split | None = None
    vacuum: float | None = None

    @property
    def card(self) -> dict[str, Any]:
        """What a run records: how energies are aligned, and on how many configurations."""
        card: dict[str, Any] = {"method": self.name, "align": self.align, "vacuum": self.vacuum}
        if self.align and self.split is not None:
            failed = self._reference.failed
            card["reference"] = {
                "split": self.split.name,
                "configurations": self._reference.used,
                "left_out": len(failed),
                "reason": failed[0] if failed else None,
            }
        return card

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> AsePredictor:
        """No gradient steps: only the energy zero is found.

        Raises:
            PredictionError: the calculator cannot do a configuration of the support, or none of
                meta-train.
        """
        calculator = self.make()
        if not self.align:
            return AsePredictor(calculator, EnergyBaseline({}), (), np.zeros(0), self.vacuum)
        labels = np.array([c.energy for c in support], dtype=float)
        residuals = labels - np.array([calculate(calculator, c, self.vacuum).energy for c in support])
        if self.split is not None:
            if not self._reference.used:
                reason = self._reference.failed[0] if self._reference.failed else "it has none"
                raise PredictionError(f"no meta-train configuration of {self.split.name}: {reason}")
            zero = self._reference.zero
        elif support:
            zero = fit_zero(support, residuals)
        else:
            zero = EnergyBaseline({})
        left = residuals - zero.energies(support)
        return AsePredictor(calculator, zero, tuple(support), left, self.vacuum)

    @cached_property
    def _reference(self) -> _Reference:
        assert self.split is not None
        pool = self.split.train_configurations
        chosen = pool[:: -(-len(pool) // _N_REFERENCE)] if pool else ()
        calculator = self.make()
        done, residuals, failed = [], [], []
        for c in chosen:
            try:
                residuals.append(c.label[0] - calculate(calculator, c, self.vacuum).energy)
                done.append(c)
            except PredictionError as error:
                failed.append(str(error))
        zero = fit_zero(done, np.array(residuals)) if done else EnergyBaseline({})
        zero = replace(zero, prior=prior_of(self.split))
        return _Reference(zero, len(done), tuple(failed))


@dataclass(frozen=True, eq=False)
class AsePredictor:
    """A calculator with its energy zero.

    Attributes:
        calculator: an ASE calculator.
        zero: linear energies added to it.
        support: the K configurations.
        residuals: [K] eV, beyond calculator and zero.
        vacuum: Å on each side, or None for no cell.
    """

    calculator: Any
    zero: EnergyBaseline
    support: tuple[Configuration, ...]
    residuals: np.ndarray
    vacuum: float | None = None

    def predict(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """Energies in eV, forces in eV/Å."""
        shift = self.zero.energies(configurations)
        operator = correction_operator(self.support, configurations, prior=self.zero.prior)
        shift = shift + operator @ self.residuals
        found = [calculate(self.calculator, c, self.vacuum) for c in configurations]
        return [Prediction(p.energy + s, p.forces) for p, s in zip(found, shift, strict=True)]
