"""RESULTS.md, the pages behind it and the README's part: tables and findings put into their templates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mfbench.compare import text
from mfbench.compare.comparison import Comparison
from mfbench.compare.text import interval, markdown
from mfbench.learned.checkpoint import embedded_checkpoint
from mfbench.protocol.protocol import Budget
from mfbench.submission.card import read_card
from mfbench_campaign.folders import PLAN, RESULTS, STORE
from mfbench_campaign.headline import MANY
from mfbench_campaign.limits import size_transfer
from mfbench_campaign.limits.measured import read_measured
from mfbench_campaign.limits.questions import QUESTIONS
from mfbench_campaign.plan import Campaign, read_campaign
from mfbench_campaign.records import CONSTRUCTIONS, METHODS, SECOND, SECOND_METHODS, Records
from mfbench_campaign.render import render
from mfbench_campaign.report import tables, variations
from mfbench_campaign.report.advice import what_to_use
from mfbench_campaign.report.aims import aims
from mfbench_campaign.report.answers.five import advice_in_words, answers
from mfbench_campaign.report.claims import claims_table
from mfbench_campaign.report.convergence import convergence_table
from mfbench_campaign.report.findings import Finding, all_findings
from mfbench_campaign.report.level_finding import LEVELS, level_findings
from mfbench_campaign.report.level_table import level_table
from mfbench_campaign.report.meta_finding import meta_findings
from mfbench_campaign.report.outer_costs import outer_table
from mfbench_campaign.report.public_finding import public_findings
from mfbench_campaign.report.repeat_table import repeat_table
from mfbench_campaign.report.scaling import cluster_plan, scaling_table, seed_spread
from mfbench_campaign.report.start_curves import shipped_phases, start_table

__all__ = ["readme_part", "report"]

LIMITS = {
    "overfitting": "Meta-overfitting: test against train families",
    "forgetting": "Forgetting, with annealing and replay",
    "coverage": "Coverage: environments and torsions that the support does not show",
    "steps": "Number of inner steps",
    "label_factor": "What labels are worth: the deep pools",
}


def report(records: Records, comparison: Comparison, folder: Path) -> dict[str, str]:
    """RESULTS.md and the pages behind it: path in the repository → text. ``folder``: results/campaign."""
    campaign = read_campaign(PLAN)
    settings = campaign.training.settings
    findings = _findings(records, comparison, folder)
    limits = _limits(records, folder / "limits")
    values: dict[str, dict[str, Any]] = {
        "findings": {"findings": findings},
        "claims": {"claims": claims_table(records, _json("levels"), folder)},
        "methods": {"constructions": _constructions(records)},
        "recipes": {
            "budgets": variations.budget_table(records),
            "networks": variations.network_table(records),
        },
        "scaling": {
            "laws": scaling_table(records, comparison),
            "plan": cluster_plan(records),
            "seeds": seed_spread(records),
        },
        "constructions": {"compared": _compared(comparison)},
        "labels": {"labels": limits.pop(LIMITS["label_factor"])},
        "limits": {"limits": limits},
        "costs": {
            "costs": tables.cost_table(records),
            "outer_steps": _table_of(folder / "bench_meta.json", outer_table),
        },
        "reproduction": {
            "convergence": convergence_table(_trainings(folder)),
            "starts": start_table(shipped_phases()),
            "repeated": _repeated(records, folder / "repeat.json"),
            "verified": _verified(STORE),
        },
        "open": {
            "tried": (folder / "tried.md").read_text().strip(),
            "not_run": _not_run(campaign, records),
        },
    }
    pages = {name: render(f"pages/{name}.md", **found) for name, found in values.items()}
    first = render(
        "results.md",
        advice=advice_in_words(_json("levels"), records),
        use=what_to_use(records, _json("levels")),
        power=markdown(*text.power_table(comparison, MANY)),
        answers=answers(records, _json("levels")),
        aims=aims(records, _json("levels"), folder / "limits"),
        pages=[{"name": n, "title": text.partition("\n")[0].lstrip("# ")} for n, text in pages.items()],
        level_of_theory=campaign.level_of_theory,
        levels_start=_levels_start(),
        second=_second_starts(records),
        cores=next(iter(records.by_name.values())).hardware.get("cores"),
        gradients=settings["gradients"],
        joint_gradients=settings["joint_gradients"],
    )
    return {"RESULTS.md": first, **{f"docs/results/{name}.md": text for name, text in pages.items()}}


def readme_part(records: Records, comparison: Comparison, folder: Path) -> str:
    """The README's table, and three of the findings: a new level, meta-learning, random weights."""
    levels = _json("levels")
    first, meta, _, own_labels, _ = answers(records, levels)
    level = next(level for level in LEVELS if any(row["level"] == level for row in levels["rows"]))
    table = level_table(levels, level)
    values = {
        "answers": [first, meta, own_labels],
        "table": table,
        "level": LEVELS[level],
        "steps": Budget().steps,
    }
    return render("readme.md", **values).strip()


def _findings(records: Records, comparison: Comparison, folder: Path) -> list[Finding]:
    mini, levels = _json("cath-mini"), _json("levels")
    campaign = all_findings(records, comparison, mini, folder / "limits", _trainings(folder))
    return [*level_findings(levels), *meta_findings(levels), *public_findings(levels), *campaign]


def _levels_start() -> dict[str, int]:
    """Size and training of the start that ships with ``levels``."""
    card = json.loads(embedded_checkpoint("levels", "mace", "pretrain").with_suffix(".json").read_text())
    return {"channels": card["settings"]["model"]["channels"], "gradients": card["gradients"]}


def _second_starts(records: Records) -> list[dict[str, Any]]:
    """What the starts of the second campaign were trained on, and how long."""
    found = {where: records.seeds(where, f"pretrain{SECOND}") for where in CONSTRUCTIONS}
    return [
        {"where": where, "seeds": len(runs), **runs[0].trained.model_dump()}
        for where, runs in found.items()
        if runs and runs[0].trained
    ]


def _json(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return found


def _trainings(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "training.json").read_text())
    return found


def _constructions(records: Records) -> list[dict[str, str]]:
    return [
        {
            "name": name,
            "errors": tables.errors_table(records, name, among),
            "ratios": tables.ratios_table(records, name, among),
            "campaign": campaign,
        }
        for campaign, among in (("", METHODS), ("second campaign", SECOND_METHODS))
        for name in CONSTRUCTIONS
        if records.methods(name, among)
    ]


def _compared(comparison: Comparison) -> dict[str, Any]:
    """Tables of the constructions side by side; a curve without points is empty."""
    curves = {over: text.curve_table(comparison, over) for over in ("families", "configurations")}
    return {
        "diversity": markdown(*text.diversity_table(comparison)),
        "gains": markdown(*text.gain_table(comparison, "force_rmse", MANY)),
        "transfer": {
            m: markdown(*text.transfer_table(comparison, m))
            for m in sorted({t.method for t in comparison.transfer})
        },
        "curves": {over: markdown(*table) if table[1] else "" for over, table in curves.items()},
    }


def _limits(records: Records, folder: Path) -> dict[str, str]:
    """Title → table of what the field worries about; one nano row each, seed 0."""
    found = {
        title: QUESTIONS[name].table(read_measured(folder, name) if folder.is_dir() else [])
        for name, title in LIMITS.items()
    }
    own = [r for name, r in records.by_name.items() if r.trained and name.count("/") == 2]
    return {**found, "Size transfer": size_transfer.table([r for r in own if "-to-" not in r.name])}


def _table_of(path: Path, table: Any) -> str:
    return str(table(json.loads(path.read_text()))) if path.is_file() else ""


def _repeated(records: Records, path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    content: Mapping[str, Any] = json.loads(path.read_text())
    return {**content, "table": repeat_table(content, records)}


def _verified(store: Path) -> str:
    """Fresh tests of full constructions' submissions; empty where there is none."""
    rows = []
    for path in sorted((store / "verifications").rglob("*.json")):
        record = json.loads(path.read_text())
        card = read_card((store / "submissions" / record["submission"] / "submission.yaml").read_bytes())
        if card.run.split not in (*CONSTRUCTIONS, "levels"):
            continue
        where = f"{card.run.split}, {card.run.level}" if card.run.level else card.run.split
        for found in record["comparisons"]:
            ratio = interval(found["ratio"], *found["ratio_ci95"])
            row = [f"`{record['submission']}`", where, f"{record['configurations']:,}"]
            row += [found["metric"], str(found["k"])]
            rows.append([*row, f"{found['claimed']:.2f}", f"{found['fresh']:.2f}", ratio, found["verdict"]])
    head = ["submission", "construction", "configurations", "error", "K"]
    head += ["claimed", "fresh", "fresh ÷ claimed", "verdict"]
    return markdown(head, rows) if rows else ""


def _not_run(campaign: Campaign, records: Records) -> str:
    rows = [[f"`{run.name}`", run.block] for run in campaign.expand() if run.name not in records.by_name]
    return markdown(["run", "block"], rows) if rows else ""
