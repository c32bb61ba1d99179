"""How far stored DFT labels are from tight settings: a finer grid, no density fitting, a tighter SCF.

``python -m mfbench_tasks.levels.tight_check OUT.json [N]``: a random 2 % of what is labelled, or the first
N of these; the same command goes on, and a larger N adds to it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration
from mfbench.data.label_table import Labels
from mfbench.data.split import load_split
from mfbench.metrics.errors import within_fragment
from mfbench.work.files import write_text
from mfbench.work.journal import open_journal
from mfbench_tasks.labelling.dft import TIGHT, WB97X_D, Wb97xD
from mfbench_tasks.labelling.entry import SUFFIX, Entry, decode_entry
from mfbench_tasks.labelling.level import Level
from mfbench_tasks.labelling.run_queue import level_request, run_queue
from mfbench_tasks.seeds import stream

__all__ = ["TIGHT_LEVEL", "chosen", "differences"]

TIGHT_LEVEL: Level = replace(
    WB97X_D, name="wb97x-d-tight", make=partial(Wb97xD, settings=TIGHT), settings=asdict(TIGHT)
)


def chosen(
    labelled: Sequence[Configuration], share: float = 0.02, seed: int = 20261128
) -> list[Configuration]:
    """A random share, at least two; the order of names and the seed decide."""
    ordered = sorted(labelled, key=lambda c: c.config_id)
    count = max(2, round(share * len(ordered)))
    return [ordered[i] for i in stream(seed, "tight").permutation(len(ordered))[:count]]


def differences(
    configurations: Sequence[Configuration], stored: Labels, tight: dict[str, Entry]
) -> dict[str, float | int]:
    """Energies in kcal/mol (less their mean over all, which an offset takes), forces in kcal/mol/Å."""
    names = [c.config_id for c in configurations if c.config_id in tight and not tight[c.config_id].failure]
    energies = np.array([stored[n][0] - (tight[n].energy or 0.0) for n in names]) * EV_TO_KCAL_MOL
    forces = np.concatenate([(stored[n][1] - tight[n].forces).ravel() for n in names]) * EV_TO_KCAL_MOL
    centred = within_fragment(energies, np.zeros(len(energies)))
    return {
        "configurations": len(names),
        "energy_offset": float(energies.mean()),
        "energy_rms_about_offset": float(np.sqrt(np.mean(centred**2))),
        "energy_max_about_offset": float(np.abs(centred).max()),
        "force_rms": float(np.sqrt(np.mean(forces**2))),
        "force_max": float(np.abs(forces).max()),
    }


def main(out: Path, count: int | None = None) -> None:
    """Label the sample tightly (its journal lies beside ``out``) and write the differences.

    Args:
        out: the record.
        count: only so many of the sample; None: all of it.
    """
    split = load_split("levels", level=WB97X_D.name)
    shift = split.manifest.energy_shifts[WB97X_D.name]
    known = {c.config_id: c for t in split.tasks for c in t.everything}
    sample = chosen(list(known.values()))
    stored = {
        c.config_id: (c.energy - shift.of(c), c.forces)
        for c in sample
        if c.energy is not None and c.forces is not None
    }
    request = level_request(TIGHT_LEVEL, " ".join(c.config_id for c in sample))
    with open_journal(out.with_suffix(".journal"), request, resume=True, suffix=SUFFIX) as journal:
        run_queue(TIGHT_LEVEL, sample[:count], journal)
        tight = journal.read(decode_entry)
    found = {"settings": asdict(TIGHT), **differences(sample, stored, tight)}
    write_text(out, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
