"""``python -m mfbench_tasks build RECIPE --structures DIR --out DIR [--workers N] [--resume]``, and
``python -m mfbench_tasks download ID... --to DIR``."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mfbench.errors import MfbenchError
from mfbench_tasks.build import build, process_pool
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


def _build(options: argparse.Namespace, console: Console) -> int:
    recipe = load_recipe(options.recipe)
    columns = (
        TextColumn("fragments"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with process_pool(options.workers) as pool, Progress(*columns, console=console) as bar:
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
    command.add_argument("recipe", type=Path)
    command.add_argument(
        "--structures",
        type=Path,
        default=os.environ.get("MFBENCH_STRUCTURES"),
        required="MFBENCH_STRUCTURES" not in os.environ,
        help="folder of entries and their tables (default: $MFBENCH_STRUCTURES)",
    )
    command.add_argument("--out", type=Path, required=True, help="folder of the split")
    command.add_argument("--report", type=Path, help="folder of the report (default: OUT.report)")
    command.add_argument("--journal", type=Path, help="folder of the journal (default: OUT.journal)")
    command.add_argument("--workers", type=_positive, default=os.cpu_count() or 1)
    command.add_argument("--resume", action="store_true", help="keep what the journal holds")
    command.set_defaults(run=_build)
    command = commands.add_parser("download", help="fetch entries from the RCSB")
    command.add_argument("ids", nargs="+", metavar="ID", help="PDB id")
    command.add_argument("--to", type=Path, required=True, help="folder; what is there stays")
    command.set_defaults(run=_download)
    return parser


if __name__ == "__main__":
    sys.exit(main())
