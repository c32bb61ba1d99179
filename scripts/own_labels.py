"""More geometries of the molecules of ``own_table.py``, to be labelled: sampled as the benchmark's own.

    python scripts/own_labels.py --each 30 --out runs/own-geometries.xyz
    mfbench label runs/own-geometries.xyz --level wb97x-d --workers 2 --out results/own-dft-labels.xyz

The same molecules, sampler and gates (GFN2 dynamics and displaced minima), other random streams. None is a
near-twin of a published support configuration.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import mfbench
from mfbench.data.configuration import Configuration
from mfbench.data.extxyz import frame
from mfbench.errors import DataError, MfbenchError
from mfbench.work.files import write_text
from mfbench_tasks.fresh.configurations import resample
from mfbench_tasks.levels.dft_tasks import in_turn
from own_table import from_split

SEED = 20261129


def main(arguments: Sequence[str] | None = None) -> int:
    """Write one file with the geometries of all molecules; their labels are those of the sampler."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--split", default="cath")
    parser.add_argument("--level", default="wb97x-d", help="at which the molecules have published labels")
    parser.add_argument("--molecules", type=int, default=3)
    parser.add_argument("--each", type=int, default=30, help="geometries of a molecule")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(arguments)
    try:
        names = [m.name for m in from_split(asked.split, asked.level, "fragment", asked.molecules, 10)]
        found = [c for name in names for c in itertools.islice(sampled(asked.split, name), asked.each)]
    except MfbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    write_text(asked.out, "".join(map(frame, found)))
    print(f"{len(found)} geometries of {', '.join(names)} in {asked.out}")
    return 0


def sampled(split_name: str, molecule: str) -> Iterator[Configuration]:
    """Configurations of one molecule, stream after stream, trajectories of a stream in turn."""
    split = mfbench.load_split(split_name)
    task = next(t for t in split.test if molecule in t.graphs)
    alone = replace(task, graphs={molecule: task.graphs[molecule]})
    one = replace(split, tasks=(alone,))
    for seed in itertools.count(SEED):
        found = resample(one, [task.family_id], seed)[task.family_id]
        if not found:
            raise DataError(f"no trajectory of {molecule} passes the gates under seed {seed}")
        for c in in_turn(found, seed):
            names = {n: f"{getattr(c, n)}.{seed}" for n in ("config_id", "trajectory_id")}
            yield replace(c, **names)


if __name__ == "__main__":
    sys.exit(main())
