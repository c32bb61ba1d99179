"""What the field worries about, measured; and how many labels a method is worth.

python scripts/limits.py run --split chemistry --checkpoints DIR --tuning FILE     # resumes
python scripts/limits.py run --only forgetting,coverage --split cath --checkpoints DIR
python scripts/limits.py table --only overfitting
python scripts/limits.py table --only size --records results/campaign/records

DIR holds METHOD/mace-METHOD.safetensors; without it the embedded checkpoints serve. FILE is
{"SPLIT/METHOD": {"chosen": {options}}}, or a folder of SPLIT~METHOD.json. Every finished measurement is one
file below --out, which is kept. label_factor trains from scratch on up to 5,000 labels: minutes each.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path

import mfbench
from mfbench.compare.record import read_records
from mfbench.errors import CheckpointError, MfbenchError
from mfbench_campaign.folders import CAMPAIGN
from mfbench_campaign.limits import size_transfer
from mfbench_campaign.limits.label_worth import measure as label_factor
from mfbench_campaign.limits.measured import Measurement, finish, read_measured
from mfbench_campaign.limits.questions import QUESTIONS
from mfbench_campaign.limits.setting import Setting, read_tuning

TABLES = (*QUESTIONS, "size")


def advance() -> None:
    """A dot per finished family, where somebody looks."""
    if sys.stderr.isatty():
        print(".", end="", file=sys.stderr, flush=True)


def asked(arguments: argparse.Namespace, setting: Setting) -> list[Measurement]:
    """Units of all measurements asked for; a method without a checkpoint is named and left out."""
    found = []
    for name in arguments.only.split(","):
        if name == "size":
            print("size is a table of records: nothing to run")
            continue
        methods = arguments.methods.split(",") if arguments.methods else QUESTIONS[name].methods
        for method in methods:
            try:
                found += QUESTIONS[name].measurements(setting, method, advance)
            except CheckpointError as error:
                print(f"not run: {name} {setting.split.name} {method}: {error}", flush=True)
    return found


def run(arguments: argparse.Namespace) -> int:
    """Measure what is not there yet; returns the exit code."""
    setting = Setting(
        split=mfbench.load_split(arguments.split),
        checkpoints=arguments.checkpoints,
        tuning=read_tuning(arguments.tuning),
        backend=arguments.backend,
    )
    failed = 0
    wanted = asked(arguments, setting)
    for number, measurement in enumerate(wanted, 1):
        name = str(measurement.identity.file.with_suffix(""))
        began = time.perf_counter()
        try:
            done = finish(measurement, arguments.out)
            what = f"{time.perf_counter() - began:.0f} s" if done else "kept"
        except MfbenchError as error:  # the other measurements do not depend on it
            failed, what = failed + 1, f"failed: {error}"
        except Exception:
            traceback.print_exc()
            failed, what = failed + 1, "failed, see above"
        print(f"[{number}/{len(wanted)}] {name}: {what}", flush=True)
    return 3 if failed else 0


def table(arguments: argparse.Namespace) -> int:
    """Print the tables; returns the exit code."""
    splits = arguments.split.split(",") if arguments.split else []
    for name in arguments.only.split(","):
        print(f"\n### {name}\n")
        if name == "size":
            records = read_records(arguments.records) if arguments.records.is_dir() else []
            print(size_transfer.table([r for r in records if not splits or r.split in splits]))
        elif name == "label_factor":
            found = read_measured(arguments.out, name, splits)
            print(label_factor.table(found, core_hours=arguments.core_hours_per_label))
        else:
            print(QUESTIONS[name].table(read_measured(arguments.out, name, splits)))
    return 0


def main() -> int:
    """The command ``limits.py``; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=["run", "table"])
    parser.add_argument("--only", default=",".join(TABLES), help="measurements, separated by commas")
    parser.add_argument("--split", default="", help="construction; in table: some, separated by commas")
    parser.add_argument("--checkpoints", type=Path)
    parser.add_argument("--tuning", type=Path)
    parser.add_argument("--methods", default="", help="instead of the default ones, separated by commas")
    parser.add_argument("--backend", default="jax", choices=["jax", "torch"])
    parser.add_argument("--out", type=Path, default=CAMPAIGN / "limits")
    parser.add_argument("--records", type=Path, default=CAMPAIGN / "records")
    parser.add_argument(
        "--core-hours-per-label",
        type=float,
        default=label_factor.ASSUMED_CORE_HOURS,
        help="assumed cost of one DFT label; nothing here measures it (default: %(default)s)",
    )
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.only.split(",") if name not in TABLES]:
        parser.error(f"unknown measurement '{unknown[0]}': choose from {', '.join(TABLES)}")
    if arguments.command == "run" and not arguments.split:
        parser.error("run needs --split")
    try:
        return (run if arguments.command == "run" else table)(arguments)
    except MfbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
