"""``mfbench store``: what is in a store, whether it is sound, and its scores as a table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mfbench.errors import ProtocolError

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
    group.command()(export)
    app.add_typer(group, name="store")


def list_(to: _To = None) -> int:
    """Show every submission, and name every folder that cannot be read (exit code 2 then)."""
    console = Console()
    snapshot = _snapshot(to)
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for title in ("submission", "split", "K", "draws", "track", "trust", "filed"):
        table.add_column(title, overflow="fold", justify="right" if title == "draws" else "left")
    for s in snapshot.summaries.values():
        run = s.card.run
        ks = ",".join(map(str, sorted(run.ks)))
        table.add_row(
            s.id, run.split, ks, str(run.draws), s.card.track, snapshot.trust(s.id), s.filed_at[:10]
        )
    if snapshot.summaries:
        console.print(table)
    else:
        console.print(f"{snapshot.url} holds no submission yet: mfbench submit RUN --to {snapshot.url}")
    for broken in snapshot.broken:
        console.print(Text(f"broken  {broken.name}: {broken.reason}", style="red"))
    return 2 if snapshot.broken else 0


def verify(to: _To = None) -> int:
    """Recompute every submission from its files; exit code 2 if one does not hold."""
    from mfbench.store.audit import audit
    from mfbench.store.store import open_store
    from mfbench.work.progress import progress_bar

    store = open_store(to or _default())
    names = store.ids()
    faults = {}
    with progress_bar(len(names), title="submissions", show=sys.stderr.isatty()) as advance:
        for name, fault in audit(store):
            if fault:
                faults[name] = fault
            advance(failed=fault is not None)
    console = Console()
    for name, fault in faults.items():
        console.print(Text(f"broken  {name}: {fault}", style="red"))
    console.print(
        f"{len(names) - len(faults)} of {len(names)} submissions in {store.url} hold", highlight=False
    )
    return 2 if faults else 0


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


def _default() -> str:
    from mfbench.store.place import default_store

    return default_store()


def _snapshot(to: str | None):
    from mfbench.store.index import read_store
    from mfbench.store.store import open_store

    return read_store(open_store(to or _default()))
