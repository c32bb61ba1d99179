"""Which weights an inner loop moves: all, the head, the body, or those whose names start as asked.

The others stay as they are. In a meta-learner they have no entry in the preconditioner P (P = 0 there), and
its outer gradient is still the exact one in all initial weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mfbench.errors import UnknownNameError

__all__ = ["HEAD", "moving_arrays", "moving_names", "scales_of"]

HEAD = "readouts"
"""Weights of the readouts: their names start so, in every architecture."""


def moving_names(names: Iterable[str], adapt: str) -> list[str]:
    """Those of ``names`` that adapt.

    Args:
        names: of all weights.
        adapt: ``all``, ``head`` (the readouts), ``body`` (all but these), the beginning of names such as
            ``interactions.0``, or several of these joined by ``+``.

    Raises:
        UnknownNameError: a part of ``adapt`` fits no weight.
    """
    names = list(names)
    chosen = {part: [n for n in names if _fits(n, part)] for part in adapt.split("+")}
    for part, found in chosen.items():
        if not found:
            blocks = sorted({n.rsplit(".", 1)[0] for n in names})
            raise UnknownNameError(
                f"no weights '{part}' to adapt: choose all, head, body, "
                f"or the beginning of {', '.join(blocks)}"
            )
    together = {name for found in chosen.values() for name in found}
    return [name for name in names if name in together]


def moving_arrays(arrays: Mapping[str, Any], adapt: str) -> dict[str, Any]:
    """The entries of weights that adapt, see ``moving_names``."""
    return {name: arrays[name] for name in moving_names(arrays, adapt)}


def scales_of(precondition: Mapping[str, Any], moving: Mapping[str, Any]) -> dict[str, Any]:
    """The preconditioner of the weights that adapt.

    Raises:
        UnknownNameError: it has none for one of them: a start without a joint phase, a context, LoRA.
    """
    if missing := sorted(moving.keys() - precondition.keys()):
        raise UnknownNameError(
            f"optimizer 'sgd' has no preconditioner for '{missing[0]}': choose adam or lbfgs"
        )
    return {name: precondition[name] for name in moving}


def _fits(name: str, part: str) -> bool:
    if part in ("all", "head", "body"):
        return part == "all" or name.startswith(HEAD) == (part == "head")
    return bool(part) and name.startswith(part)
