"""A submission's method, made from deposited or public weights and our own code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mfbench.data.split import Split
from mfbench.errors import SubmissionError
from mfbench.protocol.loading import load_method, uses_backend
from mfbench.protocol.method import DEFAULT_ARCH, DEFAULT_BACKEND, Method, MethodContext
from mfbench.submission.card import Card
from mfbench.submission.check import check_registered

__all__ = ["deposited_method", "method_of"]


def deposited_method(card: Card, split: Split, weights: Mapping[str, bytes], folder: Path) -> Method:
    """The method of a submission whose weights were fixed before: deposited, or those of a public model.

    Args:
        card: what the submission says of itself.
        split: whose families it is tested on.
        weights: deposited files by name; a public model comes with its package.
        folder: where the weights are written.

    Raises:
        SubmissionError: kind ``weights``: none were deposited, or what ran them is not registered here.
        CheckpointError: they are not a checkpoint of the architecture.
    """
    if not weights and not card.public_model:
        raise SubmissionError("weights", "no weights were deposited: nobody can run this submission")
    if not card.public_model and not uses_backend(check_registered(card)):
        raise SubmissionError("weights", f"'{card.method}' is a method without weights")
    return method_of(card, split, weights, folder)


def method_of(card: Card, split: Split, weights: Mapping[str, bytes], folder: Path) -> Method:
    """The same, where there may be no weights: the method's own recipe is run then.

    Raises:
        SubmissionError: kind ``weights``: the method is not registered here.
        CheckpointError: it needs weights, and none come with the split; or these do not fit.
    """
    name = check_registered(card)
    path = None
    if weights:
        for file, suffix in (("weights.safetensors", ".safetensors"), ("weights.json", ".json")):
            (folder / f"deposited{suffix}").write_bytes(weights[file])
        path = str(folder / "deposited.safetensors")
    context = MethodContext(split, card.arch or DEFAULT_ARCH, path, dict(card.run.options))
    return load_method(name, context, backend=card.backend or DEFAULT_BACKEND)
