"""How far the cheap levels are from the stored DFT labels, on a sample of them: a table of the card.

``python -m mfbench_tasks.levels.dft_distances OUT.json`` measures it: what the semiempirical levels say
costs seconds, DFT labels are taken as they are stored.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.data.levels import read_level_labels
from mfbench.work.files import write_text
from mfbench_tasks.labelling.entry import Entry
from mfbench_tasks.labelling.registry import find_level
from mfbench_tasks.labelling.run_queue import label_one
from mfbench_tasks.levels.dft_tasks import queued_configurations
from mfbench_tasks.levels.level_table import SEMIEMPIRICAL, compare_levels
from mfbench_tasks.seeds import stream

__all__ = ["distances_from_dft"]

DFT = "wb97x-d"
_DATA, _QUEUE = Path("tasks/data"), Path("tasks/recipes/levels-wb97x-d.tsv")


def distances_from_dft(
    labelled: Sequence[Configuration],
    stored: Mapping[str, tuple[float, np.ndarray]],
    *,
    each: int = 2,
    seed: int = 20261128,
) -> dict[str, object]:
    """``each`` random configurations of every molecule, at every cheap level and at the stored one.

    Args:
        labelled: configurations that ``stored`` holds.
        stored: config_id → energy (eV) and forces [n, 3] (eV/Å) at the DFT level.

    Returns:
        ``sample``, and ``pairs``: cheap level → what ``compare_levels`` says of it and the DFT level.
    """
    rng = stream(seed, "dft-distances")
    by_graph: dict[str, list[Configuration]] = {}
    for c in sorted(labelled, key=lambda c: c.config_id):
        by_graph.setdefault(c.graph_id, []).append(c)
    sample = [found[i] for found in by_graph.values() for i in rng.permutation(len(found))[:each]]
    target = {c.config_id: Entry(c.config_id, *stored[c.config_id]) for c in sample}
    pairs = {}
    for name in SEMIEMPIRICAL:
        entries = {c.config_id: label_one(find_level(name), c) for c in sample}
        pairs[name] = compare_levels(sample, {DFT: target, name: entries})["pairs"][f"{name} {DFT}"]
    return {"sample": [c.config_id for c in sample], "pairs": pairs}


def main(out: Path) -> None:
    """Measure the table on what is labelled so far, and write it."""
    _, stored = read_level_labels(_DATA / "labels" / DFT)
    labelled = [c for c in queued_configurations(_QUEUE, _DATA) if c.config_id in stored]
    record = {"labelled": len(stored), **distances_from_dft(labelled, stored)}
    write_text(out, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: python -m {__spec__.name} OUT.json")
    main(Path(sys.argv[1]))
