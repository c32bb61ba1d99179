"""RESULTS.md: the sections, in order. Text here says what a table shows; numbers come from records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from science import coverage, forgetting, label_factor, overfitting, size, steps
from science.files import read_measured

from campaign_parts import findings, tables, variations
from campaign_parts.aims import aims
from campaign_parts.convergence import convergence_table
from campaign_parts.costs import outer_table
from campaign_parts.plan import read_campaign
from campaign_parts.repeat import repeat_table
from campaign_parts.select import CONSTRUCTIONS, Records
from mfbench.compare import text
from mfbench.compare.comparison import Comparison
from mfbench.compare.text import interval, markdown
from mfbench.submission.card import read_card

__all__ = ["readme_part", "report"]

PLAN = Path(__file__).parents[1] / "campaign.yaml"
HOW_TO_READ = """\
Errors are RMSE over all queries, means over test families (seeds averaged first) with 95 % intervals over
families; ± is the standard deviation over meta-training seeds. *within*: energy with every fragment's mean
error removed. Energies in kcal/mol, forces in kcal/mol/Å. Ratios are geometric means over families, above 1
the second is better; intervals are not corrected for the number of comparisons, ranks are (Holm)."""


def report(records: Records, comparison: Comparison, folder: Path) -> str:
    """The whole of RESULTS.md. ``folder``: results/campaign."""
    campaign = read_campaign(PLAN)
    trainings = json.loads((folder / "training.json").read_text())
    sections = [
        "# Results",
        _preamble(campaign, records),
        "## Findings",
        _numbered(_findings(records, comparison, folder)),
        "## What was aimed at",
        aims(records, folder / "limits"),
        "![Error against K](docs/campaign.png)",
        "![Ratios to pretrain](docs/campaign-ratios.png)",
        *_constructions(records),
        "## With the budget of `scratch`",
        "K = 50, meta-training seed 0. `scratch` may stop early; the others decay their rate to zero at "
        "2,000 steps, and take what six trials (four, of 2,000 steps) on validation families chose.",
        variations.budget_table(records),
        "## With a larger network",
        "K = 50, meta-training seed 0, the same gradients of meta-training, settings tuned for nano.",
        variations.network_table(records),
        *_compared(comparison),
        *_limits(records, folder / "limits"),
        "## Costs",
        tables.cost_table(records),
        *_outer_steps(folder / "bench_meta.json"),
        "## Did training converge?",
        "Validation errors as energy / forces after so many optimiser steps of the last phase. A run is "
        "*still falling* where forces fell by more than 1 % in the last quarter of it.",
        convergence_table(trainings),
        *_repeated(records, folder / "repeat.json"),
        *_verified(folder.parents[1] / "leaderboard" / "submissions"),
        "## Tried, and failed",
        (folder / "tried.md").read_text().strip(),
        "## Not run",
        _not_run(campaign, records),
    ]
    return "\n\n".join(sections) + "\n"


def _compared(comparison: Comparison) -> list[str]:
    methods = sorted({t.method for t in comparison.transfer})
    made = "`mfbench compare results/campaign/records`; the figure shows forces at K = 50."
    return [
        "## Constructions side by side",
        made,
        "![Constructions](docs/compare.png)",
        markdown(*text.diversity_table(comparison)),
        markdown(*text.gain_table(comparison, "force_rmse", 50)),
        *(
            f"Transfer of `{m}`, forces, K = 50:\n\n{markdown(*text.transfer_table(comparison, m))}"
            for m in methods
        ),
        *(
            f"Error against training {over}, forces, K = 50: "
            + _or_not_run(text.curve_table(comparison, over))
            for over in ("families", "configurations")
        ),
    ]


def _or_not_run(table: text.Table) -> str:
    return "\n\n" + markdown(*table) if table[1] else "not run."


def _limits(records: Records, folder: Path) -> list[str]:
    """What the field worries about; one nano row each, seed 0."""
    found = ["## Limits", "`python scripts/limits.py run`, seed 0."]
    for name, title in LIMITS.items():
        measured = read_measured(folder, name) if folder.is_dir() else []
        found += [f"### {title}", MEASUREMENTS[name].table(measured)]
    own = [r for name, r in records.by_name.items() if r.trained and name.count("/") == 2]
    return [*found, "### Size transfer", size.table([r for r in own if "-to-" not in r.name])]


def _outer_steps(path: Path) -> list[str]:
    if not path.is_file():
        return ["Seconds of an outer step against inner steps: not run."]
    return [outer_table(json.loads(path.read_text()))]


def _repeated(records: Records, path: Path) -> list[str]:
    if not path.is_file():
        return ["## Does a row come again?", "Not run."]
    content = json.loads(path.read_text())
    minutes = f"{content['seconds'] / 60:.0f} min"
    said = f"`{content['command']}` trained, tuned and evaluated it again in {minutes}:"
    return ["## Does a row come again?", said, repeat_table(content, records)]


def _findings(records: Records, comparison: Comparison, folder: Path) -> list[str]:
    mini = json.loads((folder.parent / "cath-mini.json").read_text())
    return findings.all_findings(records, comparison, mini, folder / "limits")


def _numbered(texts: list[str]) -> str:
    return "\n".join(f"{number}. {text}" for number, text in enumerate(texts, 1))


LIMITS = {
    "overfitting": "Meta-overfitting: test against train families",
    "forgetting": "Forgetting, with annealing and replay",
    "coverage": "Coverage: environments and torsions that the support does not show",
    "steps": "Number of inner steps",
    "label_factor": "What labels are worth: the deep pools",
}
MEASUREMENTS = {
    "overfitting": overfitting,
    "forgetting": forgetting,
    "coverage": coverage,
    "steps": steps,
    "label_factor": label_factor,
}


def _verified(store: Path) -> list[str]:
    """Fresh tests of the campaign's submissions."""
    rows = []
    for path in sorted((store / "verifications").rglob("*.json")):
        record = json.loads(path.read_text())
        card = read_card((store / "submissions" / record["submission"] / "submission.yaml").read_bytes())
        if card.run.split not in CONSTRUCTIONS:
            continue
        for found in record["comparisons"]:
            ratio = interval(found["ratio"], *found["ratio_ci95"])
            row = [f"`{record['submission']}`", card.run.split, found["metric"], str(found["k"])]
            rows.append([*row, f"{found['claimed']:.2f}", f"{found['fresh']:.2f}", ratio, found["verdict"]])
    head = ["submission", "construction", "error", "K", "claimed", "fresh", "fresh ÷ claimed", "verdict"]
    said = (
        "`mfbench verify SUBMISSION --fresh --fragments 3`: errors on configurations that nobody had seen."
    )
    return ["## Verified fresh", f"{said}\n\n{markdown(head, rows)}" if rows else "Not run."]


def _preamble(campaign: Any, records: Records) -> str:
    settings = campaign.training.settings
    hardware = next(iter(records.by_name.values())).hardware
    made = (
        "Made by `python scripts/results.py` from `results/campaign`; the runs by `python "
        "scripts/campaign.py run`, as `scripts/campaign.yaml` says."
    )
    model = (
        f"Level of theory: {campaign.level_of_theory}. Nano MACE on {hardware.get('cores')} CPU cores; "
        f"every learned method had {settings['gradients']:,} configuration-gradients of meta-training, of "
        f"which {settings['joint_gradients']:,} in the joint phase that all methods of a seed share."
    )
    return f"{made} {model}\n\n{HOW_TO_READ}"


def _constructions(records: Records) -> list[str]:
    found = []
    for construction in CONSTRUCTIONS:
        if not records.methods(construction):
            continue
        found += [
            f"## `{construction}`",
            tables.errors_table(records, construction),
            tables.ratios_table(records, construction),
        ]
    return found


def _not_run(campaign: Any, records: Records) -> str:
    rows = [[f"`{run.name}`", run.block] for run in campaign.expand() if run.name not in records.by_name]
    return markdown(["run", "block"], rows) if rows else "Everything in the plan was run."


def readme_part(records: Records, comparison: Comparison, folder: Path) -> str:
    """The README's table, and how the first findings begin."""
    short = [text.partition(". ")[0] for text in _findings(records, comparison, folder)[:3]]
    caption = (
        "Errors at K = 50: energy in kcal/mol, forces in kcal/mol/Å, means over test families and\n"
        "meta-training seeds with 95 % intervals over families; 20 gradient steps, except `scratch`."
    )
    said = "\n".join(f"- {text}." for text in short)
    return f"{said}\n\n{caption}\n\n{tables.headline_table(records)}"
