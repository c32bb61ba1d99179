"""What checking a submission finds, by name."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

__all__ = ["Finding", "Kind"]


class Kind(StrEnum):
    """What was found. Those in ``REFUSED`` keep a submission from being filed."""

    LEAKED_LABELS = "leaked-labels"
    COPIED_PREDICTIONS = "copied-predictions"
    UNIT_MISTAKE = "unit-mistake"
    SIGN_MISTAKE = "sign-mistake"
    SHUFFLED_PREDICTIONS = "shuffled-predictions"
    CONSTANT_PREDICTIONS = "constant-predictions"
    ENERGY_REFERENCE = "energy-reference"
    TRAINING_OVERLAP = "training-overlap"
    UNDECLARED_TRAINING = "undeclared-training"
    SAME_PREDICTIONS = "same-predictions"
    PARTIAL = "partial"
    FEW_DRAWS = "few-draws"
    FAILED_EPISODES = "failed-episodes"
    NOT_BETTER_THAN_CONSTANT = "not-better-than-constant"


_REFUSED = frozenset(
    {
        Kind.LEAKED_LABELS,
        Kind.COPIED_PREDICTIONS,
        Kind.UNIT_MISTAKE,
        Kind.SIGN_MISTAKE,
        Kind.SHUFFLED_PREDICTIONS,
    }
)


class Finding(BaseModel):
    """One finding: its kind, and one sentence with what was measured and what to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    message: str

    @property
    def refuses(self) -> bool:
        """Whether a submission with it cannot be filed."""
        return self.kind in _REFUSED
