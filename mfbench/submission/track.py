"""The track that a submission is filed on: a method in closed form may say so without running again."""

from __future__ import annotations

from mfbench.errors import SubmissionError
from mfbench.protocol.catalogue import METHODS
from mfbench.protocol.protocol import Track
from mfbench.protocol.specs import Cost, MethodSpec
from mfbench.submission.card import Card

__all__ = ["could_be_closed_form", "on_track"]


def on_track(card: Card, track: Track) -> Card:
    """The card on a track. On ``closed-form`` its budget is none: what no step was taken of, was not spent.

    Raises:
        SubmissionError: kind ``card``: it is known that the method takes gradient steps.
    """
    steps = card.run.steps
    if track is Track.CLOSED_FORM:
        spec = _spec(card)
        if spec and spec.cost is not Cost.CLOSED_FORM:
            raise SubmissionError(
                "card", f"'{spec.name}' takes gradient steps: it cannot be filed on the {track} track"
            )
        steps = 0
    return card.model_copy(update={"track": track, "run": card.run.model_copy(update={"steps": steps})})


def could_be_closed_form(card: Card) -> bool:
    """Whether its person should be asked: the track has a budget of steps, and none is known to be taken.

    That is known of registered methods; of others, that they counted no gradient.
    """
    if card.track in (Track.CLOSED_FORM, Track.OPEN):
        return False
    if spec := _spec(card):
        return spec.cost is Cost.CLOSED_FORM and not spec.reference
    return not any(cost.gradient_evaluations for cost in card.costs)


def _spec(card: Card) -> MethodSpec | None:
    return METHODS.find(card.implementation or card.method)
