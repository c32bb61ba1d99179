"""``mfbench leaderboard``."""

from __future__ import annotations

from typing import Annotated

import typer

from mfbench.cli.extras import extra

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(leaderboard)


def leaderboard(
    store: Annotated[
        str | None,
        typer.Option(
            metavar="STORE", help="Folder or URL. (default: $MFBENCH_STORE, or a checkout's own store)"
        ),
    ] = None,
    port: Annotated[int, typer.Option(metavar="P", help="Where the app listens, on this machine.")] = 8501,
) -> int:
    """Show a store in the browser: leaderboard, methods, families, and a page to submit on."""
    from mfbench.store.open import store_to_read

    with extra("leaderboard", "mfbench_leaderboard.launch:launch", "mfbench leaderboard") as launch:
        url = store_to_read(store).url  # a store that cannot be opened is an error here, not a page
        code: int = launch(url, port)
        return code
