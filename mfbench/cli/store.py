"""``mfbench store``: what is in a store, whether it is sound, and its scores as a table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mfbench.cli.options import parse_numbers
from mfbench.cli.wide_table import print_wide
from mfbench.errors import ProtocolError

if TYPE_CHECKING:
    from mfbench.store.index import Snapshot
    from mfbench.store.store import Store

__all__ = ["register"]

_To = Annotated[
    str | None,
    typer.Option(
        "--to", metavar="STORE", help="Folder or URL. (default: $MFBENCH_STORE, or a checkout's own store)"
    ),
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Look at a store of submissions.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(verify)
    group.command()(compact)
    group.command()(export)
    app.add_typer(group, name="store")


def list_(to: _To = None) -> int:
    """Show every submission, and name every folder that cannot be read (exit code 2 then)."""
    console = Console()
    snapshot = _snapshot(to)
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for title in ("submission", "split", "K", "draws", "track", "trust", "filed"):
        table.add_column(title, no_wrap=True, justify="right" if title == "draws" else "left")
    for s in snapshot.summaries.values():
        run = s.card.run
        ks = ",".join(map(str, sorted(run.ks)))
        table.add_row(
            s.id, run.split, ks, str(run.draws), s.card.track, snapshot.trust(s.id), s.filed_at[:10]
        )
    if snapshot.summaries:
        print_wide(console, table)
    else:
        console.print(f"{snapshot.url} holds no submission yet: mfbench submit RUN --to {snapshot.url}")
    for broken in snapshot.broken:
        console.print(Text(f"broken  {broken.name}: {broken.reason}", style="red"))
    return 2 if snapshot.broken else 0


def verify(
    to: _To = None,
    rerun: Annotated[
        str | None,
        typer.Option(metavar="ROW", help="Run this submission's method again and compare its errors."),
    ] = None,
    k: Annotated[
        str | None,
        typer.Option("--k", metavar="K,K,...", help="With --rerun: support sizes. (default: all)"),
    ] = None,
    draws: Annotated[
        int | None, typer.Option(metavar="N", help="With --rerun: support sets per K. (default: all)")
    ] = None,
    families: Annotated[
        str | None, typer.Option(metavar="F,F,...", help="With --rerun: test families. (default: all)")
    ] = None,
) -> int:
    """Recompute every submission from its files, or run one again; exit code 2 if one does not hold."""
    from mfbench.store.open import store_to_read

    store = store_to_read(to)
    if rerun is None:
        if k or draws or families:
            raise ProtocolError("--k, --draws and --families go with --rerun ROW")
        return _recompute(store)
    return _run_again(store, rerun, parse_numbers(k), draws, families.split(",") if families else None)


def _recompute(store: Store) -> int:
    """Every submission's scores from its files."""
    from mfbench.store.audit import audit
    from mfbench.work.progress import progress_bar

    names = store.ids()
    faults = {}
    with progress_bar(len(names), of="submissions", show=sys.stderr.isatty()) as advance:
        for name, fault in audit(store):
            if fault:
                faults[name] = fault
            advance(failed=fault is not None)
    console = Console()
    for name, fault in faults.items():
        console.print(Text(f"broken  {name}: {fault}", style="red"), soft_wrap=True)
    console.print(
        f"{len(names) - len(faults)} of {len(names)} submissions in {store.url} hold",
        highlight=False,
        soft_wrap=True,
    )
    condensed = sum("errors.parquet" in store.files.list(f"submissions/{name}") for name in names)
    if condensed:
        console.print(
            f"{condensed} keep errors instead of predictions: 'mfbench store verify --rerun ROW' runs one "
            "again",
            highlight=False,
            soft_wrap=True,
        )
    return 2 if faults else 0


def _run_again(
    store: Store, text: str, ks: list[int] | None, draws: int | None, families: list[str] | None
) -> int:
    """One submission's method, run again."""
    from mfbench.store.rerun import rerun
    from mfbench.work.progress import count_bar

    name = store.find(text)
    checked, _, _ = store.recompute(name)
    known = checked.reference.families
    for family in families or ():
        if family not in known:
            raise ProtocolError(f"{name} has no test family '{family}': choose some of {', '.join(known)}")
    for k in ks or ():
        if k not in checked.card.run.ks:
            held = ", ".join(map(str, sorted(checked.card.run.ks)))
            raise ProtocolError(f"{name} has no K = {k}: choose some of {held}")
    with count_bar("episodes", show=sys.stderr.isatty()) as tick:
        found = rerun(store, name, checked, ks=ks, draws=draws, families=families, tick=tick)
    console = Console()
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("error", "K", "filed", "again", "again ÷ filed", "unit"):
        table.add_column(title, no_wrap=True, justify="left" if title in ("error", "unit") else "right")
    for row in found.rows:
        ratio = f"{row.again / row.kept:.4f}" if row.kept else "–"
        table.add_row(row.metric, str(row.k), f"{row.kept:.3f}", f"{row.again:.3f}", ratio, row.unit)
    print_wide(console, table)
    for k, value in found.apart.items():
        console.print(f"K = {k}: force errors are {value:.2%} of their size apart", highlight=False)
    for failure in found.failures:
        console.print(Text(failure, style="red"), soft_wrap=True)
    outcome = "reproduced" if found.reproduced else "NOT reproduced"
    console.print(
        f"{name}: {outcome} on {found.episodes} episodes", style="bold", highlight=False, soft_wrap=True
    )
    return 0 if found.reproduced else 2


def compact(
    submission: Annotated[
        str, typer.Argument(metavar="ROW", help="Id of a submission with predictions, or its beginning.")
    ],
    to: _To = None,
    into: Annotated[
        str | None, typer.Option(metavar="STORE", help="Where the compact row goes. (default: the same)")
    ] = None,
    weights_from: Annotated[
        str | None,
        typer.Option(metavar="ROW", help="Submission whose deposited weights it ran, if not its own."),
    ] = None,
) -> int:
    """File a row again with errors per configuration instead of predictions: a tenth of the size.

    Scores stay. Its trust level becomes *reproducible*: the method must be registered here, so that
    anybody can run it again. The row that it is made from stays where it is.
    """
    from mfbench.store.filing import file_submission
    from mfbench.store.open import open_store, store_to_read
    from mfbench.submission import compacted

    store = store_to_read(to)
    name = store.find(submission)
    checked, _, _ = store.recompute(name)
    if checked.compact:
        raise ProtocolError(f"{name} is compact already")
    other = store.find(weights_from) if weights_from else None
    made, message = file_submission(open_store(into or store.url), compacted(checked, name, other))
    print(f"filed    {made}{f'  ({message})' if message else ''}")
    return 0


def export(
    to: _To = None,
    format: Annotated[str, typer.Option(metavar="FORMAT", help="csv or parquet.")] = "csv",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write. (default: standard output)")
    ] = None,
) -> int:
    """Write all scores: one row per submission, split, K, query and metric."""
    from mfbench.store.export import flat_table
    from mfbench.work.files import written

    if format not in ("csv", "parquet"):
        raise ProtocolError(f"unknown format '{format}': choose csv or parquet")
    if format == "parquet" and out is None:
        raise ProtocolError("parquet needs --out FILE")
    snapshot = _snapshot(to)
    table = flat_table(snapshot)
    if out is None:
        table.to_csv(sys.stdout, index=False)
    else:
        with written(out) as temporary:
            table.to_parquet(temporary) if format == "parquet" else table.to_csv(temporary, index=False)
    for broken in snapshot.broken:
        print(f"left out {broken.name}: {broken.reason}", file=sys.stderr)
    return 0


def _snapshot(to: str | None) -> Snapshot:
    from mfbench.store.index import read_store
    from mfbench.store.open import store_to_read

    return read_store(store_to_read(to))
