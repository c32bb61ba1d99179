"""What a file's labels are compared with to prove their units: a trained start that knows the elements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.own.frames import Frames
from mfbench.own.preflight.labels import Reference
from mfbench.own.starts import Start, candidate_starts, find_start
from mfbench.protocol.loading import load_engine

__all__ = ["reference_for"]


def reference_for(frames: Frames, start: str, backend: str) -> Reference | None:
    """The start that was asked for, or the first that knows the elements; None where there is none."""
    probe = [Configuration(f.numbers, f.positions) for f in frames.frames]
    candidates = candidate_starts(probe) if start == "auto" else [find_start(start, probe)]
    trained = [s for s in candidates if s.checkpoint is not None] or [
        s for s in candidate_starts(probe) if s.checkpoint is not None
    ]
    if not trained:
        return None
    return _Predictions(trained[0], backend)


class _Predictions:
    """Predictions of a start without any adaptation."""

    def __init__(self, start: Start, backend: str):
        self._start, self._backend = start, backend

    def __call__(self, configurations: Sequence[Configuration]) -> tuple[np.ndarray, list[np.ndarray]]:
        assert self._start.checkpoint is not None  # the caller chose a trained one
        config = self._start.config
        engine = load_engine(self._backend).sized_for(configurations, config)
        params = engine.arrays(self._start.checkpoint.params)
        energies, forces = engine.predict(params, config, configurations)
        return energies, forces
