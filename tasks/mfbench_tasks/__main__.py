"""``python -m mfbench_tasks build RECIPE --structures DIR --out DIR [--workers N] [--resume]``,
``… pool RECIPE …`` with the same options and ``--blocks A,B``, ``… constructions RECIPE --out DIR``,
``… reaction RECIPE --out DIR``, ``… choose RECIPE …``, and ``… download ID... --to DIR``."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mfbench.errors import MfbenchError
from mfbench_tasks.build import build, process_pool
from mfbench_tasks.choose import blocks_yaml, choose, read_names
from mfbench_tasks.constructions import write_constructions
from mfbench_tasks.family_table import write_families
from mfbench_tasks.pool import make_pool
from mfbench_tasks.pool_recipe import load_pool_recipe
from mfbench_tasks.rcsb import download
from mfbench_tasks.recipe import load_recipe


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0 done, 2 the caller's mistake (one line on stderr), 130 interrupted, 1 our own fault.
    """
    options = _parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        return options.run(options, console)
    except (MfbenchError, OSError) as error:
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        return 2
    except BrokenProcessPool:
        print("error: a worker died (out of memory?): continue with --resume", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: continue with --resume", file=sys.stderr)
        return 130


def _bar(console: Console, what: str = "fragments") -> Progress:
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # Slots differ in cost by a factor of ten: the time left is judged by many of them.
    return Progress(*columns, console=console, speed_estimate_period=600)


def _build(options: argparse.Namespace, console: Console) -> int:
    recipe = load_recipe(options.recipe)
    with process_pool(options.workers) as pool, _bar(console) as bar:
        task = bar.add_task("fragments", total=None)
        manifest = build(
            recipe,
            structures=options.structures,
            out=options.out,
            report=options.report or _beside(options.out, "report"),
            journal=options.journal or _beside(options.out, "journal"),
            executor=pool,
            resume=options.resume,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    console.print(f"{options.out}: {manifest['counts']}")
    return 0


def _pool(options: argparse.Namespace, console: Console) -> int:
    recipe = load_pool_recipe(options.recipe)
    with process_pool(options.workers) as pool, _bar(console) as bar:
        task = bar.add_task("fragments", total=None)
        make_pool(
            recipe,
            structures=options.structures,
            out=options.out,
            report=options.report or _beside(options.out, "report"),
            journal=options.journal or _beside(options.out, "journal"),
            executor=pool,
            resume=options.resume,
            only=[name for name in options.blocks.split(",") if name],
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            finished=lambda block: console.print(f"{datetime.now():%H:%M:%S} block {block} is written"),
        )
    return 0


def _constructions(options: argparse.Namespace, console: Console) -> int:
    written = write_constructions(
        load_pool_recipe(options.recipe),
        tables=options.recipe.parent,
        pool=options.pool or options.out / "pool",
        out=options.out,
        report=options.report or _beside(options.out, "report"),
        partial=options.partial,
        log=console.print,
    )
    return 0 if written else 2


def _reaction(options: argparse.Namespace, console: Console) -> int:
    try:
        from mfbench_tasks.reaction.build import build_reactions
        from mfbench_tasks.reaction.settings import load_reaction_recipe
    except ImportError as error:
        raise MfbenchError(f"{error}: pip install 'mfbench[label]'") from None
    recipe = load_reaction_recipe(options.recipe)
    report = options.report or _beside(options.out, "report")
    with process_pool(options.workers) as pool, _bar(console, "scans and samplings") as bar:
        task = bar.add_task("systems", total=None)
        manifest = build_reactions(
            recipe,
            out=options.out,
            report=report,
            figure=options.figure or report / "profiles.png",
            journal=options.journal or _beside(options.out, "journal"),
            executor=pool,
            resume=options.resume,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    console.print(f"{options.out}: {manifest['counts']}")
    return 0


def _choose(options: argparse.Namespace, console: Console) -> int:
    choice = choose(
        Path(options.structures),
        load_pool_recipe(options.recipe),
        load_recipe(options.mini),
        read_names(options.names) if options.names else {},
        console.print,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    write_families(options.out / "cath.tsv", choice.cath)
    write_families(options.out / "cluster30.tsv", choice.cluster30)
    print(blocks_yaml(choice.blocks), end="")
    return 0


def _download(options: argparse.Namespace, console: Console) -> int:
    for pdb_id in options.ids:
        console.print(str(download(pdb_id, options.to)))
    return 0


def _beside(out: Path, what: str) -> Path:
    return out.with_name(f"{out.name}.{what}")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of workers")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mfbench_tasks", description="Make labelled splits.")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("build", help="build a split from a recipe and structures")
    _add_making(command, "the split")
    command.set_defaults(run=_build)
    command = commands.add_parser("pool", help="make the missing blocks of a pool of labels")
    _add_making(command, "the pool")
    command.add_argument("--blocks", default="", help="names, comma-separated (default: all)")
    command.set_defaults(run=_pool)
    command = commands.add_parser("constructions", help="write the splits whose blocks are all there")
    command.add_argument("recipe", type=Path)
    command.add_argument("--pool", type=Path, help="folder of the blocks (default: OUT/pool)")
    command.add_argument("--out", type=Path, required=True, help="folder of the splits' folders")
    command.add_argument("--report", type=Path, help="folder of the reports (default: OUT.report)")
    command.add_argument("--partial", action="store_true", help="families whose blocks are there")
    command.set_defaults(run=_constructions)
    command = commands.add_parser("reaction", help="scan, sample and label enzyme reactions")
    _add_making(command, "the split", structures=False)
    command.add_argument("--figure", type=Path, help="the profiles (default: REPORT/profiles.png)")
    command.set_defaults(run=_reaction)
    command = commands.add_parser("choose", help="choose families; print the blocks that they need")
    command.add_argument("recipe", type=Path, help="a pool's recipe (its plan)")
    command.add_argument("--mini", type=Path, required=True, help="recipe of the split to extend")
    command.add_argument("--names", type=Path, help="CATH's list of names, for titles")
    _add_structures(command)
    command.add_argument("--out", type=Path, required=True, help="folder of the tables")
    command.set_defaults(run=_choose)
    command = commands.add_parser("download", help="fetch entries from the RCSB")
    command.add_argument("ids", nargs="+", metavar="ID", help="PDB id")
    command.add_argument("--to", type=Path, required=True, help="folder; what is there stays")
    command.set_defaults(run=_download)
    return parser


def _add_structures(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--structures",
        type=Path,
        default=os.environ.get("MFBENCH_STRUCTURES"),
        required="MFBENCH_STRUCTURES" not in os.environ,
        help="folder of entries and their tables (default: $MFBENCH_STRUCTURES)",
    )


def _add_making(command: argparse.ArgumentParser, what: str, *, structures: bool = True) -> None:
    command.add_argument("recipe", type=Path)
    if structures:
        _add_structures(command)
    command.add_argument("--out", type=Path, required=True, help=f"folder of {what}")
    command.add_argument("--report", type=Path, help="folder of the report (default: OUT.report)")
    command.add_argument("--journal", type=Path, help="folder of the journal (default: OUT.journal)")
    command.add_argument("--workers", type=_positive, default=os.cpu_count() or 1)
    command.add_argument("--resume", action="store_true", help="keep what the journal holds")


if __name__ == "__main__":
    sys.exit(main())
