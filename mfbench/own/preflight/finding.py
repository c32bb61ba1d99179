"""One line of the preflight: what was found, how it is known, and which option says otherwise."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NOTHING_SAID", "Choices", "Finding"]


@dataclass(frozen=True)
class Finding:
    """One line of the preflight.

    Attributes:
        check: what was looked at.
        found: the result, in words.
        proof: the figures that speak for it.
        override: the option that overrides it, empty where there is none.
    """

    check: str
    found: str
    proof: str = ""
    override: str = ""


@dataclass(frozen=True)
class Choices:
    """What a user says, so that it need not be found: None means "find out".

    Attributes:
        energy_unit, length_unit, forces_unit: names of units, see ``mfbench.own.units``.
        sign: ``forces`` or ``gradients``.
        charge: of every frame, in units of e.
        n_unpaired: of every frame.
        keep_duplicates: do not drop equal frames.
    """

    energy_unit: str | None = None
    length_unit: str | None = None
    forces_unit: str | None = None
    sign: str | None = None
    charge: int | None = None
    n_unpaired: int | None = None
    keep_duplicates: bool = False


NOTHING_SAID = Choices()
