"""What the configurations of all architectures have in common."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

__all__ = ["BaseConfig"]


@dataclass(frozen=True)
class BaseConfig:
    """Plain numbers and tuples, so ``dataclasses.asdict`` is JSON.

    Attributes:
        elements: atomic numbers that the model knows, ascending.
        r_max: cutoff radius, Å.
        num_bessel, cutoff_power: radial basis size; exponent p of the polynomial cutoff.
        channels: multiplicity of every angular momentum of the features.
        readout_width: scalars in the readout.
        avg_num_neighbors: what sums over neighbours are scaled by, see each architecture.
        scale, shift: eV; node energy = scale * output + shift.
    """

    elements: tuple[int, ...] = (1, 6, 7, 8, 16)
    r_max: float = 4.5
    num_bessel: int = 8
    cutoff_power: int = 5
    channels: int = 8
    readout_width: int = 16
    avg_num_neighbors: float = 14.0
    scale: float = 1.0
    shift: float = 0.0

    def __post_init__(self) -> None:
        """Make lists (from JSON) tuples.

        Raises:
            ValueError: the elements are not ascending and distinct.
        """
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, list | tuple):
                object.__setattr__(self, field.name, tuple(int(x) for x in value))
        if list(self.elements) != sorted(set(self.elements)):
            raise ValueError("elements must be ascending and distinct")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Inverse of ``dataclasses.asdict``, also after a trip through JSON.

        Raises:
            ValueError: a key is not a field.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown fields in a {cls.__name__}: {', '.join(unknown)}")
        return cls(**values)
