"""A soak test of long work: commands killed at random moments, run twice, on a full disk, on a dead one.

python scripts/soak.py                           # 20 random moments per command, within ten minutes
python scripts/soak.py --minutes 60 --moments 200 --only build,train
python scripts/soak.py --shell 0.2               # a fifth of the processes started as a user does (slow)

The result must be equal to that of an undisturbed run, or the refusal one line; exit code 1 if not.
Writes results/soak.md and results/soak.json. Trials with a disk need the right to mount (root).
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("build", "label", "train", "evaluate", "submit", "board")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="begin no trial after so long")
    parser.add_argument("--moments", type=int, default=20, help="random moments per command (kill, Ctrl-C)")
    parser.add_argument("--others", type=int, default=3, help="trials of every other kind per command")
    parser.add_argument("--only", default="", help="commands, comma-separated")
    parser.add_argument("--shell", type=float, default=0.0, help="share of trials in fresh interpreters")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="keep other commands' trials of the record")
    parser.add_argument("--out", type=Path, default=ROOT / "results")
    options = parser.parse_args()
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    return soak(options)


def soak(options: argparse.Namespace) -> int:
    """Run trials round by round until the time is up; returns the exit code."""
    import numpy as np

    from mfbench.work.progress import progress_bar
    from soak_parts.commands import commands
    from soak_parts.inputs import make_inputs
    from soak_parts.preload import preload
    from soak_parts.record import minutes_of, read_trials, write_record
    from soak_parts.trials import WRONG, can_mount, reference_of, run_trial

    began = time.monotonic()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    names = [name for name in options.only.split(",") if name] or list(NAMES)
    if unknown := set(names) - set(NAMES):
        raise SystemExit(f"there is no command {min(unknown)}: choose some of {', '.join(NAMES)}")
    skipped = preload(names)
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory(prefix="mfbench-soak-inputs-") as folder:
        known = commands(make_inputs(Path(folder), set(names) - set(skipped)))
        chosen = [known[name] for name in names if name not in skipped]
        kinds = ["SIGKILL", "SIGINT"] * ((options.moments + 1) // 2) + ["twice"] * options.others
        if can_mount():
            kinds += ["disk-full"] * options.others + ["read-only"] * min(options.others, 1)
        else:
            skipped["disks"] = "a full disk and a read-only one need the right to mount"
        # Round by round, mixed: whenever the time is up, every command and kind has had its share.
        order = [kinds[i] for i in rng.permutation(len(kinds))]
        references = {}
        outcomes = read_trials(options.out, names) if options.keep else []
        with progress_bar(len(order) * len(chosen), of="trials") as advance:
            for kind in order:
                for command in chosen:
                    if time.monotonic() - began > 60 * options.minutes:
                        continue
                    # What else a process has loaded may change the last bits of a label: like with like.
                    forked = bool(rng.random() >= options.shell)
                    if (command.name, forked) not in references:
                        references[command.name, forked] = reference_of(command, forked=forked)
                    reference = references[command.name, forked]
                    outcome = run_trial(command, kind, reference, rng, forked=forked)
                    outcomes.append(outcome)
                    advance(failed=outcome.verdict == WRONG)
                    if outcome.verdict == WRONG:
                        print(
                            f"{outcome.command} {outcome.kind} at {outcome.at}: {outcome.detail}",
                            flush=True,
                        )
    minutes = (time.monotonic() - began) / 60 + (minutes_of(options.out) if options.keep else 0)
    reasons = list(skipped.values())
    command = shlex.join(["python", "scripts/soak.py", *sys.argv[1:]])
    write_record(outcomes, options.out, command=command, minutes=minutes, skipped=reasons)
    wrong = sum(outcome.verdict == WRONG for outcome in outcomes)
    print(f"{len(outcomes)} trials, {wrong} wrong: {options.out / 'soak.md'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
