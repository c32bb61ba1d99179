"""``mfbench check-method``."""

from __future__ import annotations

from typing import Annotated

import typer

from mfbench.work.own_code import look_here

__all__ = ["register"]

HELP = """Run the harness's own checks on a method in seconds, and say in words what is wrong.

The molecules are made up: the checks say whether a method keeps the rules, not how good it is. \
Exit code 2 if it cannot be evaluated. A factory that wants a context gets the one of --split.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check-method", help=HELP)(check)


def check(
    method: Annotated[str, typer.Argument(help="module:Class, or a name from 'mfbench methods'.")],
    split: Annotated[
        str, typer.Option("--split", "-s", help="Split whose meta-train families a factory may read.")
    ] = "cath-mini",
    backend: Annotated[str, typer.Option(metavar="NAME", help="Framework of a named method.")] = "jax",
    arch: Annotated[str, typer.Option(metavar="NAME", help="Architecture of a named method.")] = "mace",
) -> int:
    """Check; returns the exit code."""
    from mfbench.data.split import load_split
    from mfbench.protocol.check_method import check_method
    from mfbench.protocol.loading import load_method
    from mfbench.protocol.method import MethodContext

    look_here()
    report = check_method(load_method(method, MethodContext(load_split(split), arch), backend=backend))
    typer.echo(str(report))
    return 0 if report.passed else 2
