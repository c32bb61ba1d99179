"""Whether a method fits the benchmark: the harness's own checks in seconds, and what is wrong in words.

The molecules are made up here: chains of C, N, O and H whose labels come from a pair potential. They say
whether a method keeps the rules, not how good it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mfbench.data.configuration import Configuration, Prediction
from mfbench.data.molecular_graph import graph_id
from mfbench.errors import MfbenchError, PredictionError, UnknownNameError
from mfbench.protocol.method import Method, Predictor, Usage
from mfbench.protocol.protocol import Budget
from mfbench.protocol.run_episode import check_independence, check_predictions, check_weights, one_line

__all__ = ["MethodCheck", "MethodReport", "check_method"]

_ISOLATED = {1: -10.5, 6: -48.8, 7: -70.9, 8: -102.5}
_SUPPORT, _QUERY = 6, 3
_BUDGET = Budget(steps=3, batch=4)
_SEED = 7
_SAME = 1e-4
"""eV and eV/Å: single-precision sums in another order differ by less."""
_STEP = 1e-3
"""Å, of finite differences."""
_SLOPE = 0.05
"""eV/Å, plus a twentieth of the largest force: single precision leaves finite differences this rough."""


@dataclass(frozen=True)
class MethodCheck:
    """One check.

    Attributes:
        name: what was looked at.
        passed: whether the method does it right.
        needed: whether the benchmark needs it. What is not needed is a warning: predictions may well be
            scored, but a force field should do better.
        finding: what was seen, and what to do where it failed.
    """

    name: str
    passed: bool
    needed: bool
    finding: str


@dataclass(frozen=True)
class MethodReport:
    """What was found; ``print`` shows it line by line.

    Attributes:
        method: its name.
        checks: in the order in which they were made.
    """

    method: str
    checks: tuple[MethodCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether the benchmark can run the method."""
        return all(check.passed for check in self.checks if check.needed)

    @property
    def warnings(self) -> tuple[MethodCheck, ...]:
        """What a force field should do, and this one does not."""
        return tuple(check for check in self.checks if not check.passed and not check.needed)

    def __str__(self) -> str:
        """One line per check, and a verdict."""
        mark = {(True, True): "ok", (True, False): "ok", (False, True): "FAIL", (False, False): "warn"}
        lines = [f"{mark[c.passed, c.needed]:<6}{c.name:<22}{c.finding}" for c in self.checks]
        verdict = "can be evaluated" if self.passed else "cannot be evaluated yet"
        return "\n".join([*lines, f"{self.method}: {verdict}"])


def check_method(
    method: Method | Callable[[], Method], *, elements: Sequence[int] = (1, 6, 7, 8)
) -> MethodReport:
    """Run a method on a few small molecules, and say what is wrong with it.

    Args:
        method: a ``Method``, or what makes one without arguments.
        elements: atomic numbers that it knows, among H, C, N and O; H and one other at least.

    Returns:
        A report. Nothing that the method raises goes further.

    Raises:
        UnknownNameError: it is not a method at all, or the elements make no molecule.
    """
    made = method
    if not isinstance(made, Method) and callable(made):
        made = made()
    if not isinstance(made, Method):
        raise UnknownNameError(
            f"{type(made).__name__} is not a method: it needs a name and adapt(support, *, budget, seed)"
        )
    return MethodReport(str(made.name), tuple(_Checks(made, _molecules(elements)).run()))


@dataclass
class _Checks:
    """A method, and what it is checked on."""

    method: Method
    molecules: tuple[tuple[Configuration, ...], tuple[Configuration, ...]]

    def run(self) -> list[MethodCheck]:
        """All checks; those that need predictions are left out where there are none."""
        support, query = self.molecules
        before = [_bytes(c) for c in (*support, *query)]
        found = [self._adapts("labels, K = 6", support), self._adapts("no labels, K = 0", ())]
        if found[0].passed:
            predictor = self._adapted(support)
            found += [
                self._try("finite weights", lambda: _finite_weights(predictor)),
                self._try("same seed", lambda: self._repeats(predictor)),
                self._try("each on its own", lambda: self._independent(predictor)),
                self._try("budget", lambda: _within_budget(predictor)),
                *self._symmetries(predictor),
                self._try("forces = -dE/dx", lambda: _slopes(predictor, query[0]), needed=False),
            ]
        same = before == [_bytes(c) for c in (*support, *query)]
        text = "as they were" if same else "arrays were written into: copy what you change"
        return [*found, MethodCheck("configurations", same, True, text)]

    def _adapts(self, name: str, support: Sequence[Configuration]) -> MethodCheck:
        def look() -> str:
            energies, _ = check_predictions(
                self._adapted(support).predict(_blind(self.molecules[1])), self.molecules[1]
            )
            return (
                f"adapts, and predicts {len(energies)} blind configurations: shapes and numbers are right"
            )

        return self._try(name, look)

    def _adapted(self, support: Sequence[Configuration]) -> Predictor:
        return self.method.adapt(support, budget=_BUDGET, seed=_SEED)

    def _try(self, name: str, look: Callable[[], str], *, needed: bool = True) -> MethodCheck:
        try:
            return MethodCheck(name, True, needed, look())
        except PredictionError as error:
            return MethodCheck(name, False, needed, str(error))
        except (Exception, SystemExit) as error:
            reason = str(error) if isinstance(error, MfbenchError) else one_line(name, error)
            return MethodCheck(name, False, needed, f"it raises: {reason}")

    def _repeats(self, predictor: Predictor) -> str:
        again = self._adapted(self.molecules[0])
        apart = _distance(*(p.predict(_blind(self.molecules[1])) for p in (predictor, again)))
        if apart > _SAME:
            raise PredictionError(
                f"adapting twice with the same seed moves predictions by {apart:.2g} eV or eV/Å: draw all "
                "random numbers from the seed that adapt() is given"
            )
        return "adapting twice gives the same predictions"

    def _independent(self, predictor: Predictor) -> str:
        blind = _blind(self.molecules[1])
        check_independence(predictor, blind, *check_predictions(predictor.predict(blind), blind))
        return "predictions do not depend on the others of the batch"

    def _symmetries(self, predictor: Predictor) -> list[MethodCheck]:
        one = self.molecules[1][0]
        rng = np.random.default_rng(0)
        rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        rotation = rotation * np.sign(np.linalg.det(rotation))
        order = rng.permutation(len(one))
        cases = {
            "translation": (replace(one, positions=one.positions + [3.0, -2.0, 5.0]), np.eye(3), None),
            "rotation": (replace(one, positions=one.positions @ rotation), rotation, None),
            "order of atoms": (
                replace(one, atomic_numbers=one.atomic_numbers[order], positions=one.positions[order]),
                np.eye(3),
                order,
            ),
        }
        (known,) = predictor.predict([one.blind()])

        def look(moved: Configuration, turn: np.ndarray, order: np.ndarray | None) -> str:
            (found,) = predictor.predict([moved.blind()])
            forces = known.forces if order is None else known.forces[order]
            apart = _distance([Prediction(known.energy, forces @ turn)], [found])
            if apart > 10 * _SAME:
                raise PredictionError(f"it moves an energy or a turned force by {apart:.2g} eV or eV/Å")
            return "energies stay, forces turn along"

        return [
            self._try(name, lambda case=case: look(*case), needed=False)  # type: ignore[misc]
            for name, case in cases.items()
        ]


def _finite_weights(predictor: Predictor) -> str:
    return "all finite" if check_weights(predictor) else "it shows none (params)"


def _within_budget(predictor: Predictor) -> str:
    usage = getattr(predictor, "usage", None)
    if not isinstance(usage, Usage):
        return "it reports no usage (mfbench.Usage): costs will be unknown"
    allowed = _BUDGET.steps * _BUDGET.batch
    if usage.gradient_evaluations > allowed:
        return (
            f"it reports {usage.gradient_evaluations} gradients, the budget is {allowed}: "
            "it belongs to the open track"
        )
    return f"{usage.gradient_evaluations} of {allowed} gradients used"


def _slopes(predictor: Predictor, configuration: Configuration) -> str:
    (known,) = predictor.predict([configuration.blind()])
    moved = []
    places = [(i, axis) for i in range(0, len(configuration), 2) for axis in range(3)]
    for i, axis in places:
        for sign in (1, -1):
            positions = configuration.positions.copy()
            positions[i, axis] += sign * _STEP
            moved.append(replace(configuration, positions=positions).blind())
    energies = np.array([float(p.energy) for p in predictor.predict(moved)]).reshape(-1, 2)
    slopes = -(energies[:, 0] - energies[:, 1]) / (2 * _STEP)
    forces = np.array([known.forces[i][axis] for i, axis in places])
    apart, scale = float(np.abs(slopes - forces).max()), float(np.abs(forces).max())
    if apart > _SLOPE + 0.05 * scale:
        if np.abs(slopes + forces).max() < _SLOPE + 0.05 * scale:
            raise PredictionError("forces are +dE/dx: multiply them by -1")
        raise PredictionError(
            f"forces are off minus the slope of the energy by {apart:.2g} eV/Å: energies would not be kept "
            "in dynamics"
        )
    return f"within {apart:.1g} eV/Å of finite differences"


def _molecules(elements: Sequence[int]) -> tuple[tuple[Configuration, ...], tuple[Configuration, ...]]:
    heavy = [z for z in (6, 7, 8) if z in elements]
    if 1 not in elements or not heavy:
        raise UnknownNameError("elements must hold H (1) and one of C, N, O (6, 7, 8)")
    rng = np.random.default_rng(20261128)
    chains = [[heavy[(i + shift) % len(heavy)] for i in range(3 + shift)] for shift in range(2)]
    found = [_chain(chains[i % 2], rng) for i in range(_SUPPORT + _QUERY)]
    for configuration in found:
        for array in (configuration.atomic_numbers, configuration.positions, configuration.forces):
            assert array is not None
            array.setflags(write=False)
    return tuple(found[:_SUPPORT]), tuple(found[_SUPPORT:])


def _chain(heavy: Sequence[int], rng: np.random.Generator) -> Configuration:
    x = np.arange(len(heavy))
    backbone = np.column_stack([1.25 * x, 0.75 * (x % 2), 0 * x])
    hydrogens = backbone + np.column_stack([0 * x, 0 * x, 0.98 * (-1.0) ** x])
    numbers = np.array([*heavy, *[1] * len(heavy)], np.int32)
    positions = np.concatenate([backbone, hydrogens])
    positions = positions + rng.normal(scale=0.03, size=positions.shape)
    vectors = positions[:, None] - positions[None]
    distances = np.linalg.norm(vectors, axis=-1) + np.eye(len(numbers))
    strength = numbers[:, None] * numbers[None] * np.exp(-distances) / 20 * (1 - np.eye(len(numbers)))
    energy = sum(_ISOLATED[int(z)] for z in numbers) + strength.sum() / 2
    forces = (strength[..., None] * vectors / distances[..., None]).sum(axis=1)
    graph = graph_id(numbers, positions)
    return Configuration(numbers, positions, energy=float(energy), forces=forces, graph_id=graph)


def _blind(configurations: Sequence[Configuration]) -> list[Configuration]:
    return [c.blind() for c in configurations]


def _distance(first: Sequence[Prediction], second: Sequence[Prediction]) -> float:
    """Largest difference of an energy (eV) or a force component (eV/Å)."""
    return max(
        max(abs(float(a.energy) - float(b.energy)), float(np.abs(np.asarray(a.forces) - b.forces).max()))
        for a, b in zip(first, second, strict=True)
    )


def _bytes(configuration: Configuration) -> bytes:
    arrays = (configuration.atomic_numbers, configuration.positions, configuration.forces)
    return b"".join(np.asarray(a).tobytes() for a in arrays)
