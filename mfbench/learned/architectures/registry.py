"""The architectures by name. A new one is one entry here, one file that describes its weights, and one file
per backend with its network.

The file of weights has the configuration (a ``BaseConfig``) and ``initial_weights(config, seed)``. What the
file of a network has, ``models/architecture.py`` of the backend says.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from mfbench.errors import UnknownNameError
from mfbench.learned.architectures import allegro, mace, nequip
from mfbench.learned.architectures.shared_config import BaseConfig
from mfbench.protocol.named_entries import Registry

__all__ = [
    "ARCHITECTURES",
    "ArchitectureSpec",
    "Config",
    "arch_of",
    "config_class",
    "config_from",
    "config_record",
    "initial_weights",
    "network_of",
]

Config: TypeAlias = BaseConfig
"""Of any architecture."""


@dataclass(frozen=True)
class ArchitectureSpec:
    """One architecture.

    Attributes:
        name: what ``--arch`` takes.
        summary: one line for ``mfbench methods``.
        config: class of its configurations.
        weights: module with ``initial_weights(config, seed)``: name → float32 array.
        networks: backend → module of its network.
    """

    name: str
    summary: str
    config: type[BaseConfig]
    weights: ModuleType
    networks: Mapping[str, str]

    def network(self, backend: str) -> ModuleType:
        """The module of its network in a backend.

        Raises:
            UnknownNameError: it does not exist there.
        """
        if backend not in self.networks:
            raise UnknownNameError(
                f"architecture '{self.name}' needs --backend {' or '.join(self.networks)}, not {backend}"
            )
        return importlib.import_module(self.networks[backend])


ARCHITECTURES: Registry[ArchitectureSpec] = Registry(
    "architecture",
    [
        ArchitectureSpec(
            "mace",
            "message passing with many-body products; the reference (Batatia et al. 2022)",
            mace.MaceConfig,
            mace,
            {"jax": "mfbench_jax.models.mace", "torch": "mfbench_torch.models.mace"},
        ),
        ArchitectureSpec(
            "nequip",
            "equivariant message passing (Batzner et al. 2022)",
            nequip.NequipConfig,
            nequip,
            {"jax": "mfbench_jax.models.nequip", "torch": "mfbench_torch.models.nequip"},
        ),
        ArchitectureSpec(
            "allegro",
            "strictly local, features on edges (Musaelian et al. 2023)",
            allegro.AllegroConfig,
            allegro,
            {"jax": "mfbench_jax.models.allegro", "torch": "mfbench_torch.models.allegro"},
        ),
    ],
    group="mfbench.architectures",
)


def config_class(arch: str) -> type[Config]:
    """The configuration of an architecture.

    Raises:
        UnknownNameError: there is no such architecture.
    """
    return ARCHITECTURES[arch].config


def arch_of(config: Config) -> str:
    """Its name."""
    return _spec_of(type(config)).name


def network_of(config: Config, backend: str) -> ModuleType:
    """The module of a configuration's network in a backend.

    Raises:
        UnknownNameError: the architecture does not exist there.
    """
    return _spec_of(type(config)).network(backend)


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
    found: dict[str, np.ndarray] = _spec_of(type(config)).weights.initial_weights(config, seed)
    return found


_known: dict[type[BaseConfig], ArchitectureSpec] = {}


def _spec_of(kind: type[BaseConfig]) -> ArchitectureSpec:
    if kind in _known:
        return _known[kind]
    for name in ARCHITECTURES.names():
        if (spec := ARCHITECTURES[name]).config is kind:
            return _known.setdefault(kind, spec)
    raise UnknownNameError(f"no architecture has configurations of type {kind.__name__}")
