"""What training and adaptation minimise, the same in every backend and in every phase.

``squared``: mean square of the energy errors (eV²) and of the force components (eV²/Å²). ``l1``: mean
absolute energy error (eV) and mean length of the force error of an atom (eV/Å). ``huber``: like ``l1`` for
large errors and like ``squared`` for small ones. Where the closed-form correction is allowed for, energy
errors are whitened by its covariance first: what an offset explains costs nothing.

The last two are sqrt(x² + s²) − s, with second derivatives everywhere, as second-order meta-learning needs.
"""

from __future__ import annotations

from mfbench.errors import UnknownNameError

__all__ = ["FORMER_LOSS", "LOSSES", "softening"]

LOSSES = ("squared", "l1", "huber")
FORMER_LOSS = "squared"
"""Of cards and settings from before there was a choice."""

_SOFTENING = {"l1": 1e-3, "huber": 0.1}
"""s, in eV for energies and eV/Å for forces."""


def softening(loss: str) -> float | None:
    """s of a loss; None for squares.

    Raises:
        UnknownNameError: there is no such loss.
    """
    if loss not in LOSSES:
        raise UnknownNameError(f"unknown loss '{loss}': choose {', '.join(LOSSES)}")
    return _SOFTENING.get(loss)
