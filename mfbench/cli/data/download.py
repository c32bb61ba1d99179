"""``mfbench data download``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mfbench.cli.extras import extra
from mfbench.errors import MfbenchError

__all__ = ["register"]


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(download)


def download(
    split: Annotated[str, typer.Argument(help="Its name, e.g. cath.")],
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="WHERE",
            help="hf://datasets/OWNER/NAME, another URL, or a folder. (default: $MFBENCH_FROM)",
        ),
    ] = None,
    revision: Annotated[
        str | None, typer.Option(metavar="R", help="Branch, tag or commit of a Hub repository.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of splits. (default: $MFBENCH_DATA, or ~/.local/share/mfbench)"
        ),
    ] = None,
) -> None:
    """Fetch a split and the shards that it names; what is there and right is not fetched again."""
    from mfbench.data.folders import data_folder
    from mfbench.data.split import find_split
    from mfbench.work.progress import count_bar

    where = source or os.environ.get("MFBENCH_FROM")
    if not where:
        raise MfbenchError("say where from: --from hf://datasets/OWNER/NAME, a URL or a folder")
    folder = to or data_folder()
    with extra("hub", "mfbench.hub.sources:open_source", f"--from {where}") as open_source:
        from mfbench.hub.download import download as run

        opened = open_source(where, revision)
        with count_bar(f"files of {split}") as progress:
            done = run(split, opened, folder, progress=progress)
    manifest = done.manifest
    typer.echo(f"{manifest.name} {manifest.version}  data hash {manifest.data_hash[:12]}  in {done.folder}")
    typer.echo(f"{done.fetched} files fetched, {done.kept} were there")
    if folder != data_folder():
        typer.echo(f"give it as {done.folder}, or set MFBENCH_DATA={folder}")
    elif (first := find_split(split)).resolve() != done.folder.resolve():
        typer.echo(f"note: by the name '{split}', {first} is found first")
