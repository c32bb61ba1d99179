"""The track that a submission is filed on: a method in closed form may say so without running again."""

from __future__ import annotations

from mfbench.errors import SubmissionError
from mfbench.protocol.catalogue import METHODS
from mfbench.protocol.protocol import Track
from mfbench.protocol.specs import Cost, MethodSpec
from mfbench.submission.card import Card

__all__ = ["closed_form_advice", "on_track"]


def on_track(card: Card, track: Track) -> Card:
    """The card on a track. On ``closed-form`` its budget is none: what no step was taken of, was not spent.

    Raises:
        SubmissionError: kind ``card``: it is known that the method takes gradient steps, or the run counted
            gradients, and would be another one without a budget.
    """
    steps = card.run.steps
    if track is Track.CLOSED_FORM and steps:
        spec = _spec(card)
        if spec and spec.cost is not Cost.CLOSED_FORM:
            raise SubmissionError(
                "card", f"'{spec.name}' takes gradient steps: it cannot be filed on the {track} track"
            )
        if _counted(card):
            raise SubmissionError(
                "card", f"this run spent gradients of a budget: evaluate again with --track {track}"
            )
        steps = 0
    return card.model_copy(update={"track": track, "run": card.run.model_copy(update={"steps": steps})})


def closed_form_advice(card: Card) -> str:
    """How it gets to the track without gradient steps; empty if it is there, or is known to take some.

    That is known of registered methods; of others, that they counted no gradient.
    """
    spec = _spec(card)
    if card.track in (Track.CLOSED_FORM, Track.OPEN) or (spec and spec.reference):
        return ""
    if _counted(card):
        known = spec is not None and spec.cost is Cost.CLOSED_FORM
        return f"evaluate with --track {Track.CLOSED_FORM} to compare it where no steps are taken" * known
    if spec and spec.cost is not Cost.CLOSED_FORM:
        return ""
    return f"if it takes no gradient step, add --track {Track.CLOSED_FORM} to --draft"


def _counted(card: Card) -> bool:
    return any(cost.gradient_evaluations for cost in card.costs)


def _spec(card: Card) -> MethodSpec | None:
    return METHODS.find(card.implementation or card.method)
