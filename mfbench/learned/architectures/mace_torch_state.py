"""Weights to and from mace-torch's ScaleShiftMACE state dictionaries, in NumPy alone (tested with 0.3.16).

Names are the same on both sides and the raveled order is too, so converting is checking and reshaping.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mfbench.learned.architectures.mace import MaceConfig, parameter_shapes

__all__ = ["MaceStateError", "from_mace_state", "to_mace_state"]

# Shapes in mace's modules; every other weight is stored flat there.
_SHAPED = ("conv_tp_weights.", "symmetric_contractions.")


class MaceStateError(ValueError):
    """A state dictionary that does not belong to the given configuration."""


def from_mace_state(state: Mapping[str, np.ndarray], config: MaceConfig) -> dict[str, np.ndarray]:
    """Our weights from mace's ``state_dict`` (as arrays); the dtype is kept.

    Raises MaceStateError if a weight is missing or of the wrong size, if a buffer contradicts
    ``config``, or if the model holds weights that this network does not have.
    """
    _refuse_charge_inputs(config)
    _check_buffers(state, config)
    shapes = parameter_shapes(config)
    params = {}
    for name, shape in shapes.items():
        if name not in state:
            raise MaceStateError(f"the state dictionary has no '{name}'")
        value = np.asarray(state[name])
        if value.size != np.prod(shape):
            raise MaceStateError(f"'{name}' has {value.size} numbers, expected shape {shape}")
        params[name] = value.reshape(shape)
    weights = {k for k, v in state.items() if ".weight" in k and "_zeroed" not in k and np.size(v)}
    if extra := sorted(weights - set(shapes) - {"radial_embedding.bessel_fn.bessel_weights"}):
        raise MaceStateError(f"weights that this network does not have: {', '.join(extra[:3])}")
    return params


def to_mace_state(params: Mapping[str, np.ndarray], config: MaceConfig) -> dict[str, np.ndarray]:
    """The trainable part of mace's ``state_dict``, and the buffers that ``config`` fixes.

    Load it with ``strict=False`` into a model that mace's constructor built for the same configuration.
    """
    _refuse_charge_inputs(config)
    state = {}
    for name, shape in parameter_shapes(config).items():
        value = np.asarray(params[name])
        if value.shape != shape:
            raise MaceStateError(f"'{name}' has shape {value.shape}, expected {shape}")
        state[name] = value.copy() if any(part in name for part in _SHAPED) else value.reshape(-1)
    return state | {name: np.asarray(value) for name, value in _buffers(config).items()}


def _refuse_charge_inputs(config: MaceConfig) -> None:
    if config.charge_inputs:
        raise MaceStateError("mace-torch's ScaleShiftMACE takes no charge: train without charge_inputs")


def _buffers(config: MaceConfig) -> dict[str, object]:
    return {
        "atomic_numbers": np.asarray(config.elements, np.int64),
        "r_max": config.r_max,
        "num_interactions": config.num_interactions,
        "radial_embedding.cutoff_fn.p": config.cutoff_power,
        "scale_shift.scale": config.scale,
        "scale_shift.shift": config.shift,
    }


def _check_buffers(state: Mapping[str, np.ndarray], config: MaceConfig) -> None:
    for name, expected in _buffers(config).items():
        if name not in state:
            raise MaceStateError(f"the state dictionary has no '{name}': not a ScaleShiftMACE")
        found, expected = np.asarray(state[name]), np.asarray(expected)
        if found.size != expected.size or not np.allclose(
            found.reshape(expected.shape), expected, rtol=1e-6
        ):
            raise MaceStateError(f"'{name}' is {found.tolist()} in the state, {expected.tolist()} here")
