"""``mfbench label``: energies and forces of a file of structures, at any level of theory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mfbench.cli.extras import label_extra
from mfbench.errors import ProtocolError
from mfbench.work.own_code import look_here

__all__ = ["register"]

_REASONS = 3
"""Failures that the terminal shows."""

HELP = """Label a file of structures (extxyz, PDB of a small molecule, ASE database) at a level of theory.

The output is extxyz that ASE and mace-torch read: energy in eV, forces in eV/Å, charge, spin and level in \
every header. Finished labels are kept in OUT.journal until OUT is written: --resume goes on after an \
interruption. A structure that cannot be labelled says why in its header, the rest goes on, and the exit \
code is 3. Needs the extra "label", and what the level runs on.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=HELP)(label)


def label(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Structures: .xyz, .extxyz, .pdb, .db.")],
    level: Annotated[
        str,
        typer.Option(metavar="NAME", help="gfn2, gfn1, ipea1, pm7, …, wb97x-d, or module:Class of ASE."),
    ],
    out: Annotated[Path | None, typer.Option(metavar="OUT", help="extxyz file to write.")] = None,
    charge: Annotated[
        int | None,
        typer.Option(metavar="Q", help="Total charge of every structure. (default: the file's, or 0)"),
    ] = None,
    unpaired: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Unpaired electrons of every structure. (default: the file's n_unpaired, its spin or "
            "multiplicity less one, or its magnetic moments; or 0)",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after an interruption.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Time a few labels, print what all would cost, write nothing.")
    ] = False,
    workers: Annotated[int, typer.Option(metavar="N", min=1, help="Processes of one thread each.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler, e.g. tcp://host:8786.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> int:
    """Label; returns the exit code."""
    look_here()
    with (
        label_extra("mfbench_tasks.labelling.registry:find_level", "mfbench label") as find,
        label_extra("mfbench_tasks.labelling.read_structures:read_structures", "mfbench label") as read,
    ):
        found = find(level)
        structures = read(source, total_charge=charge, n_unpaired=unpaired)
    if dry_run:
        return _project(structures, found, workers)
    if out is None:
        raise ProtocolError("--out says where the labels go (or --dry-run what they would cost)")
    if out.exists() and not resume:
        raise ProtocolError(f"{out} is there already: choose another name, or --resume")
    if out.resolve() == source.resolve():
        raise ProtocolError("IN and OUT are the same file: choose another name")
    return _label(
        structures, found, out, resume, workers, scheduler, show=not quiet and sys.stderr.isatty()
    )


def _project(structures: list[Any], level: Any, workers: int) -> int:
    with label_extra("mfbench_tasks.labelling.projection:project", "mfbench label") as project:
        p = project(structures, level)
    more = workers * p.start_up  # the labels are made by processes of their own
    low, usual, high = (_time(seconds + more) for seconds in (p.bounds[0], p.core_seconds, p.bounds[1]))
    spread = f" ({low} to {high})" if low != high else ""
    each = f", {_time((p.core_seconds + more) / workers)} in each of {workers}" if workers > 1 else ""
    typer.echo(
        f"{p.structures} structures of {p.atoms[0]} to {p.atoms[1]} atoms at {level.name}: about {usual} "
        f"of CPU{spread}{each}\n"
        f"{p.timed} labels were timed: {_time(p.seconds[0])} for the smallest structure, "
        f"{_time(p.seconds[1])} for the largest; a process starts in {_time(p.start_up)}; a busy machine "
        "takes longer than its CPU time"
    )
    return 0


def _time(seconds: float) -> str:
    """With its unit, in two digits."""
    for unit, size in (("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= 2 * size or size == 1.0:
            return f"{float(f'{seconds / size:.2g}'):,g} {unit}"
    raise AssertionError(seconds)


def _label(
    structures: list[Any],
    level: Any,
    out: Path,
    resume: bool,
    workers: int,
    scheduler: str | None,
    show: bool,
) -> int:
    from contextlib import ExitStack

    from mfbench.cli.data.making.options import opened_executor
    from mfbench.work.progress import progress_bar

    out.parent.mkdir(parents=True, exist_ok=True)
    with (
        label_extra("mfbench_tasks.labelling.label_file:label_structures", "mfbench label") as run,
        ExitStack() as stack,
    ):
        executor = stack.enter_context(opened_executor(workers, scheduler))
        advance: list[Any] = []

        def begin(total: int, done: int) -> None:
            advance.append(stack.enter_context(progress_bar(total, done=done, show=show, of="structures")))

        done = run(
            structures,
            level,
            out,
            executor=executor,
            resume=resume,
            begin=begin,
            tick=lambda entry: advance[0](bool(entry.failure)),
        )
    typer.echo(
        f"{out}: {done.structures} structures at {level.name}, {done.made} labelled now, "
        f"{done.kept} before, {done.failed} failed; {done.core_seconds / 3600:.3g} core-hours"
    )
    for reason in done.reasons[:_REASONS]:
        typer.echo(f"failed  {reason}", err=True)
    if done.failed > _REASONS:
        typer.echo(f"... and {done.failed - _REASONS} more; label_failure in {out} says why", err=True)
    return 3 if done.failed else 0
