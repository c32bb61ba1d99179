"""The command line. Each command is a module of this package with ``register(app)``."""

from __future__ import annotations

import importlib
import io
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from mfbench.data.printable_text import printable
from mfbench.errors import Interrupted, MfbenchError, SubmissionError, reason_of
from mfbench.work import interrupt

__all__ = ["main"]

COMMANDS = (
    "evaluate",
    "train",
    "convert",
    "methods",
    "check_method",
    "data",
    "label",
    "adapt",
    "predict",
    "simulate",
    "active",
    "estimate",
    "compare",
    "export_peg",
    "submit",
    "store",
    "verify",
    "leaderboard",
)  # fmt: skip
"""Modules of this package, in the order of the help text."""
HELP_OPTIONS = ["-h", "--help"]


_CTRL_C = 130


def _version(value: bool) -> None:
    if value:
        from mfbench.protocol.cost import code_version

        typer.echo(f"mfbench {code_version()}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave."),
    ] = False,
) -> None:
    pass


def _app() -> typer.Typer:
    app = typer.Typer(
        name="mfbench",
        help="How few quantum-mechanical labels does a learned force field need for a new protein family?",
        epilog="Start here:  mfbench evaluate --method constant --split cath-mini",
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": HELP_OPTIONS},
    )
    app.callback()(_root)
    for name in COMMANDS:
        importlib.import_module(f"mfbench.cli.{name}").register(app)
    return app


def _plain_flags(command: Any) -> None:
    """Take away the type that help texts show behind a flag: ``--resume``, not ``--resume <bool>``."""
    context = typer.Context(command, help_option_names=HELP_OPTIONS)
    for parameter in (*command.params, command.get_help_option(context)):
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    for below in getattr(command, "commands", {}).values():
        _plain_flags(below)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code.

    0 done, 2 the caller's mistake (one line on stderr; of a card, one per field), 3 finished with failed
    episodes, 130 interrupted, 1 our own fault (with a traceback).
    """
    try:
        try:
            return _run(arguments)
        finally:
            interrupt.ignore_further()
    except KeyboardInterrupt:  # between the end of the command and the line above
        interrupt.ignore_further()
        return _interrupted()


def _run(arguments: Sequence[str] | None) -> int:
    """``main``, while Ctrl-C may come."""
    _show_what_can_be_shown()
    try:
        command = typer.main.get_command(_app())
        _plain_flags(command)
        given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
        interrupt.raise_from_now_on()
        code = command.main(given, prog_name="mfbench", standalone_mode=False)
        if code == _CTRL_C:  # typer makes this of a KeyboardInterrupt, without a word
            return _interrupted()
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except typer.Exit as stop:
        return stop.exit_code
    except Exception as error:
        if isinstance(error, Interrupted):
            return _interrupted(str(error))
        if interrupt.came():  # a library turned it into an error of its own
            return _interrupted()
        if isinstance(error, SubmissionError) and error.kind == "card":
            return _fail(*str(error).splitlines())  # a line for every field
        if isinstance(error, MfbenchError):
            return _fail(str(error))
        if isinstance(error, OSError):
            return _fail(reason_of(error))
        # Usage errors, wherever typer keeps their class: an unknown option, a value of the wrong type.
        if hasattr(error, "format_message"):
            return _fail(error.format_message())
        traceback.print_exc()
        print("error: this is a fault of mfbench, please report it", file=sys.stderr)
        return 1


def _show_what_can_be_shown() -> None:
    """A terminal or file of another encoding (Latin-1, ASCII) gets ``?`` for what it does not have: results
    are written by then, and must be shown."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _interrupted(message: str = "interrupted") -> int:
    print(f"\n{message}", file=sys.stderr)
    return _CTRL_C


def _fail(*lines: str) -> int:
    if any(lines):  # a group without a command has printed its help instead
        print("error: " + "\n  ".join(map(printable, lines)), file=sys.stderr)
    return 2
