"""``mfbench data verify``."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from mfbench.cli.extras import label_extra
from mfbench.cli.options import SplitName

__all__ = ["register"]


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(verify)


def verify(
    split: SplitName,
    relabel: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Also label N again, at every level that is installed."),
    ] = 0,
    seed: Annotated[int, typer.Option(metavar="N", help="Which ones --relabel draws.")] = 0,
) -> None:
    """Check what a split promises: hashes, roles, folds, near-twins, units. Exit code 2 if one fails."""
    from mfbench.audit.checks import verify_split
    from mfbench.errors import DataError

    if relabel:
        with label_extra("mfbench_tasks.labelling.relabel:relabel", "--relabel") as engine:
            checks = verify_split(split, relabel=partial(engine, seed=seed), count=relabel)
    else:
        checks = verify_split(split)
    width = max(14, *(len(check.name) + 2 for check in checks))
    for check in checks:
        typer.echo(f"{'ok' if check.passed else 'FAIL':<6}{check.name:<{width}}{check.finding}")
    failed = [check.name for check in checks if not check.passed]
    if failed:
        raise DataError(f"{split} fails {len(failed)} of {len(checks)} checks: {', '.join(failed)}")
    typer.echo(f"{split} is sound: it passes {len(checks)} checks")
