"""The jobs of a campaign: train, tune on validation families, evaluate, keep a record."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import mfbench
from mfbench.compare.record import record_of
from mfbench.learned.checkpoint import EMBEDDED, load_checkpoint
from mfbench.protocol.exclusion import without_overlap
from mfbench.protocol.protocol import Track
from mfbench.results.results import read_results
from mfbench_campaign.folders import ROOT
from mfbench_campaign.plan import INHERITED, Campaign, Run, Training
from mfbench_campaign.running.jobs import Job
from mfbench_campaign.splits import split_called
from mfbench_campaign.tuning import trials

__all__ = ["CampaignFolders", "campaign_jobs", "settings_of"]


@dataclass(frozen=True)
class CampaignFolders:
    """Where things go.

    Attributes:
        campaign: the plan.
        runs: checkpoints and run folders, not committed.
        results: records and tunings, committed.
    """

    campaign: Campaign
    runs: Path
    results: Path

    def checkpoint(self, training: Training) -> Path:
        """Of a training run, or one that is there already."""
        if given := self.given(training):
            return ROOT / given / training.checkpoint.name
        return self.runs / training.checkpoint

    def given(self, training: Training) -> Path | None:
        """Folder of a checkpoint that the campaign does not train."""
        folder = self.campaign.training.starts.get(training.model, {}).get(training.construction)
        return folder / f"seed{training.seed}" if folder and training.seed else folder

    def inherits(self, run: Run) -> bool:
        """Whether it adapts as was tuned on a mini split."""
        return run.method in INHERITED or bool(run.training and self.given(run.training))

    def evaluation(self, run: Run) -> Path:
        """Folder of an evaluated run; none lies in another's."""
        return self.runs / "evaluate" / run.file_name

    def record(self, run: Run) -> Path:
        """File of its record."""
        return self.results / "records" / f"{run.file_name}.json"

    def tuning(self, construction: str, method: str) -> Path:
        """Trials of a method on the validation families of a construction."""
        return self.results / "tuning" / f"{construction}~{method}.json"


def campaign_jobs(folders: CampaignFolders, runs: Sequence[Run]) -> list[Job]:
    """Everything that these runs need, each once, in an order in which it can be done."""
    found: dict[str, Job] = {}
    for run in runs:
        needs: tuple[Path, ...] = ()
        if run.training:
            if not folders.given(run.training):
                for training in (run.training.joint, run.training):
                    job = _train_job(folders, training)
                    found.setdefault(job.name, job)
            needs = (folders.checkpoint(run.training),)
            if tuned := _tune_job(folders, run):
                found.setdefault(tuned.name, tuned)
                needs = (*needs, tuned.product)
        name = f"evaluate/{run.name}"
        found[name] = Job(name, folders.record(run), needs, partial(_evaluate, folders, run))
    return list(found.values())


def _train_job(folders: CampaignFolders, training: Training) -> Job:
    needs = () if training.method == "joint" else (folders.checkpoint(training.joint),)
    return Job(str(training.folder), folders.checkpoint(training), needs, partial(train, folders, training))


def settings_of(campaign: Campaign, training: Training) -> dict[str, Any]:
    """Options of ``mfbench train``: the more special ones win."""
    plan, (home, _, also) = campaign.training, training.construction.partition("+")
    return {
        **plan.settings,
        **plan.constructions.get(home, {}),
        **plan.methods.get(training.method, {}),
        **plan.models[training.model],
        **({"families": training.families} if training.families else {}),
        **({"configurations": training.configurations} if training.configurations else {}),
        **({"also": also} if also else {}),
    }


def train(folders: CampaignFolders, training: Training) -> None:
    """Train one checkpoint in a process of its own; resumes."""
    out = folders.runs / training.folder
    command = [sys.executable, "-m", "mfbench", "train", "--method", training.method]
    command += ["--split", training.construction.partition("+")[0], "--seed", str(training.seed)]
    command += ["--out", str(out)] + ["--resume"] * out.is_dir()
    if training.method != "joint":
        command += ["--init", str(folders.checkpoint(training.joint))]
    options = settings_of(folders.campaign, training)
    subprocess.run([*command, *(f"--option={k}={v}" for k, v in options.items())], check=True)


def _tune_job(folders: CampaignFolders, run: Run) -> Job | None:
    """Trials with the first seed's checkpoint; none where settings are inherited or nothing is tuned."""
    name = run.tuned_as
    if run.options is not None or run.training is None or folders.inherits(run):
        return None
    if name not in trials.TRIALS:
        return None
    training = Training(run.trained_on, run.training.method, 0)
    return Job(
        f"tune/{run.trained_on}/{name}",
        folders.tuning(run.trained_on, name),
        (folders.checkpoint(training),),
        partial(_tune, folders, run, training),
    )


def _tune(folders: CampaignFolders, run: Run, training: Training) -> None:
    plan, split = folders.campaign.tuning, split_called(run.trained_on)
    families = [task.family_id for task in split.validation]
    count = plan.families if run.track != Track.CONVERGED else plan.families // 2
    chosen = families[:: max(len(families) // count, 1)][:count]
    record = trials.tuned(
        run.tuned_as, split, draws=plan.draws, families=chosen, checkpoint=str(folders.checkpoint(training))
    )
    path = folders.tuning(run.trained_on, run.tuned_as)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**record, "families": chosen}, indent=1) + "\n")


def options_of(folders: CampaignFolders, run: Run) -> dict[str, Any]:
    """How the method adapts: as the plan says, else tuned on validation families only."""
    if run.options is not None:
        return run.options
    if folders.inherits(run):
        mini = folders.campaign.tuning.inherited.get(run.trained_on)
        tuned = json.loads((EMBEDDED / mini / "tuning.json").read_text()) if mini else {}
        found: dict[str, Any] = tuned.get(f"mace-{run.method}", {}).get("chosen", {})
        return found
    if run.tuned_as not in trials.TRIALS:
        return {}
    chosen: dict[str, Any] = json.loads(folders.tuning(run.trained_on, run.tuned_as).read_text())["chosen"]
    return chosen


def _evaluate(folders: CampaignFolders, run: Run) -> None:
    out, split = folders.evaluation(run), split_called(run.test)
    checkpoint = str(folders.checkpoint(run.training)) if run.training else None
    mfbench.evaluate(
        run.method, split, ks=run.ks, draws=run.draws, out=out, resume=(out / "run.json").is_file(),
        support=run.support, checkpoint=checkpoint, options=options_of(folders, run),
        exclude=split_called(run.exclude) if run.exclude else None, families=_askable(run, checkpoint),
        track=run.track, progress=sys.stderr.isatty(),
    )  # fmt: skip
    session = json.loads((out / "run.json").read_text())["sessions"][-1]
    results = read_results(out / "results.json")
    record = record_of(run.name, results, split, model=run.model, session=session)
    path = folders.record(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(record.to_json())


def _askable(run: Run, checkpoint: str | None) -> list[str] | None:
    """In transfer, families whose elements the network has weights for; None: all of them."""
    if run.exclude is None or checkpoint is None:
        return None
    split, _ = without_overlap(split_called(run.test), split_called(run.exclude))
    known = set(load_checkpoint(Path(checkpoint)).config.elements)
    elements = {
        t.family_id: {int(z) for c in (*t.support, *t.query, *t.heldout) for z in c.atomic_numbers}
        for t in split.test
    }
    return [name for name, found in elements.items() if found <= known]
