"""From a submission with predictions to a compact one: a tenth of the size, the same scores."""

from __future__ import annotations

from mfbench.submission.card import write_card
from mfbench.submission.check import check
from mfbench.submission.checked import Checked
from mfbench.submission.compact import ERRORS_FILE, compact_bytes

__all__ = ["compacted"]


def compacted(checked: Checked, made_from: str, weights_from: str | None = None) -> Checked:
    """The same submission with errors per configuration instead of predictions.

    Args:
        checked: with predictions, without refusals.
        made_from: its id.
        weights_from: id of the submission whose deposited weights it ran, where it deposits none.

    Raises:
        SubmissionError: a detector refuses it, or its method is not registered here: nobody could run it.
    """
    checked.raise_refusals()
    card = checked.card.model_copy(update={"made_from": made_from, "weights_from": weights_from})
    errors = compact_bytes(checked.errors, checked.fingerprints)
    return check({"submission.yaml": write_card(card).encode(), ERRORS_FILE: errors, **checked.weights})
