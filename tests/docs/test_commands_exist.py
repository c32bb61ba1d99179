"""Every command line on every page names commands, options, scripts and targets that there are."""

import re
import shlex
import tomllib
from functools import cache
from pathlib import Path

import typer

from mfbench.cli import _app

ROOT = Path(__file__).parents[2]

SHELL = {
    "python3.11",
    "git",
    "cd",
    "export",
    "source",
    "mkdir",
    "dask",
    "torchrun",
    "apt-get",
    "pre-commit",
    "cat",
}
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))


def test_a_command_line_is_one_that_there_is(command_line):
    place, line, whole = command_line
    words = [w for w in shlex.split(line) if not re.fullmatch(r"[A-Z_]+=\S*", w)]
    if words[0] == "mfbench":
        _mfbench(words[1:], whole)
    elif check := {"make": _make, "pip": _pip, "python": _python}.get(words[0]):
        check(words[1:])
    else:
        assert words[0] in SHELL, f"{place}: what is {words[0]}?"


def _mfbench(words, whole):
    """Commands, options and the number of arguments; in prose a line may be a part (``whole`` False)."""
    command = _root()
    while inner := getattr(command, "commands", None):
        if not words:
            assert not whole
            return
        assert words[0] in inner, f"no command {words[0]!r}: {', '.join(inner)}"
        command, words = inner[words[0]], words[1:]
    options = {name: p for p in command.params for name in (*p.opts, *p.secondary_opts)}
    wanted = [p for p in command.params if p.param_type_name == "argument"]
    arguments, given = [], set()
    while words:
        word, _, value = words.pop(0).partition("=")
        if not word.startswith("-"):
            arguments.append(word)
        elif word not in ("--help", "-h"):
            assert word in options, f"{command.name} has no option {word}"
            given.add(options[word].name)
            if not options[word].is_flag and not value:
                assert words, f"{word} needs a value"
                words.pop(0)
    most = float("inf") if any(p.nargs == -1 for p in wanted) else len(wanted)
    assert len(arguments) <= most, f"{command.name} takes no {arguments[-1]!r}"
    if whole:
        missing = [p for p in options.values() if p.required and p.name not in given]
        missing = [p.opts[0] for p in missing if p.param_type_name == "option"]
        assert not missing, f"{command.name} needs {missing}"
        assert len(arguments) >= sum(p.required for p in wanted), f"{command.name} needs more arguments"


@cache
def _root():
    return typer.main.get_command(_app())


def _make(words):
    assert set(words) <= TARGETS


def _pip(words):
    for extras in re.findall(r"\[([a-z,]+)\]", " ".join(words)):
        assert set(extras.split(",")) <= set(EXTRAS)


def _python(words):
    if words[0] == "-m":
        assert words[1] in {"mfbench", "sphinx", "pytest", "build", "mypy", "http.server"}, words
        return
    path = ROOT / words[0]
    assert path.is_file(), f"no {words[0]}"
    source = path.read_text() + "".join(p.read_text() for p in path.parent.rglob("*.py"))
    for word in words[1:]:
        if word.startswith("--"):
            assert f'"{word.partition("=")[0]}"' in source, f"{words[0]} has no option {word}"
