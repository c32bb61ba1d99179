"""Predictions of a file of structures, as extended XYZ."""

from __future__ import annotations

from pathlib import Path

from mfbench.data.configuration import Configuration
from mfbench.data.elements import symbol
from mfbench.data.xyz_frame import xyz_frame
from mfbench.errors import DataError
from mfbench.own.frames import Frames
from mfbench.own.model import AdaptedModel
from mfbench.own.preflight.lengths import find_length_unit
from mfbench.work.files import write_text

__all__ = ["predict_frames"]

_CHUNK = 64


def predict_frames(model: AdaptedModel, frames: Frames, out: Path) -> int:
    """Write predictions of all frames; returns their number.

    Raises:
        DataError: positions are not in Å, or an element is unknown to the model.
    """
    unit, _ = find_length_unit(frames.frames, None, None)
    if unit != "Å":
        raise DataError(f"{frames.path} has positions in {unit}: convert them to Å")
    known = set(model.members[0].config.elements)
    charges = model.card.get("charges", [0])
    configurations = [
        Configuration(
            f.numbers, f.positions, charges[0] if f.charge is None else f.charge, f.n_unpaired or 0
        )
        for f in frames.frames
    ]
    for i, c in enumerate(configurations):
        if missing := {int(z) for z in c.atomic_numbers} - known:
            names = ", ".join(symbol(z) for z in sorted(missing))
            raise DataError(f"{frames.path}: frame {i + 1} holds {names}, which the model does not know")
    text = []
    for begin in range(0, len(configurations), _CHUNK):
        text += _frames(model, configurations[begin : begin + _CHUNK])
    write_text(out, "".join(text))
    return len(configurations)


def _frames(model: AdaptedModel, configurations: list[Configuration]) -> list[str]:
    sure = model.calibration is not None
    bars = model.predict_with_uncertainty(configurations) if sure else None
    predictions = [p for p, _ in bars] if bars else model.predict(configurations)
    found = []
    for i, (c, p) in enumerate(zip(configurations, predictions, strict=True)):
        facts, vectors = {"energy": repr(p.energy)}, {"forces": p.forces}
        if bars:
            facts["energy_uncertainty"] = repr(bars[i][1].energy)
            vectors["forces_uncertainty"] = bars[i][1].forces
        found.append(xyz_frame(c, {**facts, "charge": c.total_charge}, vectors, decimals=8))
    return found
