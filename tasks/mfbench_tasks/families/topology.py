"""A CATH topology as a family: its id, and the class of folds that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TopologyFamily"]

_CLASSES = {"1": "mainly-alpha", "2": "mainly-beta", "3": "alpha-beta"}
_MEMBRANE = "membrane"


@dataclass(frozen=True)
class TopologyFamily:
    """Proteins of one topology, e.g. 2.40.160; those in a membrane are a family of their own."""

    topology: str
    membrane: bool = False

    @classmethod
    def named(cls, family_id: str) -> TopologyFamily:
        """From its id: a topology, or ``membrane.<topology>``."""
        first, _, rest = family_id.partition(".")
        return cls(rest, membrane=True) if first == _MEMBRANE else cls(family_id)

    @property
    def family_id(self) -> str:
        """``2.40.160`` or ``membrane.2.40.160``."""
        return f"{_MEMBRANE}.{self.topology}" if self.membrane else self.topology

    @property
    def family_class(self) -> str:
        """mainly-alpha, mainly-beta, alpha-beta, few-ss (CATH classes 4 and 6) or membrane."""
        return _MEMBRANE if self.membrane else _CLASSES.get(self.topology.split(".")[0], "few-ss")
