"""Things that have a name: methods, architectures, backends. A new one is one entry.

Entries come from three places: those that ship, those that a program adds (``registry.add(spec)``), and
those that installed packages offer as entry points of the registry's group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Protocol, TypeVar

from mfbench.errors import UnknownNameError

__all__ = ["Named", "Registry"]


class Named(Protocol):
    """What a registry holds: anything with a name."""

    @property
    def name(self) -> str:
        """Unique in its registry."""
        ...


Spec = TypeVar("Spec", bound=Named)


class Registry(Generic[Spec]):
    """Entries by name, in the order in which they are listed.

    Args:
        what: what an entry is called in messages, e.g. ``method``.
        specs: the entries that ship.
        group: entry points through which installed packages add theirs; None: none.
    """

    def __init__(self, what: str, specs: Iterable[Spec], group: str | None = None):
        self.what, self.group = what, group
        self._specs = {spec.name: spec for spec in specs}

    def add(self, spec: Spec) -> None:
        """Add an entry, for this process.

        Raises:
            UnknownNameError: the name is taken.
        """
        if spec.name in self._specs:
            raise UnknownNameError(f"there is a {self.what} '{spec.name}' already: choose another name")
        self._specs[spec.name] = spec

    def remove(self, name: str) -> None:
        """Take out what ``add`` added."""
        del self._specs[name]

    def __iter__(self) -> Iterator[Spec]:
        """The entries that ship or were added, in order."""
        return iter(list(self._specs.values()))

    def __contains__(self, name: object) -> bool:
        """Whether an entry ships, was added, or is offered by an installed package."""
        return name in self._specs or any(point.name == name for point in self._offered())

    def names(self) -> list[str]:
        """All names: those that ship or were added, then those that installed packages offer."""
        return list(dict.fromkeys([*self._specs, *sorted(point.name for point in self._offered())]))

    def find(self, name: str) -> Spec | None:
        """The entry that ships or was added; None: there is none."""
        return self._specs.get(name)

    def offered(self, name: str) -> Any | None:
        """What an installed package offers by this name, loaded; None: nothing."""
        return next((point.load() for point in self._offered() if point.name == name), None)

    def __getitem__(self, name: str) -> Spec:
        """An entry.

        Raises:
            UnknownNameError: there is none by this name.
        """
        if spec := self._specs.get(name) or self.offered(name):
            return spec
        raise UnknownNameError(f"unknown {self.what} '{name}': choose one of {', '.join(self.names())}")

    def _offered(self) -> list[EntryPoint]:
        return list(entry_points(group=self.group)) if self.group else []
