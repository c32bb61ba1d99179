"""Published barriers of some of the systems, for the report: measured ones, in kcal/mol."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PUBLISHED", "Published"]


class Published(NamedTuple):
    """A barrier: fragment id, what was measured, and where it is written."""

    system: str
    value: str
    source: str


PUBLISHED = (
    Published(
        "claisen.allyl-vinyl-ether",
        "30.6 (activation energy, gas phase, 430-470 K)",
        "Schuler & Murphy, J. Am. Chem. Soc. 1950, 72, 3155",
    ),
    Published(
        "claisen.chorismate-anion",
        "20.7 (activation enthalpy, the dianion in water, no enzyme)",
        "Andrews, Smith & Young, Biochemistry 1973, 12, 3492",
    ),
)
