"""Texts of the report from their templates, which lie in ``templates``."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mfbench_campaign.headline import MANY

__all__ = ["render", "render_line"]

_TEMPLATES = Environment(
    loader=PackageLoader("mfbench_campaign"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # Markdown
)
_TEMPLATES.globals["many"] = MANY


def render(name: str, /, **values: Any) -> str:
    """The text of a template; a value that it names and is not given is an error."""
    return _TEMPLATES.get_template(f"{name}.jinja").render(**values)


def render_line(name: str, /, **values: Any) -> str:
    """The same as one line: a template of a paragraph may be broken where it reads well."""
    return " ".join(render(name, **values).split())
