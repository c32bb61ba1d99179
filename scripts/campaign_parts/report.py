"""RESULTS.md: the sections, in order. Text here says what a table shows; numbers come from records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from campaign_parts import findings, tables
from campaign_parts.convergence import convergence_table
from campaign_parts.plan import read_campaign
from campaign_parts.select import CONSTRUCTIONS, Records
from mfbench.compare.text import markdown

__all__ = ["readme_part", "report"]

PLAN = Path(__file__).parents[1] / "campaign.yaml"
HOW_TO_READ = """\
Errors are RMSE over all queries, means over test families (seeds averaged first) with 95 % intervals over
families; ± is the standard deviation over meta-training seeds. *within*: energy with every fragment's mean
error removed. Energies in kcal/mol, forces in kcal/mol/Å. Ratios are geometric means over families, above 1
the second is better; intervals are not corrected for the number of comparisons, ranks are (Holm)."""


def report(records: Records, folder: Path) -> str:
    """The whole of RESULTS.md."""
    campaign = read_campaign(PLAN)
    trainings = json.loads((folder / "training.json").read_text())
    sections = [
        "# Results",
        _preamble(campaign, records),
        "## Findings",
        _numbered(findings.all_findings(records, folder)),
        "## What was aimed at",
        findings.aims(records),
        *_constructions(records),
        "## Costs",
        tables.cost_table(records),
        "## Did training converge?",
        "Validation errors as energy / forces after so many optimiser steps of the last phase. A run is "
        "*still falling* where forces fell by more than 1 % in the last quarter of it.",
        convergence_table(trainings),
        "## Not run",
        _not_run(campaign, records),
    ]
    return "\n\n".join(sections) + "\n"


def _numbered(texts: list[str]) -> str:
    return "\n".join(f"{number}. {text}" for number, text in enumerate(texts, 1))


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


def readme_part(records: Records) -> str:
    """The README's table."""
    return tables.headline_table(records)
