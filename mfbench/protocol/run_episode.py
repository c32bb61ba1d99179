"""One episode: adapt, predict blind, check what came back. A method's fault becomes a failed record."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mfbench.data.configuration import Configuration, Prediction
from mfbench.data.printable_text import printable
from mfbench.errors import PredictionError
from mfbench.protocol.cost import peak_memory
from mfbench.protocol.episode import Episode
from mfbench.protocol.method import Method, Predictor, Usage
from mfbench.protocol.protocol import Budget
from mfbench.protocol.stated import check_deviations, coverage

__all__ = [
    "ROOM_K",
    "EpisodeRecord",
    "Probe",
    "check_independence",
    "check_predictions",
    "check_weights",
    "episode_seed",
    "one_line",
    "run_episode",
]

ROOM_K = 300.0
"""Temperature of dynamics where a run names no other."""
_BATCH_TOLERANCE = 1e-3
"""eV and eV/Å: far above float32 rounding in another batch shape, far below any effect that pays."""


@dataclass(frozen=True, eq=False)
class EpisodeRecord:
    """What one episode gave: the unit that is journalled.

    Attributes:
        family_id, k, draw: which episode.
        energies: [n_query] float64, eV; None if it failed.
        forces: [sum of atoms, 3] float32, eV/Å; None if it failed. Metrics are computed from these stored
            values, so that a reader of the run folder gets the same numbers.
        failure: reason in one line, or None.
        adapt_seconds: wall time of ``adapt`` less ``compile_seconds``.
        predict_seconds: wall time of ``predict`` on the whole query.
        compile_seconds, gradient_evaluations: as reported by the predictor's ``usage``.
        peak_memory_bytes: of the process up to the end of this episode.
        selected: rows of the support pool, where they were not the published ones.
        stable_share: share of trajectories that stayed whole, where dynamics was asked for; 0 if it failed.
        energy_coverage, force_coverage: share of true energies, and of true force components, inside the
            central 90 % that the method states; None where it states no uncertainty.
    """

    family_id: str
    k: int
    draw: int
    energies: np.ndarray | None = None
    forces: np.ndarray | None = None
    failure: str | None = None
    adapt_seconds: float = 0.0
    predict_seconds: float = 0.0
    compile_seconds: float = 0.0
    gradient_evaluations: int = 0
    peak_memory_bytes: int | None = None
    selected: Sequence[int] | None = None
    stable_share: float | None = None
    energy_coverage: float | None = None
    force_coverage: float | None = None

    @property
    def predicted(self) -> tuple[np.ndarray, np.ndarray]:
        """Energies [n_query] and forces [sum of atoms, 3].

        Raises:
            PredictionError: the episode failed.
        """
        if self.energies is None or self.forces is None:
            raise PredictionError(f"there are no predictions: {self.failure}")
        return self.energies, self.forces

    @property
    def key(self) -> tuple[str, int, int]:
        """Family, K and draw: unique within a run."""
        return (self.family_id, self.k, self.draw)


class Probe(Protocol):
    """Runs dynamics with an adapted model."""

    @property
    def ps(self) -> float:
        """Length of a trajectory."""
        ...

    @property
    def temperature_K(self) -> float:
        """Of the thermostat."""
        ...

    def __call__(self, predictor: Predictor, episode: Episode, seed: int) -> float:
        """Share of trajectories that stayed whole."""
        ...


def episode_seed(seed: int, family_id: str, k: int, draw: int) -> int:
    """Seed of one episode (31 bits), the same on every machine and in every order of execution."""
    digest = hashlib.blake2b(f"{seed}|{family_id}|{k}|{draw}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") >> 1


def run_episode(
    method: Method,
    episode: Episode,
    *,
    budget: Budget,
    seed: int,
    check_batch: bool = False,
    probe: Probe | None = None,
) -> EpisodeRecord:
    """Adapt and predict once.

    Args:
        method: the learner.
        episode: its query is blinded here.
        budget: passed on to ``adapt``.
        seed: of the run; the episode's own seed is derived from it.
        check_batch: also predict every second query configuration in reverse order, and fail the
            episode if that changes a prediction. Not timed.
        probe: also run dynamics with the adapted model. Not timed. Where it raises, no trajectory stayed
            whole, and a warning says why.

    Returns:
        A record; if the method raised, returned no valid prediction, or adapted to weights that are not
        finite, one with ``failure`` set.
    """
    _protect(episode)
    blind = [c.blind() for c in episode.query]
    stage = "adapt"
    try:
        start = time.perf_counter()
        predictor = method.adapt(episode.support, budget=budget, seed=episode_seed(seed, *episode.key))
        adapted = time.perf_counter()
        stage = "predict"
        predictions = predictor.predict(blind)
        predicted = time.perf_counter()
        energies, forces = check_predictions(predictions, episode.query)
        energy_std, forces_std = check_deviations(predictions, episode.query)
        check_weights(predictor)
        if check_batch:
            check_independence(predictor, blind, energies, forces)
        usage = getattr(predictor, "usage", None) or Usage()
        return EpisodeRecord(
            *episode.key,
            energies=energies,
            forces=np.concatenate(forces).astype(np.float32),
            adapt_seconds=max(adapted - start - usage.compile_seconds, 0.0),
            predict_seconds=predicted - adapted,
            compile_seconds=float(usage.compile_seconds),
            gradient_evaluations=int(usage.gradient_evaluations),
            peak_memory_bytes=peak_memory(),
            stable_share=_stable_share(probe, predictor, episode, seed),
            energy_coverage=_energy_coverage(episode, energies, energy_std),
            force_coverage=_force_coverage(episode, forces, forces_std),
        )
    # Whatever a method does wrong is its failed row, never the end of the run; Ctrl-C still is.
    except (Exception, SystemExit) as error:
        return EpisodeRecord(
            *episode.key,
            failure=one_line(stage, error),
            peak_memory_bytes=peak_memory(),
            stable_share=0.0 if probe else None,
        )


def _energy_coverage(episode: Episode, energies: np.ndarray, stated: np.ndarray | None) -> float | None:
    if stated is None:
        return None
    return coverage(energies - np.array([c.label[0] for c in episode.query]), stated)


def _force_coverage(
    episode: Episode, forces: Sequence[np.ndarray], stated: Sequence[np.ndarray] | None
) -> float | None:
    if stated is None:
        return None
    labels = np.concatenate([c.label[1] for c in episode.query])
    return coverage(np.concatenate(forces) - labels, np.concatenate(stated))


def _stable_share(probe: Probe | None, predictor: Predictor, episode: Episode, seed: int) -> float | None:
    """Of the probe, 0 where it raised: the predictions are there, and are scored whatever dynamics does."""
    if probe is None:
        return None
    try:
        return probe(predictor, episode, episode_seed(seed, *episode.key))
    except (Exception, SystemExit) as error:
        where = f"{episode.family_id}, K = {episode.k}, draw {episode.draw}"
        warnings.warn(f"{where}: no stable trajectory: {one_line('dynamics', error)}", stacklevel=2)
        return 0.0


def check_predictions(
    predictions: Sequence[Prediction], configurations: Sequence[Configuration]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Energies [n] and forces (one [n_atoms, 3] each) of valid predictions.

    Raises:
        PredictionError: wrong number, wrong type, wrong shape, or a value that is not finite.
    """
    try:
        count = len(predictions)
    except TypeError:
        raise PredictionError(f"predict returned {type(predictions).__name__}, not a list") from None
    if count != len(configurations):
        raise PredictionError(f"{count} predictions for {len(configurations)} configurations")
    energies, forces = np.empty(count), []
    for i, (prediction, configuration) in enumerate(zip(predictions, configurations, strict=True)):
        try:
            energy = np.asarray(prediction.energy, dtype=np.float64)
            force = np.asarray(prediction.forces, dtype=np.float64)
        except (AttributeError, TypeError, ValueError):
            raise PredictionError(
                f"prediction {i} is not a Prediction with numeric energy and forces"
            ) from None
        if energy.size != 1:
            raise PredictionError(f"prediction {i}: energy has shape {energy.shape}, expected one number")
        if force.shape != (len(configuration), 3):
            raise PredictionError(
                f"prediction {i}: forces have shape {force.shape}, expected {(len(configuration), 3)}"
            )
        # In float32, so that no squared error can overflow later.
        with np.errstate(over="ignore"):
            finite = (
                np.isfinite(energy.astype(np.float32)).all() and np.isfinite(force.astype(np.float32)).all()
            )
        if not finite:
            raise PredictionError(f"prediction {i}: energy or forces are not finite (NaN or infinity)")
        energies[i] = energy.item()
        forces.append(force)
    return energies, forces


def check_weights(predictor: Predictor) -> bool:
    """Whether a predictor shows its weights (``params``: name → array), all of them finite.

    A number that is not finite may hide in a weight that no query needs.

    Raises:
        PredictionError: one is not finite.
    """
    params = getattr(predictor, "params", None)
    if not isinstance(params, Mapping):
        return False
    for name, value in params.items():
        if not np.isfinite(np.asarray(value, dtype=np.float64)).all():
            raise PredictionError(
                f"adapting made the weight '{name}' infinite or NaN: lower the step size, or clip gradients"
            )
    return True


def _protect(episode: Episode) -> None:
    """Episodes share their arrays: a method that writes into one must fail, not alter the others."""
    for configuration in (*episode.support, *episode.query):
        for array in (configuration.atomic_numbers, configuration.positions, configuration.forces):
            if array is not None:
                array.setflags(write=False)


def check_independence(
    predictor: Predictor, blind: list[Configuration], energies: np.ndarray, forces: list[np.ndarray]
) -> None:
    """Predictions may not depend on which other configurations are in the batch, nor on their order.

    Raises:
        PredictionError: they do.
    """
    subset = np.arange(len(blind))[::-2]
    again, forces_again = check_predictions(
        predictor.predict([blind[i] for i in subset]), [blind[i] for i in subset]
    )
    moved = np.abs(again - energies[subset]).max()
    pulled = max(np.abs(a - forces[i]).max() for a, i in zip(forces_again, subset, strict=True))
    if moved > _BATCH_TOLERANCE or pulled > _BATCH_TOLERANCE:
        raise PredictionError(
            "predictions depend on the other query configurations: splitting the batch moved an energy "
            f"by {moved:.2g} eV and a force by {pulled:.2g} eV/Å"
        )


def one_line(stage: str, error: BaseException) -> str:
    """What went wrong where, in at most 300 characters that can be shown, kept and submitted."""
    text = printable(error)
    return printable(f"{stage}: {type(error).__name__}" + (f": {text}" if text else ""), 300)
