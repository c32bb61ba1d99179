"""``mfbench verify``: the fresh test."""

from __future__ import annotations

import hashlib
import secrets
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mfbench.cli.extras import label_extra
from mfbench.cli.options import parse_numbers
from mfbench.errors import ProtocolError

if TYPE_CHECKING:
    from mfbench.store.fresh_test.record import FreshTestRecord, Outside
    from mfbench.store.store import Store
    from mfbench.submission.checked import Checked

__all__ = ["register"]

_TITLES = {"force_rmse": "force", "energy_rmse_within": "within", "energy_rmse": "energy"}

HELP = """Test submissions' deposited weights on configurations that nobody has seen.

Families are sampled anew under a secret seed and labelled; the weights adapt to the published support \
sets and predict. With a folder of structures, the record also tells of fragments from entries that the \
split does not hold. The record goes into the store and onto the board: confirmed, refuted or undecided. \
Exit code 2 if a claim is refuted. Needs the extra "label" and the submission's backend.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=HELP)(verify)


def verify(
    submissions: Annotated[
        list[str],
        typer.Argument(
            metavar="SUBMISSION...",
            help="Its id, or the beginning of it. Several of one split share the labels.",
        ),
    ],
    fresh: Annotated[bool, typer.Option("--fresh", help="Sample and label fresh configurations.")] = False,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="STORE", help="Folder or URL. (default: $MFBENCH_STORE, or a checkout's own store)"
        ),
    ] = None,
    k: Annotated[
        str | None,
        typer.Option("--k", metavar="K,K,...", help="Support sizes. (default: the submission's)"),
    ] = None,
    draws: Annotated[int, typer.Option(metavar="N", help="Published support sets per family and K.")] = 1,
    families: Annotated[
        str | None, typer.Option(metavar="F,F,...", help="Test families. (default: all)")
    ] = None,
    fragments: Annotated[
        int | None, typer.Option(metavar="N", help="Fragments per family, drawn at random. (default: all)")
    ] = None,
    configurations: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Fresh configurations per fragment, 2 or more. (default: as many as published)",
        ),
    ] = None,
    secret: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Text that seeds the sampling. (default: random, thrown away)"),
    ] = None,
    structures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            envvar="MFBENCH_STRUCTURES",
            help="Entries: cut as many fragments again from those that the split does not hold.",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(metavar="N", help="Processes that sample.")] = 1,
) -> int:
    """Run the fresh test; returns the exit code."""
    from mfbench.store.fresh_test.record import Verdict
    from mfbench.store.fresh_test.run import fresh_test
    from mfbench.store.open import store_to_read

    if not fresh:
        raise ProtocolError("say --fresh; 'mfbench store verify' recomputes a store from its predictions")
    if fragments is not None and fragments < 2:
        raise ProtocolError("--fragments 1 leaves no interval over fragments: choose 2 or more")
    if configurations is not None and configurations < 2:
        raise ProtocolError("one configuration per fragment has no energy within it: choose 2 or more")
    store = store_to_read(to)
    tested = {name: store.recompute(name)[0] for name in map(store.find, submissions)}
    first = next(iter(tested.values()))
    split, ks = first.reference.split, parse_numbers(k)
    names = families.split(",") if families else first.reference.families
    for name, checked in tested.items():
        run = checked.card.run
        if (run.data_hash, run.level) != (first.card.run.data_hash, first.card.run.level):
            raise ProtocolError(f"{name} is of another split or level: verify it by itself")
        _chosen(ks or [], run.ks, "K")
        _chosen(names, checked.reference.families, "test family")
    text = secret.read_text(encoding="utf-8").strip() if secret else secrets.token_hex(32)
    if len(text) < 16:
        raise ProtocolError(
            f"{secret} holds {len(text)} characters: a secret that nobody guesses has 16 or more"
        )
    tested = {name: _with_weights(store, checked) for name, checked in tested.items()}
    digest = hashlib.sha256(text.encode())
    seed = int.from_bytes(hashlib.sha256(b"seed:" + text.encode()).digest()[:8], "big") >> 1
    with (
        label_extra("mfbench_tasks.fresh.configurations:resample", "mfbench verify --fresh") as resample,
        _bar() as tick,
    ):
        found = resample(
            split,
            names,
            seed,
            fragments=fragments,
            configurations=configurations,
            workers=workers,
            tick=tick,
        )
    outside = {}
    if structures and "plan" not in split.manifest.recipe:
        print(f"{split.name} is not cut from proteins itself: no fragments outside of it", file=sys.stderr)
    elif structures:
        with (
            label_extra("mfbench_tasks.fresh.fragments:cut_outside", "mfbench verify --fresh") as cut,
            _bar() as tick,
        ):
            outside = cut(split, names, structures, seed, fragments=fragments, workers=workers, tick=tick)
    refuted = False
    for name, checked in tested.items():
        run = checked.card.run
        record = fresh_test(
            name,
            checked,
            found,
            ks=ks or sorted(run.ks),
            draws=min(draws, run.draws),
            seed_commitment=digest.hexdigest(),
            outside=outside,
        )
        path = store.add_record(record)
        _print(record, Console())
        print(f"record  {store.url}/{path}")
        refuted |= record.verdict == Verdict.REFUTED
    return 2 if refuted else 0


def _with_weights(store: Store, checked: Checked) -> Checked:
    """A submission with the weights that it ran; what cannot run is said before anything is labelled."""
    from mfbench.store.deposited import deposited_method
    from mfbench.store.rerun import weights_of

    checked = replace(checked, weights=weights_of(store, checked))
    with tempfile.TemporaryDirectory() as folder:
        deposited_method(checked.card, checked.reference.split, checked.weights, Path(folder))
    return checked


def _chosen(wanted: Sequence[Any], known: Sequence[Any], what: str) -> None:
    for item in wanted:
        if item not in known:
            raise ProtocolError(
                f"the submission has no {what} {item}: choose some of {', '.join(map(str, known))}"
            )


def _bar() -> AbstractContextManager[Callable[[int, int], None]]:
    """A bar over fragments on stderr."""
    from mfbench.work.progress import count_bar

    return count_bar("fragments", show=sys.stderr.isatty())


def _print(record: FreshTestRecord, console: Console) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("error", "K", "claimed", "fresh", "ratio", "typical", "verdict"):
        table.add_column(title, justify="left" if title in ("error", "verdict") else "right")
    for c in record.comparisons:
        ratios = ((c.ratio, c.ratio_ci95), (c.typical, c.typical_ci95))
        shown = (f"{value:.2f} [{lo:.2f}, {hi:.2f}]" for value, (lo, hi) in ratios)
        table.add_row(_TITLES[c.metric], str(c.k), f"{c.claimed:.2f}", f"{c.fresh:.2f}", *shown, c.verdict)
    console.print(table)
    console.print(
        "kcal/mol and kcal/mol/Å; ratio: fresh ÷ claimed; typical: the same for a typical fragment",
        highlight=False,
        style="dim",
    )
    console.print(
        f"{record.submission}: {record.verdict} on {record.configurations} fresh configurations of "
        f"{record.fragments} fragments in {len(record.families)} families",
        style="bold",
        highlight=False,
    )
    if record.outside:
        _print_outside(record.outside, console)


def _print_outside(outside: Outside, console: Console) -> None:
    console.print(
        f"and on {outside.configurations} of {outside.fragments} fragments from {len(outside.entries)} "
        f"entries outside of the split, in {len(outside.families)} families; "
        "fresh ÷ claimed on held-out fragments:",
        highlight=False,
    )
    for c in outside.comparisons:
        lo, hi = c.ratio_ci95
        interval = f" [{lo:.2f}, {hi:.2f}]" if lo is not None and hi is not None else ""
        console.print(f"  {_TITLES[c.metric]:<8}K = {c.k:<4}{c.ratio:.2f}{interval}", highlight=False)
