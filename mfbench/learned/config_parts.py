"""What the configurations of all architectures have in common, and how they are checked."""

from __future__ import annotations

import dataclasses
from typing import Any, Self

__all__ = ["FromDict", "checked_elements"]


class FromDict:
    """``from_dict`` for a dataclass."""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Inverse of ``dataclasses.asdict``, also after a trip through JSON.

        Raises:
            ValueError: a key is not a field.
        """
        known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown fields in a {cls.__name__}: {', '.join(unknown)}")
        return cls(**values)


def checked_elements(elements: tuple[int, ...]) -> tuple[int, ...]:
    """Atomic numbers as plain integers.

    Raises:
        ValueError: they are not ascending and distinct.
    """
    found = tuple(int(z) for z in elements)
    if list(found) != sorted(set(found)):
        raise ValueError("elements must be ascending and distinct")
    return found
