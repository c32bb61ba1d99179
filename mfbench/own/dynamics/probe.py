"""Whether a molecule survives with an adapted model: one trajectory per episode of the benchmark."""

from __future__ import annotations

import importlib.util
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mfbench.data.configuration import Configuration, Prediction
from mfbench.errors import PredictionError, ProtocolError, UnknownNameError
from mfbench.own.calculator import calculator_of
from mfbench.own.dynamics.run import DynamicsSettings, simulate
from mfbench.protocol.episode import Episode
from mfbench.protocol.method import Predictor, silent_predict
from mfbench.protocol.run_episode import ROOM_K

__all__ = ["StabilityProbe"]


@dataclass(frozen=True)
class StabilityProbe:
    """Runs Langevin dynamics with the model of an episode.

    Attributes:
        ps: length of a trajectory.
        temperature_K: of the thermostat and the initial velocities.
    """

    ps: float = 10.0
    temperature_K: float = ROOM_K

    def __post_init__(self) -> None:
        """Refuse what cannot be run.

        Raises:
            UnknownNameError: ASE is not installed.
            ProtocolError: no length, or no temperature.
        """
        if importlib.util.find_spec("ase") is None:
            raise UnknownNameError(
                "dynamics needs ase, which is not installed (pip install 'mfbench[label]')"
            )
        if not 0 < self.ps < math.inf:
            raise ProtocolError(f"a trajectory needs a length in ps above zero, not {self.ps}")
        if not 0 < self.temperature_K < math.inf:
            raise ProtocolError(f"a trajectory needs a temperature above zero, not {self.temperature_K} K")

    def __call__(self, predictor: Predictor, episode: Episode, seed: int) -> float:
        """1 where no bond broke or formed and all stayed finite, else 0.

        The molecule is one of the query that the support shows (any at K = 0): the draw says which. It is
        the same for every method on the published draws; a selected support may show others.
        """
        from ase import Atoms

        start = _start(episode)

        def predict(configurations: Sequence[Configuration]) -> list[Prediction]:
            asked = [
                Configuration(c.atomic_numbers, c.positions, *state, graph_id=start.graph_id).blind()
                for c in configurations
            ]
            return silent_predict(predictor)(asked)

        state = start.total_charge, start.n_unpaired
        atoms = Atoms(start.atomic_numbers, start.positions)
        atoms.calc = calculator_of(predict, None, start.total_charge, start.total_charge, start.n_unpaired)
        settings = DynamicsSettings(
            ps=self.ps, temperature_K=self.temperature_K, seed=seed, record_fs=min(10.0, 1000 * self.ps)
        )
        with tempfile.TemporaryDirectory() as folder:
            try:
                return float(simulate(atoms, settings, Path(folder)).stable)
            except PredictionError:  # energies or forces that are not finite
                return 0.0


def _start(episode: Episode) -> Configuration:
    usual = episode.subsets["seen"] if episode.subsets["seen"].any() else episode.subsets["all"]
    names = sorted(set(episode.fragments[usual].tolist()))
    chosen = names[episode.draw % len(names)]
    found: Configuration = episode.query[int(np.flatnonzero(usual & (episode.fragments == chosen))[0])]
    return found
