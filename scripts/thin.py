"""A finished run with fewer K and draws, and force errors on a coarser grid: small enough for a repository.

Episodes do not depend on each other, so what is left is what a run of these K and draws would have given.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

import mfbench
from mfbench.data.parquet import round_to_grid
from mfbench.protocol.cost import TIMING_VERSION
from mfbench.protocol.episode import draw_episode
from mfbench.protocol.run_episode import EpisodeRecord
from mfbench.protocol.run_folder import write_predictions
from mfbench.results.results import read_results
from mfbench.results.score_run import score_run

__all__ = ["FORCE_GRID", "said", "thinned"]

FORCE_GRID = 2.0**-6
"""eV/Å. Rounding errs by 0.10 kcal/mol/Å (rms), which adds 0.05 % to an error of 3.3 kcal/mol/Å. Twice as
coarse a grid adds 0.06 % to one of 5.8."""


def said(grid: float = FORCE_GRID) -> str:
    """What a submission's description says of it."""
    return f" Errors of forces are kept to {grid:.4f} eV/Å."


def thinned(run: Path, out: Path, *, ks: Sequence[int], draws: int, grid: float = FORCE_GRID) -> Path:
    """Write to ``out`` what is kept of the run folder ``run``, force errors rounded to ``grid`` eV/Å."""
    content = json.loads((run / "run.json").read_text())
    split = mfbench.load_split(content["request"]["split"])
    tasks = {task.family_id: task for task in split.tasks}
    table = pq.read_table(run / "predictions.parquet").to_pandas()
    predicted = dict(list(table.groupby(["family_id", "k", "draw"], sort=False)))
    rows = [r for r in read_results(run / "results.json").episodes if r.k in ks and r.draw < draws]
    episodes = [draw_episode(split, tasks[r.family_id], r.k, r.draw) for r in rows]
    records = []
    for row, episode in zip(rows, episodes, strict=True):
        kept = row.model_dump(exclude={"metrics"})
        if row.failure is None:
            found = predicted[row.family_id, row.k, row.draw]
            if found["config_id"].tolist() != [c.config_id for c in episode.query]:
                raise SystemExit(f"{run} holds predictions in another order than its episodes")
            forces = np.concatenate(found["forces"].to_list()).reshape(-1, 3)
            kept["energies"] = found["energy"].to_numpy()
            labels = np.concatenate([c.forces for c in episode.query])
            if forces.any():  # a method that predicts none keeps its zeros
                forces = labels + round_to_grid(forces - labels, grid)
            kept["forces"] = forces.astype(np.float32)
        records.append(EpisodeRecord(**kept))
    content["request"] |= {"ks": list(ks), "draws": draws}
    facts = {k: content[k] for k in ("split_version", "level_of_theory", "card")}
    results = score_run(
        split, episodes, records, {**content["request"], **facts, "timing_version": TIMING_VERSION}
    )
    out.mkdir(parents=True, exist_ok=True)
    for name in ("weights.safetensors", "weights.json"):
        if (run / name).is_file():
            (out / name).write_bytes((run / name).read_bytes())
    (out / "run.json").write_text(json.dumps(content, indent=1) + "\n")
    (out / "results.json").write_text(results.to_json())
    write_predictions(out / "predictions.parquet", episodes, records)
    return out
