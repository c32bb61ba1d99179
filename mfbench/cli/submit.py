"""``mfbench submit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

__all__ = ["print_checked", "register"]

HELP = """File a run on a leaderboard: check it, recompute every score from its predictions, store it.

RUN is a folder of 'mfbench evaluate'. What the board shows about your method is in RUN/submission.yaml, \
which is drafted at the first call: edit it and submit again. A store is a folder or any fsspec URL; \
hf://datasets/OWNER/NAME opens a pull request.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=HELP)(submit)


def submit(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.")],
    to: Annotated[
        str | None,
        typer.Option(
            metavar="STORE", help="Folder or URL. (default: $MFBENCH_STORE, or a checkout's own store)"
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and score, but file nothing.")] = False,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="Checkpoint to deposit, for fresh tests. (default: the one the run used)"
        ),
    ] = None,
) -> int:
    """Check and file; returns the exit code."""
    from mfbench.store.place import default_store
    from mfbench.store.store import open_store
    from mfbench.submission import check_run

    console = Console()
    drafted = not (run / "submission.yaml").exists()
    checked = check_run(run, weights=weights)
    print_checked(checked, console)
    checked.raise_refusals()
    if drafted:
        console.print(
            f"drafted  {run / 'submission.yaml'}: describe your method there",
            soft_wrap=True,
            highlight=False,
        )
    if dry_run:
        console.print("nothing was filed (--dry-run)")
        return 0
    store = open_store(to or default_store())
    name, said = store.submit(checked)
    console.print(f"filed    {name}", soft_wrap=True, highlight=False, style="bold")
    console.print(f"store    {store.url}{f'  ({said})' if said else ''}", soft_wrap=True, highlight=False)
    return 0


def print_checked(checked, console: Console) -> None:
    """The recomputed headline of a submission, and what was found."""
    from mfbench.reporting.run_table import QUANTITIES

    run = checked.card.run
    text = Text(checked.card.method, style="bold")
    text.append(
        f" on {run.split}   {len(checked.yardstick.episodes)} episodes, recomputed from the predictions", style="dim"
    )
    console.print(text)
    for k in checked.results.ks:
        found = [(checked.results.find(metric, k), title, unit) for metric, title, unit in QUANTITIES]
        cells = [f"{title} {row.value:.2f} {unit}" for row, title, unit in found if row]
        console.print(f"  K = {k:<4d}" + "   ".join(cells), highlight=False, soft_wrap=True)
    for finding in checked.findings:
        style = "red" if finding.refuses else "yellow"
        console.print(Text(f"{finding.kind}: {finding.message}", style=style), soft_wrap=True)
