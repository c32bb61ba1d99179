"""One check: a function of the split that returns a figure, or raises ``DataError`` naming a culprit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mfbench.data.side_tables import SideTables
from mfbench.data.split import Split
from mfbench.errors import DataError

__all__ = ["Check", "Subject", "run_check"]


@dataclass(frozen=True, eq=False)
class Subject:
    """What is checked: the split and the tables beside it."""

    split: Split
    tables: SideTables


@dataclass(frozen=True)
class Check:
    """The outcome of one check.

    Attributes:
        name: of the check.
        passed: whether the split keeps this promise.
        finding: what was measured; if it failed, the culprit. One line.
    """

    name: str
    passed: bool
    finding: str


def run_check(name: str, measure: Callable[[], str]) -> Check:
    """Run one check; a ``DataError`` is its failure, any other error is ours."""
    try:
        return Check(name, True, measure())
    except DataError as fault:
        return Check(name, False, " ".join(str(fault).split()))
