"""``{commands}``: every command with its options, from the command line itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mfbench.cli import _app

__all__ = ["leaf_commands"]


class Commands(SphinxDirective):
    """One section per command, those of a group one after another."""

    def run(self) -> list[nodes.Node]:
        """The nodes."""
        text = "\n\n".join(_section(name, command) for name, command in leaf_commands())
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def leaf_commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something, as (``mfbench data list``, the command), in order of the help."""

    def walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
        if inner := getattr(command, "commands", None):
            for key in inner:
                yield from walk(f"{name} {key}", inner[key])
        else:
            yield name, command

    yield from walk("mfbench", typer.main.get_command(_app()))


def _section(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    rows = [_row(p) for p in (*arguments, *options)]
    shown = [p.metavar or p.name.upper() for p in arguments]
    usage = " ".join([name, *(["[OPTIONS]"] if options else []), *shown])
    lines = [f"## {name}", _paragraphs(command.help or ""), f"```text\n{usage}\n```"]
    if rows:
        lines.append("\n".join(["| | |", "|---|---|", *rows]))
    return "\n\n".join(lines)


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n")).replace("*", "\\*")


def _row(parameter: Any) -> str:
    text = parameter.help or ""
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or parameter.name.upper()}`"
    else:
        names = ", ".join(f"`{option}`" for option in sorted(parameter.opts, key=len))
        if not parameter.is_flag and parameter.metavar:
            names += f" {parameter.metavar}"
        if parameter.required:
            text += " Required."
        elif parameter.show_default and "default" not in text and not callable(parameter.default):
            if parameter.default not in (None, False, (), []):
                text += f" Default: `{parameter.default}`."
    return "| {} | {} |".format(*(" ".join(x.split()).replace("|", "\\|") for x in (names, text)))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
