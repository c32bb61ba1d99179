"""What is kept of a run scores what the whole run scored."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mfbench
from mfbench.protocol.episode import draw_episode
from mfbench.results.results import read_results

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
from thin import thinned


@pytest.mark.parametrize("method", ["random", "constant"])
def test_a_thinned_run_scores_as_the_whole_one(maker, tmp_path, method):
    whole = mfbench.evaluate(method, "board-chains", ks=[0, 5], draws=2, out=tmp_path / "run")
    kept = thinned(tmp_path / "run", tmp_path / "thin", ks=[5], draws=1, grid=2.0**-6)
    scored = read_results(kept / "results.json")
    wanted = [row for row in whole.episodes if (row.k, row.draw) == (5, 0)]
    assert [row.family_id for row in scored.episodes] == [row.family_id for row in wanted]
    for row, before in zip(scored.episodes, wanted, strict=True):
        now, then = row.metrics["all"], before.metrics["all"]
        assert now["energy_rmse"] == then["energy_rmse"]
        assert now["force_rmse"] == pytest.approx(then["force_rmse"], rel=1e-2)
    forces = np.concatenate(pd.read_parquet(kept / "predictions.parquet").forces.to_list())
    if method == "constant":
        assert not forces.any()  # a method that predicts none keeps its zeros
        return
    tasks = {task.family_id: task for task in maker.split.tasks}
    episodes = [draw_episode(maker.split, tasks[row.family_id], row.k, row.draw) for row in wanted]
    labels = np.concatenate([c.forces.ravel() for episode in episodes for c in episode.query])
    steps = (forces - labels) * 2**6
    assert np.abs(steps - np.round(steps)).max() < 1e-3  # errors lie on the grid
    assert np.abs(steps).max() > 1
