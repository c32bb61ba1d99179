"""``python -m mfbench_tasks build RECIPE --structures DIR --out DIR [--resume]``,
``… pool RECIPE …`` with the same options and ``--blocks A,B``, ``… constructions RECIPE --out DIR``,
``… reaction RECIPE --out DIR``, ``… choose RECIPE …``, ``… download ID... --to DIR``, ``… card FOLDER``."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mfbench.errors import MfbenchError, ProtocolError, StructureError
from mfbench_tasks.build.build import build, process_pool
from mfbench_tasks.build.dask_cluster import dask_executor
from mfbench_tasks.card.write import write_card
from mfbench_tasks.constructions.choosing.families import blocks_yaml, choose, read_names
from mfbench_tasks.constructions.choosing.families_large import choose_large
from mfbench_tasks.constructions.write import write_constructions
from mfbench_tasks.families.cath import Protein
from mfbench_tasks.families.table import read_families, write_families
from mfbench_tasks.families.topology import TopologyFamily
from mfbench_tasks.pool.make_pool import make_pool
from mfbench_tasks.pool.recipe import load_pool_recipe
from mfbench_tasks.pool.rejections import audit_block
from mfbench_tasks.pool.report import write_block_report
from mfbench_tasks.recipes.recipe import load_recipe
from mfbench_tasks.structures.download import download


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


def _bar(console: Console, title: str = "fragments") -> Progress:
    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # Slots differ in cost by a factor of ten: the time left is judged by many of them.
    return Progress(*columns, console=console, speed_estimate_period=600)


def _executor(options: argparse.Namespace) -> AbstractContextManager[Executor]:
    return dask_executor(options.scheduler) if options.scheduler else process_pool(options.workers)


def _build(options: argparse.Namespace, console: Console) -> int:
    recipe = load_recipe(options.recipe)
    with _executor(options) as pool, _bar(console) as bar:
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
    with _executor(options) as pool, _bar(console) as bar:
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


def _audit(options: argparse.Namespace, console: Console) -> int:
    recipe = load_pool_recipe(options.recipe)
    with process_pool(options.workers) as pool:
        for block in recipe.blocks:
            if block.name in options.blocks.split(","):
                outcomes = audit_block(
                    recipe, block, structures=options.structures, pool=options.pool, executor=pool
                )
                write_block_report(options.report, block.name, outcomes, audited=True)
                console.print(f"{block.name}: {sum(len(o.rejections) for o in outcomes)} rejections")
    return 0


def _constructions(options: argparse.Namespace, console: Console) -> int:
    written = write_constructions(
        load_pool_recipe(options.recipe),
        tables=options.recipe.parent,
        pool=options.pool,
        out=options.out,
        minis=options.minis or options.out,
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
    with _executor(options) as pool, _bar(console, "scans and samplings") as bar:
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


def _choose_large(options: argparse.Namespace, console: Console) -> int:
    known = {TopologyFamily.named(row.family_id).topology: row.fold for row in read_families(options.known)}
    blocks, rows = choose_large(Path(options.structures), known, load_pool_recipe(options.recipe).seed)
    write_families(options.out, rows)
    print(blocks_yaml(blocks), end="")
    return 0


def _download(options: argparse.Namespace, console: Console) -> int:
    ids = list(options.ids)
    if options.recipe:
        groups = [group for block in load_pool_recipe(options.recipe).blocks for group in block.groups]
        ids += dict.fromkeys(Protein.named(group.id).pdb_id for group in groups if group.kind == "protein")
    if not ids:
        raise ProtocolError("name entries to download, or a recipe with --recipe")
    failed = 0
    with _bar(console, "entries") as bar:
        task = bar.add_task("entries", total=len(ids))
        for pdb_id in ids:
            try:
                path = download(pdb_id, options.to)
                if not options.recipe:
                    console.print(str(path))
            except StructureError as error:  # one that was withdrawn does not stop the others
                failed += 1
                print(f"error: {error}", file=sys.stderr)
            bar.advance(task)
    return 2 if failed else 0


def _card(options: argparse.Namespace, console: Console) -> int:
    beside = options.folder.resolve().parent
    larger = options.larger
    if larger is None:
        larger = [path for path in [beside / "recipes" / "million.yaml"] if path.is_file()]
    written = write_card(
        options.folder, reports=options.reports or beside / "reports", larger=larger, log=console.print
    )
    for path in written:
        console.print(str(path), soft_wrap=True)
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
    command = commands.add_parser("audit", help="report again what stored blocks rejected")
    command.add_argument("recipe", type=Path)
    _add_structures(command)
    command.add_argument("--pool", type=Path, required=True, help="folder of the blocks")
    command.add_argument("--report", type=Path, required=True, help="folder of the report")
    command.add_argument("--blocks", required=True, help="names, comma-separated")
    command.add_argument("--workers", type=_positive, default=os.cpu_count() or 1)
    command.set_defaults(run=_audit)
    command = commands.add_parser("constructions", help="write the splits whose blocks are all there")
    command.add_argument("recipe", type=Path)
    command.add_argument("--pool", type=Path, required=True, help="folder of the blocks")
    command.add_argument("--out", type=Path, required=True, help="folder of the splits and of their shards")
    command.add_argument("--minis", type=Path, help="folder of the minis (default: OUT)")
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
    command = commands.add_parser("choose-large", help="choose proteins of the whole PDB for a large pool")
    command.add_argument("recipe", type=Path, help="a pool's recipe (its seed)")
    command.add_argument("--known", type=Path, required=True, help="table of families whose folds stay")
    _add_structures(command)
    command.add_argument("--out", type=Path, required=True, help="table of families to write")
    command.set_defaults(run=_choose_large)
    command = commands.add_parser("card", help="write README.md and croissant.json of a folder of splits")
    command.add_argument("folder", type=Path, help="constructions, and the pool beside them")
    command.add_argument("--reports", type=Path, help="build reports (default: FOLDER/../reports)")
    command.add_argument(
        "--larger",
        type=Path,
        nargs="*",
        metavar="RECIPE",
        help="project the cost of these pools (default: FOLDER/../recipes/million.yaml)",
    )
    command.set_defaults(run=_card)
    command = commands.add_parser("download", help="fetch entries from the RCSB")
    command.add_argument("ids", nargs="*", metavar="ID", help="PDB id")
    command.add_argument("--recipe", type=Path, help="also every protein's entry of this pool")
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
    command.add_argument(
        "--workers", type=_positive, default=os.cpu_count() or 1, help="processes (default: one a core)"
    )
    command.add_argument(
        "--scheduler", metavar="ADDRESS", help="a Dask scheduler's workers instead, e.g. tcp://host:8786"
    )
    command.add_argument("--resume", action="store_true", help="keep what the journal holds")


if __name__ == "__main__":
    sys.exit(main())
