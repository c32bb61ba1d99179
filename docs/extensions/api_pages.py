"""``{face} mfbench``: the names of a package, each linked to where it is described.
``{room} mfbench.data``: every module of a folder, from its docstrings."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from types import ModuleType

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.ext.autodoc.mock import mock
from sphinx.util.docutils import SphinxDirective


class Face(SphinxDirective):
    """A table of what a package exports."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The nodes."""
        with mock(self.config.autodoc_mock_imports):
            package = importlib.import_module(self.arguments[0])
            rows = [_face_row(package, name) for name in package.__all__ if not name.startswith("__")]
        return self.parse_text_to_nodes("\n".join(["| name | what it is |", "|---|---|", *rows]))


def _face_row(package: ModuleType, name: str) -> str:
    thing = getattr(package, name)
    module = getattr(thing, "__module__", None)
    if module is None or (not inspect.isclass(thing) and not callable(thing)):
        home = next(m for m in _modules_above(package) if name in getattr(m, "__all__", ()))
        return f"| {{py:data}}`{name} <{home.__name__}.{name}>` | {thing!r} |"
    role = "class" if inspect.isclass(thing) else "func"
    first = (inspect.getdoc(thing) or "").split("\n\n")[0]
    return f"| {{py:{role}}}`{name} <{module}.{name}>` | {_markdown(first)} |"


def _modules_above(package: ModuleType) -> list[ModuleType]:
    return [m for n, m in sorted(sys.modules.items()) if n.startswith(package.__name__ + ".")]


class Room(SphinxDirective):
    """``automodule`` for a folder and each public module in it."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The nodes."""
        lines: list[str] = []
        with mock(self.config.autodoc_mock_imports):
            modules = _public_modules(self.arguments[0])
        for name in modules:
            is_folder = hasattr(sys.modules[name], "__path__")  # its names live in its modules
            lines += [f".. automodule:: {name}", "   :no-members:" if is_folder else "   :members:", ""]
        fence = "```{eval-rst}\n" + "\n".join(lines) + "\n```"
        return self.parse_text_to_nodes(fence, allow_section_headings=True)


def _public_modules(name: str) -> list[str]:
    module = importlib.import_module(name)
    found = [name]
    for info in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if not info.name.startswith("_"):
            found += _public_modules(f"{name}.{info.name}")
    return found


def _markdown(text: str) -> str:
    return " ".join(text.split()).replace("``", "`").replace("|", "\\|")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("face", Face)
    app.add_directive("room", Room)
    return {"parallel_read_safe": True}
