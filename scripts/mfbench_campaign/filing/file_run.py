"""Filing a campaign's runs with the board, as compact rows."""

from __future__ import annotations

import json
from typing import Any

from mfbench.learned.checkpoint import EMBEDDED
from mfbench.protocol.protocol import Support, Track
from mfbench.submission.card import Tuning
from mfbench_campaign.filing.descriptions import AUTHORS, description
from mfbench_campaign.filing.file_row import file_row
from mfbench_campaign.plan import Run
from mfbench_campaign.records import CONSTRUCTIONS
from mfbench_campaign.running.campaign_jobs import CampaignFolders

__all__ = ["can_be_filed", "file_run", "tuning_of"]


def can_be_filed(run: Run) -> bool:
    """Controls, transfer and narrowed training are no submissions; one seed of each row is filed."""
    training = run.training
    whole = training is None or not (training.seed or training.families or training.configurations)
    return whole and run.test in CONSTRUCTIONS and run.support == Support.OWN and run.exclude is None


def file_run(folders: CampaignFolders, run: Run, to: str) -> str:
    """File a run; returns the id and a message.

    Raises:
        SubmissionError: it is refused.
    """
    text = description(run.method, "mace", run.budget.steps)
    card: dict[str, Any] = {
        "method": _name(run),
        "description": f"{text} Campaign run {run.name}: RESULTS.md has all seeds.",
        "authors": AUTHORS,
    }
    if run.method != "constant":
        card["tuning"] = tuning_of(folders, run)
    return file_row(folders.evaluation(run), to, card)


def tuning_of(folders: CampaignFolders, run: Run) -> Tuning:
    """How many trials chose its recipe, and on which families."""
    split, _, method = run.searched.partition("/")
    if method:
        record = json.loads((EMBEDDED / split / "tuning.json").read_text())[f"mace-{method}"]
        return Tuning(
            trials=len(record["trials"]),
            families="validation",
            note=f"Validation families of {split}, for {method}.",
        )
    inherited = folders.inherits(run)
    path = folders.tuning(run.trained_on, run.tuned_as)
    trials = len(json.loads(path.read_text())["trials"]) if path.is_file() else 0
    return Tuning(
        trials=6 if inherited else trials,
        families="validation",
        note=f"Validation families{' of the mini split' if inherited else ''}.",
    )


def _name(run: Run) -> str:
    """The method, and behind a comma what it differs by from the usual training and budget."""
    marks = [run.model] if run.model != "nano" else []
    marks += ["union"] if run.training and "+" in run.training.construction else []
    marks += [f"{run.budget.steps:,} steps"] if run.track != Track.STANDARD else []
    return ", ".join([run.method, *marks])
