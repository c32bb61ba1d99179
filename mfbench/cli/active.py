"""``mfbench active``: label where it teaches most."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.text import Text

from mfbench.cli.extras import extra, label_extra
from mfbench.data.configuration import Configuration
from mfbench.errors import ProtocolError
from mfbench.work.own_code import look_here

if TYPE_CHECKING:  # a backend's packages, which the core does without
    from mfbench.own.active import ActiveSettings, ExploreSettings

__all__ = ["register"]

HELP = """Choose configurations of a pool, label them, adapt, and choose again, until the budget is spent.

POOL: structures that ASE reads, in Å. LEVEL: as for mfbench label. DIR holds the model, labelled.xyz and \
active.json with the error before each batch was learned from. A killed loop goes on with --resume and \
labels nothing twice. Needs the extra "label", and what the level runs on.

With --explore POOL is where dynamics starts: it runs with the current model from every structure, stops \
where the spread of forces exceeds --threshold or the molecule breaks, and labels there, until the budget \
is spent or no trajectory is unsure.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=HELP)(active)


def active(
    source: Annotated[Path, typer.Argument(metavar="POOL", help="Structures to choose from.")],
    level: Annotated[str, typer.Option(metavar="NAME", help="Level of theory, e.g. gfn2, wb97x-d.")],
    budget: Annotated[int, typer.Option(metavar="N", help="Labels in all.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of model, labels and record.")],
    start: Annotated[
        str, typer.Option(metavar="NAME", help="SPLIT/METHOD, a .safetensors checkpoint, or scratch.")
    ] = "pretrain",
    batch: Annotated[
        int | None, typer.Option(metavar="N", help="Labels per round of a pool; default 10.")
    ] = None,
    selector: Annotated[
        str | None, typer.Option(help="Of a pool: uncertainty (default), farthest or random.")
    ] = None,
    threshold: Annotated[
        float, typer.Option(metavar="T", help="Spread of a force component that counts as sure, eV/Å.")
    ] = 0.0,
    explore: Annotated[bool, typer.Option("--explore", help="Find what to label by dynamics.")] = False,
    ps: Annotated[
        float | None, typer.Option(metavar="N", help="Length of a trajectory of --explore; default 2.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(metavar="K", help="Temperature of --explore; default 300 K.")
    ] = None,
    steps: Annotated[int, typer.Option(metavar="N", help="Gradient steps of each adaptation.")] = 300,
    seed: Annotated[int, typer.Option(metavar="N")] = 0,
    charge: Annotated[int | None, typer.Option(metavar="Q", help="Of every structure.")] = None,
    unpaired: Annotated[int | None, typer.Option(metavar="N", help="Unpaired electrons.")] = None,
    backend: Annotated[str, typer.Option(help="jax or torch.")] = "jax",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a killed loop stopped.")] = False,
    workers: Annotated[int, typer.Option(metavar="N", min=1, help="Processes that label.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler, e.g. tcp://host:8786.")
    ] = None,
) -> int:
    """Run the loop; returns the exit code."""
    look_here()
    with extra("own", "mfbench.own.active:run_active", "mfbench active"):
        from mfbench.own.active import (
            ExploreSettings,
            read_finished,
            request_of,
            run_active,
            run_explore,
            write_rounds,
        )
        from mfbench.own.committee import Committee
        from mfbench.own.model import AdaptedModel
        from mfbench.own.starts import find_start
        from mfbench.protocol.cost import code_version, hardware
        from mfbench.protocol.loading import load_engine
        from mfbench.work.journal import discard_journal, open_journal
        from mfbench.work.open_executor import open_executor

        of_pool = {"batch": batch, "strategy": selector}
        of_dynamics = {"ps": ps, "temperature_K": temperature}
        settings = _settings(explore, of_pool, of_dynamics, budget, threshold, seed, steps)
        with (
            label_extra(
                "mfbench_tasks.labelling.read_structures:read_structures", "mfbench active"
            ) as read,
            label_extra("mfbench_tasks.labelling.registry:find_level", "mfbench active") as find,
            label_extra("mfbench_tasks.labelling.label_file:label_by_name", "mfbench active") as label_one,
            label_extra("mfbench_tasks.labelling.write_labels:write_labelled", "mfbench active") as write,
            label_extra("mfbench_tasks.labelling.entry:Entry", "mfbench active") as entry,
        ):
            pool = read(source, total_charge=charge, n_unpaired=unpaired)
            found_level = find(level)
        origin = find_start(start, pool)
        engine = load_engine(backend).sized_for(pool, origin.config)
        console = Console(stderr=True)
        request = request_of(pool, origin.name, found_level.name, settings)
        if record := read_finished(out, request, resume=resume):
            discard_journal(out / "journal")
            print(f"{record['labels']} labels ({record['reason']}); it was finished; model  {out}")
            return 3 if record["failures"] else 0
        with (
            open_journal(out / "journal", request, resume=resume, suffix=".json") as journal,
            open_executor(workers, scheduler, here=False) as executor,
        ):

            def label(
                asked: Sequence[Configuration],
            ) -> Iterator[tuple[float | None, np.ndarray | None, str]]:
                made: dict[int, Any] = dict(executor.run(partial(label_one, found_level.name), list(asked)))
                for i in range(len(asked)):
                    yield made[i].energy, made[i].forces, made[i].failure

            def tick(text: str) -> None:
                console.print(Text(text, style="dim"), soft_wrap=True)

            if isinstance(settings, ExploreSettings):
                result = run_explore(pool, label, origin, engine, settings, journal, tick=tick)
            else:
                result = run_active(pool, label, origin, engine, settings, journal, tick=tick)
            card = {
                "schema": 1,
                "start": origin.name,
                "level": found_level.name,
                "selector": "explore" if explore else selector or "uncertainty",
                "backend": backend,
                "seed": seed,
                "n_support": len(result.labelled),
                "charges": sorted({c.total_charge for c in result.labelled}),
                "code_version": code_version(),
                "hardware": hardware(),
            }
            AdaptedModel(Committee(result.members), None, card, engine).save(out)
            labels = {c.config_id: entry(c.config_id, c.energy, c.forces) for c in result.labelled}
            write(out / "labelled.xyz", result.labelled, labels, found_level)
            write_rounds(result, request, out)
        discard_journal(out / "journal")
        for r in result.rounds:
            error = "" if r.force_rmse is None else f", forces off by {r.force_rmse:.2f} kcal/mol/Å before"
            more = f"{r.whole} trajectories sure" if explore else f"{len(r.asked)} more"
            print(f"{r.labels:4d} labels, {more}{error}")
        print(f"{len(result.labelled)} labels ({result.reason}); model  {out}")
        if result.failures:
            print(f"{len(result.failures)} failed: {json.dumps(result.failures)[:200]}", file=sys.stderr)
        return 3 if result.failures else 0


def _settings(
    explore: bool,
    of_pool: dict[str, Any],
    of_dynamics: dict[str, Any],
    budget: int,
    threshold: float,
    seed: int,
    steps: int,
) -> ActiveSettings | ExploreSettings:
    """What was asked for, where it fits together."""
    given, other = (of_dynamics, of_pool) if explore else (of_pool, of_dynamics)
    if any(value is not None for value in other.values()):
        raise ProtocolError(
            "--batch and --selector are of a pool, --ps and --temperature of --explore: give one kind"
        )
    options = {k: v for k, v in given.items() if v is not None}
    from mfbench.own.active import ActiveSettings, ExploreSettings

    kind = ExploreSettings if explore else ActiveSettings
    return kind(budget=budget, threshold=threshold, seed=seed, steps=steps, **options)
