"""The architectures by name: configuration, names and shapes of the weights, random initial values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, TypeAlias

import numpy as np

from mfbench.errors import UnknownNameError
from mfbench.learned.architectures import allegro, mace, nequip
from mfbench.learned.architectures.allegro import AllegroConfig
from mfbench.learned.architectures.mace import MaceConfig
from mfbench.learned.architectures.nequip import NequipConfig

__all__ = ["Config", "arch_of", "config_class", "config_from", "config_record", "initial_weights"]

Config: TypeAlias = MaceConfig | NequipConfig | AllegroConfig
"""Of any architecture."""

_MODULES = {"mace": mace, "nequip": nequip, "allegro": allegro}
_CONFIGS = {"mace": MaceConfig, "nequip": NequipConfig, "allegro": AllegroConfig}


def config_class(arch: str) -> type[Config]:
    """The configuration of an architecture.

    Raises:
        UnknownNameError: there is no such architecture.
    """
    if arch not in _CONFIGS:
        raise UnknownNameError(f"unknown architecture '{arch}': choose one of {', '.join(_CONFIGS)}")
    return _CONFIGS[arch]


def arch_of(config: Config) -> str:
    """Its name."""
    return next(name for name, kind in _CONFIGS.items() if type(config) is kind)


def config_record(config: Config) -> dict[str, Any]:
    """What a card keeps of a configuration."""
    return {"arch": arch_of(config), **asdict(config)}


def config_from(record: dict[str, Any]) -> Config:
    """Inverse of ``config_record``, also after a trip through JSON; no ``arch`` means MACE.

    Raises:
        UnknownNameError: the architecture does not exist.
        ValueError: a field does not.
    """
    values = dict(record)
    return config_class(values.pop("arch", "mace")).from_dict(values)


def initial_weights(config: Config, seed: int) -> dict[str, np.ndarray]:
    """Random float32 weights by name: NumPy draws them, so a seed means the same in every backend."""
    return _MODULES[arch_of(config)].initial_weights(config, seed)
