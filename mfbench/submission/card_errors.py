"""What is wrong with a card, in words: a line per field."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from mfbench.data.printable_text import printable
from mfbench.submission.card_text import PATTERNS

__all__ = ["MOST_LINES", "lines_of"]

MOST_LINES = 12
_PLAIN = "takes true, false, a number or a text of at most 200 characters"
_TYPES = {
    "string": "must be a text",
    "int": "must be a whole number",
    "float": "must be a number",
    "finite": "must be a finite number",
    "bool": "must be true or false",
    "list": "must be a list, e.g. [a, b]",
    "dict": "must hold keys with values",
    "model": "must hold keys with values",
}


def lines_of(error: ValidationError, model: type[BaseModel]) -> str:
    """One line for every field that is wrong, by its place in the card, at most ``MOST_LINES``.

    Args:
        error: of validating ``model``.
        model: whose fields a misspelt key is compared with.
    """
    found: dict[str, str] = {}
    for one in error.errors(include_url=False, include_input=False):
        # Of a value of several types, each says that it does not fit: it is one mistake.
        option = one["loc"][:2] == ("run", "options") and len(one["loc"]) > 3 and one["loc"][-1] != "[key]"
        loc = one["loc"][:3] if option else tuple(p for p in one["loc"] if p != "[key]")
        found.setdefault(_place(loc), _PLAIN if option else _words(one, loc, model))
    lines = [printable(f"{place} {words}", 300) for place, words in found.items()]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [f"... and {len(lines) - MOST_LINES + 1} more"]
    return "\n".join(lines)


def _place(loc: tuple[int | str, ...]) -> str:
    """``costs[0].k``, as one would write it."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{str(part)[:60]}" for part in loc)
    return text.removeprefix(".") or "the card"


def _words(one: Mapping[str, Any], loc: tuple[int | str, ...], model: type[BaseModel]) -> str:
    kind, says = one["type"], one.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(loc[-1])[:60], _keys(model, loc[:-1]), n=1)
        return "is no key of a card" + (f": is {near[0]} meant?" if near else "")
    if kind == "enum":
        return f"must be one of {says['expected'].replace(' or ', ', ')}".replace("'", "")
    if kind == "string_pattern_mismatch":
        return PATTERNS[says["pattern"]]
    if kind == "value_error":
        return str(says["error"])
    for bound, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
        if bound in says:
            return f"must be {words} {says[bound]:,}"
    unit = "characters" if kind.startswith("string") else "entries"
    if "min_length" in says:
        least = says["min_length"]
        return "must not be empty" if least == 1 else f"must have at least {least} {unit}"
    if "max_length" in says:
        return f"has more than {says['max_length']:,} {unit}"
    return _TYPES.get(kind.split("_")[0], f"is not what the card holds there ({one['msg']})")


def _keys(model: Any, loc: tuple[int | str, ...]) -> list[str]:
    """The keys that there are at a place of the card."""
    for part in loc:
        if isinstance(part, str):
            model = _model(model.model_fields[part].annotation)
    return [field.alias or name for name, field in model.model_fields.items()]


def _model(annotation: Any) -> Any:
    """The part of a card inside ``Part | None`` or ``list[Part]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model(inner)) is not None), None)
