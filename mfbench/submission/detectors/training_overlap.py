"""Whether weights have seen what they are tested on: computed from the declared training data."""

from __future__ import annotations

from mfbench.data.split import Split
from mfbench.errors import ProtocolError, SubmissionError
from mfbench.protocol.exclusion import without_overlap
from mfbench.submission.card import Card
from mfbench.submission.detectors.findings import Finding, Kind
from mfbench.submission.reference_episodes import known_split

__all__ = ["overlap_findings"]


def overlap_findings(card: Card, split: Split) -> list[Finding]:
    """Overlap of test families with the train families of every declared split.

    A split's own train families share no 30 % cluster with its test families by construction. Data that
    is no split known here cannot be compared, and the finding says so.
    """
    found = []
    if not card.training and (card.parameters or card.weights_sha256):
        found.append(
            Finding(
                kind=Kind.UNDECLARED_TRAINING,
                message="there is a model, and no training data is declared: what it has seen is unknown.",
            )
        )
    for training in card.training:
        if training.name == split.name:
            continue
        try:
            other = known_split(training.name)
        except SubmissionError:
            found.append(
                Finding(
                    kind=Kind.UNDECLARED_TRAINING,
                    message=f"'{training.name}' is no split known here: overlap with the test families was "
                    "not computed.",
                )
            )
            continue
        found += _compare(split, other)
    return found


def _compare(split: Split, other: Split) -> list[Finding]:
    n = len(split.test)
    try:
        _, out = without_overlap(split, other)
        families, dropped = list(out.families), out.query_configurations
    except ProtocolError:
        families, dropped = [task.family_id for task in split.test], 0
    if not families and not dropped:
        return []
    names = ", ".join(families[:5]) + (" ..." if len(families) > 5 else "")
    return [
        Finding(
            kind=Kind.TRAINING_OVERLAP,
            message=f"the train families of {other.name} overlap with {len(families)} of {n} test families"
            f"{f' ({names})' if families else ''} and hold fragments of {dropped} more configurations.",
        )
    ]
