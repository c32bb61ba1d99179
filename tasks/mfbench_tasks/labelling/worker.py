"""One process of a labelling run: ``python -m mfbench_tasks.labelling.worker``.

Start as many as there are cores to spare, on the same journal; each takes what no other has.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mfbench.data.parquet import read_configurations, sha256
from mfbench.errors import MfbenchError
from mfbench.work.journal import open_journal
from mfbench_tasks.labelling.entry import SUFFIX, Entry, decode_entry
from mfbench_tasks.labelling.registry import find_level
from mfbench_tasks.labelling.run_queue import level_request, run_queue

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Label a Parquet file of configurations in its order; returns the exit code."""
    parser = argparse.ArgumentParser(prog="mfbench_tasks.labelling.worker", description=__doc__)
    parser.add_argument("--level", required=True, help="name of a level")
    parser.add_argument("--configurations", required=True, type=Path, help="Parquet file, the queue")
    parser.add_argument("--journal", required=True, type=Path, help="folder, shared by all workers")
    parser.add_argument("--batch", type=int, default=1, help="configurations claimed at once")
    options = parser.parse_args(arguments)
    try:
        level = find_level(options.level)
        queue = read_configurations(options.configurations)
        request = level_request(level, sha256(options.configurations))
        with open_journal(options.journal, request, resume=True, shared=True, suffix=SUFFIX) as journal:
            run_queue(level, queue, journal, batch=options.batch, report=_say)
            entries = journal.read(decode_entry)
    except MfbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 3 if any(e.failure for e in entries.values()) else 0


def _say(entry: Entry) -> None:
    print(f"{entry.key} {entry.failure or 'labelled'} {entry.seconds:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
