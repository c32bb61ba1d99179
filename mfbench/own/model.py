"""An adapted model: a committee of networks with one energy zero each, and calibrated error bars."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from mfbench.data.configuration import Configuration, Prediction
from mfbench.errors import CheckpointError
from mfbench.learned.architectures.registry import config_from, config_record
from mfbench.learned.engine import Engine
from mfbench.own.calculator import Uncertain, calculator_of
from mfbench.own.committee import Committee
from mfbench.own.fit import Member
from mfbench.own.last_layer import LastLayer
from mfbench.own.uncertainty import UNCERTAINTIES, Calibration
from mfbench.protocol.energy_baseline import EnergyBaseline
from mfbench.protocol.loading import load_engine
from mfbench.work.files import written

__all__ = ["AdaptedModel", "Uncertain", "load_model"]

WEIGHTS, CARD = "model.safetensors", "card.json"


@dataclass(frozen=True, eq=False)
class AdaptedModel:
    """A model of own molecules.

    Attributes:
        committee: its mean is the prediction.
        calibration: turns its spread into error bars; None where there were too few labels.
        card: where it is from and how good it is.
        engine: of a backend.
    """

    committee: Committee
    calibration: Calibration | None
    card: dict[str, Any]
    engine: Engine

    @property
    def members(self) -> tuple[Member, ...]:
        """Networks with their energy zeros."""
        return self.committee.members

    def predict(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """Total energies (eV, in the zero of the labels) and forces (eV/Å)."""
        plain = Committee(self.members).predict(self.engine, configurations)
        means = plain.energies.mean(axis=0)
        return [
            Prediction(float(means[i]), np.mean([f[i] for f in plain.forces], axis=0))
            for i in range(len(configurations))
        ]

    def uncertainty(self, configurations: Sequence[Configuration]) -> list[Uncertain]:
        """Error bars; valid for configurations like those that the model was made from.

        Raises:
            CheckpointError: the model was made from too few labels to calibrate.
        """
        return [uncertain for _, uncertain in self.predict_with_uncertainty(configurations)]

    def predict_with_uncertainty(
        self, configurations: Sequence[Configuration]
    ) -> list[tuple[Prediction, Uncertain]]:
        """Predictions and error bars in one pass.

        Raises:
            CheckpointError: as ``uncertainty``.
        """
        if self.calibration is None:
            raise CheckpointError("this model has no error bars: it was made from too few labels")
        said = self.committee.predict(self.engine, configurations)
        atoms = np.array([len(c) for c in configurations])
        widths = self.calibration.energy_half_width(said.energy_spreads, atoms)
        return [
            (
                Prediction(float(said.energies[:, i].mean()), np.mean([f[i] for f in said.forces], axis=0)),
                Uncertain(float(widths[i]), self.calibration.forces_half_width(said.force_spreads[i])),
            )
            for i in range(len(configurations))
        ]

    def calculator(
        self, *, charge: int | None = None, n_unpaired: int = 0, uncertainty: bool = True
    ) -> Any:
        """An ASE calculator; see ``mfbench.own.calculator``.

        Args:
            charge: total charge; default: ``atoms.info["charge"]``, or that of the labels.
            n_unpaired: unpaired electrons.
            uncertainty: False: the first member alone, as many times faster as there are members.
        """
        sure = uncertainty and self.calibration is not None
        model = self if uncertainty else replace(self, committee=Committee(self.members[:1]))
        usual = int(self.card.get("charges", [0])[0])
        return calculator_of(
            model.predict, model.predict_with_uncertainty if sure else None, charge, usual, n_unpaired
        )

    def save(self, folder: str | Path) -> None:
        """Write weights (safetensors) and card (JSON) into ``folder``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            f"{i}/{k}": np.asarray(v) for i, m in enumerate(self.members) for k, v in m.params.items()
        }
        if self.committee.last_layer is not None:
            arrays |= self.committee.last_layer.arrays()
        card = {
            **self.card,
            "config": config_record(self.members[0].config),
            "baselines": [m.baseline.to_dict() for m in self.members],
            "atoms": [_named(m.atoms) for m in self.members],
            "uncertainty": self.committee.uncertainty,
            "calibration": None if self.calibration is None else self.calibration.to_dict(),
        }
        with written(folder / WEIGHTS) as weights, written(folder / CARD) as text:
            weights.write_bytes(save(arrays))
            text.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def load_model(folder: str | Path, *, backend: str | None = None) -> AdaptedModel:
    """Read what ``AdaptedModel.save`` wrote.

    Args:
        folder: of the model.
        backend: ``jax`` or ``torch``; default: the one that it was made with.

    Raises:
        CheckpointError: a file is missing or damaged.
        UnknownNameError: no such backend, or it is not installed.
    """
    folder = Path(folder)
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        arrays = load_file(folder / WEIGHTS)
        config = config_from(card.pop("config"))
        baselines = [EnergyBaseline.from_dict(b) for b in card.pop("baselines")]
        atoms = [
            a and {int(z): float(e) for z, e in a.items()}
            for a in card.pop("atoms", [None] * len(baselines))
        ]
        record = card.pop("calibration")
        members = tuple(
            Member(
                {k.partition("/")[2]: v for k, v in arrays.items() if k.startswith(f"{i}/")},
                config,
                baseline,
                alone,
            )
            for i, (baseline, alone) in enumerate(zip(baselines, atoms, strict=True))
        )
        committee = Committee(
            members, LastLayer.from_arrays(arrays), card.pop("uncertainty", UNCERTAINTIES[0])
        )
        calibration = None if record is None else Calibration(**record)
    except FileNotFoundError:
        raise CheckpointError(f"{folder} holds no adapted model: make one with mfbench adapt") from None
    except (
        SafetensorError,
        json.JSONDecodeError,
        UnicodeDecodeError,
        KeyError,
        TypeError,
        ValueError,
    ) as e:
        raise CheckpointError(f"the model in {folder} is damaged ({e}): make it again") from None
    return AdaptedModel(committee, calibration, card, load_engine(backend or card.get("backend", "jax")))


def _named(atoms: Mapping[int, float] | None) -> dict[str, float] | None:
    """Atomic energies as JSON has them: by text."""
    return None if atoms is None else {str(z): e for z, e in atoms.items()}
