"""Code of somebody else, named as ``module:Attribute``: looked for in the current folder too."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from mfbench.errors import UnknownNameError

__all__ = ["find_object", "look_here"]


def look_here() -> None:
    """Let modules of the current folder be imported: an installed script does not look there by itself."""
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)


def find_object(target: str) -> Any:
    """What ``module:Attribute`` names. Importing runs its code, whose own errors pass through.

    Raises:
        UnknownNameError: the name has no two parts, the module is not there (which file was looked for,
            and where), or has no such attribute.
        ModuleNotFoundError: the module is there, and imports another that is not.
    """
    name, _, attribute = target.partition(":")
    if not (name and attribute) or name.startswith("."):
        raise UnknownNameError(f"'{target}' names nothing: give module:Attribute")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise UnknownNameError(_not_there(name, attribute)) from None
        raise
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise UnknownNameError(f"module '{name}' has no '{attribute}'") from None


def _not_there(name: str, attribute: str) -> str:
    bare = name.removesuffix(".py").replace("\\", "/")
    folder, _, stem = bare.rpartition("/")
    if bare != name:
        place = f", from the folder {folder}" if folder else ""
        return f"'{name}' is a file's name, not a module's: give {stem}:{attribute}{place}"
    if folder:
        return f"'{name}' is a path, not a module: give {stem}:{attribute}, from the folder {folder}"
    here = os.getcwd()
    first = here if here in sys.path or "" in sys.path else sys.path[0]
    file = name.replace(".", "/")
    return (
        f"there is no module '{name}': no file {file}.py in {first}, and nothing of that name among the "
        "installed packages"
    )
