"""``mfbench data publish``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.extras import extra

__all__ = ["register"]


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(publish)


def publish(
    folder: Annotated[Path, typer.Argument(help="Folder of splits and their card (README.md).")],
    repo_id: Annotated[str, typer.Option("--repo-id", metavar="OWNER/NAME", help="Dataset repository.")],
    revision: Annotated[str | None, typer.Option(metavar="R", help="Branch. (default: main)")] = None,
    private: Annotated[
        bool | None, typer.Option("--private/--public", help="Of a repository that is made now.")
    ] = None,
    message: Annotated[str | None, typer.Option(metavar="TEXT", help="Of the commit.")] = None,
) -> None:
    """Check every file of a folder of splits, then upload card and data as one commit to the Hub."""
    with extra("hub", "mfbench.hub.publish:publish", "data publish") as run:
        done = run(folder, repo_id, revision=revision, private=private, message=message)
    typer.echo(f"{', '.join(done.splits)}: {done.files} files in {done.url}")
    command = f"mfbench data download {done.splits[0]} --from hf://datasets/{repo_id}"
    typer.echo(f"fetch it with  {command} --revision {done.commit}")
