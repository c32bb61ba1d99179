"""``mfbench submit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from mfbench.errors import ProtocolError

if TYPE_CHECKING:
    from mfbench.submission import Checked

__all__ = ["print_checked", "register"]

HELP = """File a method on a leaderboard, in three steps: draft, check, file.

mfbench submit RUN --draft DIR writes the card and the predictions of a run into DIR. Say in \
DIR/submission.yaml what your method does. mfbench submit DIR --check recomputes every score and says what \
would be refused. mfbench submit DIR --to STORE files it, for good: a store is a folder or any fsspec URL; \
hf://datasets/OWNER/NAME opens a pull request.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=HELP)(submit)


def submit(
    source: Annotated[
        Path, typer.Argument(metavar="RUN|DIR", help="Folder of a run, or of a drafted submission.")
    ],
    draft: Annotated[
        Path | None,
        typer.Option("--draft", metavar="DIR", help="Write the drafted submission of RUN here."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", "--dry-run", help="Check and score, but file nothing.")
    ] = False,
    to: Annotated[
        str | None, typer.Option(metavar="STORE", help="Folder or URL. (default: $MFBENCH_STORE)")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="Checkpoint to deposit, for fresh tests. (default: the one the run used)"
        ),
    ] = None,
    track: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="With --draft: closed-form, if the method takes no gradient step. (default: the run's)",
        ),
    ] = None,
    description: Annotated[
        str, typer.Option(metavar="TEXT", help="With --draft: what the method does, for readers.")
    ] = "",
) -> int:
    """One of the three steps; returns the exit code."""
    from mfbench.store.filing import file_submission
    from mfbench.store.open import open_store, store_to_write
    from mfbench.submission import check_run, draft_submission
    from mfbench.submission.check import check_described
    from mfbench.submission.track import closed_form_advice

    if draft is not None and (check or to):
        raise ProtocolError("--draft, --check and --to are three steps: give one of them")
    if draft is None and (track or description):
        raise ProtocolError(
            "--track and --description are of --draft: change them in submission.yaml later"
        )
    console = Console()
    if draft is not None:
        checked = draft_submission(source, draft, weights=weights, track=track, description=description)
        print_checked(checked, console)
        _say(console, "drafted  ", draft)
        if track is None and (advice := closed_form_advice(checked.card)):
            _say(console, "track    ", f"{checked.card.track}; {advice}")
        if not checked.card.description:
            _say(console, "next     ", f"describe your method in {draft / 'submission.yaml'}")
        _say(console, "then     ", f"mfbench submit {draft} --check, and mfbench submit {draft} --to STORE")
        return 0
    place = None if check else store_to_write(to)
    checked = check_run(source, weights=weights)
    print_checked(checked, console)
    checked.raise_refusals()
    check_described(checked.card)
    if place is None:
        _say(console, "checked  ", "it can be filed; nothing was filed")
        return 0
    store = open_store(place)
    name, message = file_submission(store, checked)
    console.print(f"filed    {name}", soft_wrap=True, highlight=False, style="bold")
    _say(console, "store    ", f"{store.url}{f'  ({message})' if message else ''}")
    return 0


def _say(console: Console, what: str, text: object) -> None:
    console.print(Text(f"{what}{text}"), soft_wrap=True)


def print_checked(checked: Checked, console: Console) -> None:
    """The recomputed headline of a submission, and what was found."""
    from mfbench.reporting.run_table import QUANTITIES

    run = checked.card.run
    text = Text(checked.card.method, style="bold")
    text.append(
        f" on {run.split}   {len(checked.reference.episodes)} episodes, recomputed from the predictions",
        style="dim",
    )
    console.print(text)
    for k in checked.results.ks:
        found = [(checked.results.find(metric, k), title, unit) for metric, title, unit in QUANTITIES]
        cells = [f"{title} {row.value:.2f} {unit}" for row, title, unit in found if row]
        console.print(f"  K = {k:<4d}" + "   ".join(cells), highlight=False, soft_wrap=True)
    for finding in checked.findings:
        style = "red" if finding.refuses else "yellow"
        console.print(Text(f"{finding.kind}: {finding.message}", style=style), soft_wrap=True)
