"""Filing a campaign's runs with the board, like anybody's submissions."""

from __future__ import annotations

import json

from reference_submissions import ABOUT, file
from thin import FORCE_GRID, thinned
from thin import said as kept

from campaign_parts.plan import INHERITED, Run
from campaign_parts.select import CONSTRUCTIONS
from campaign_parts.work import Workplace
from mfbench.protocol.registry import start_of
from mfbench.submission.card import Tuning

__all__ = ["can_be_filed", "file_run"]

K = 50
GRID = 2 * FORCE_GRID
ABOUT_SCRATCH = "{arch}, random weights trained on the support alone until they stop improving."


def can_be_filed(run: Run) -> bool:
    """Controls, transfer and narrowed training are no submissions; one seed of each row is filed."""
    training = run.training
    whole = training is None or not (training.seed or training.families or training.configurations)
    shown = run.test in CONSTRUCTIONS and not (training and training.model == "largest")  # no room
    return whole and shown and run.support == "own" and run.exclude is None and K in run.ks


def file_run(place: Workplace, run: Run, to: str) -> str:
    """File the K = 50 part of a run; returns the id and a message.

    Raises:
        SubmissionError: it is refused.
    """
    thin = thinned(place.evaluation(run), place.runs / "thin" / run.file_name, ks=[K], draws=1, grid=GRID)
    text = {**ABOUT, "scratch": ABOUT_SCRATCH}[run.method].format(arch="MACE")
    text = text.replace("20 steps", f"{run.steps:,} steps")
    said = {
        "method": _named(run),
        "description": f"{text} Campaign run {run.name}: RESULTS.md has all K and seeds.{kept(GRID)}",
        "authors": ["the mfbench developers"],
    }
    if run.method != "constant":
        inherited = " of the mini split" if run.method in INHERITED else ""
        path = place.tuning(run.trained_on, run.tuned_as)
        trials = len(json.loads(path.read_text())["trials"]) if path.is_file() else 0
        trials = 6 if run.method in INHERITED else trials
        said["tuning"] = Tuning(
            trials=trials, families="validation", note=f"Validation families{inherited}."
        )
    return "{}  {}".format(*file(thin, to, said, deposit=_deposits(run)))


def _named(run: Run) -> str:
    """The method, and behind a comma what it differs by from the usual training and budget."""
    marks = [run.training.model] if run.training and run.training.model != "nano" else []
    marks += ["union"] if run.training and "+" in run.training.construction else []
    return ", ".join([run.method, *marks, *([f"{run.steps:,} steps"] if run.steps != 20 else [])])


def _deposits(run: Run) -> bool:
    """Whether the weights go with it: the repository has room for one copy of a nano network, and for the
    larger ones that lead the board, which are tested fresh.

    ``offset`` and ``ridge`` run on those of ``pretrain``; a longer adaptation starts from those of the row
    with 20 steps.
    """
    if run.training is None or run.steps != 20 or "+" in run.training.construction:
        return False
    if run.training.model == "larger":
        return run.method in ("pretrain", "offset", "reptile")
    return start_of(run.method) == run.method
