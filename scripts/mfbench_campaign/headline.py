"""The support sizes that tables, findings and tuning look at, out of the protocol's standard ones."""

from __future__ import annotations

from mfbench.protocol.protocol import STANDARD_K

__all__ = ["FEW", "MANY", "NONE", "SHOWN"]

NONE, FEW, MANY = (k for k in STANDARD_K if k in (0, 10, 50))
"""No labels, few, and as many as every split can give."""
SHOWN = (FEW, MANY)
