"""What is promised of few-shot force fields, beside what this campaign measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mfbench.compare.text import markdown
from mfbench_campaign.headline import FEW, MANY
from mfbench_campaign.intervals import family_ratio
from mfbench_campaign.limits.measured import read_measured
from mfbench_campaign.records import CONSTRUCTIONS, Records
from mfbench_campaign.report.aims import best_energy, best_over_scratch
from mfbench_campaign.report.label_savings import DEEP, saved, saved_text
from mfbench_campaign.report.level_aims import energy_aim, over_scratch_aim
from mfbench_campaign.report.level_finding import LEVELS, META
from mfbench_campaign.report.level_finding import MANY as LABELS
from mfbench_campaign.report.tables import NOT_RUN, shown

__all__ = ["claims_table"]

DFT = "wb97x-d"


def claims_table(records: Records, levels: Mapping[str, Any], folder: Path) -> str:
    """One row a claim: what was measured, and why the two may differ.

    Args:
        records: of the campaign.
        levels: ``results/levels.json``.
        folder: results/campaign.
    """
    dft = f"`levels`, {LEVELS[DFT]}, K = {LABELS}"
    rows = [
        [
            f"1.5 kcal/mol at K = {MANY}",
            f"{_energies(records)}; {dft}, seen molecules: {energy_aim(levels)[1]}",
            "small networks, unconverged; most of a total energy error is an offset",
        ],
        [
            "training from scratch ÷ meta-learning = 3.3",
            f"{_ratios(records)}; {dft}: {over_scratch_aim(levels, DFT, LABELS, META)[1]}",
            "`scratch` may take 2,000 steps here, meta-learners 20",
        ],
        [
            "FOMAML is about 3 × cheaper than MAML",
            _cheaper(folder),
            "the same: one outer step, n = 5 (PyTorch)",
        ],
        [
            "5 to 20 inner steps are enough",
            _steps(folder / "limits"),
            "on `cath` one level labels all families: there is little to adapt to",
        ],
        [
            "100 × fewer labels for a new family",
            _savings(folder / "limits"),
            "in total energy it is an offset, which a closed form gives; two deep families each",
        ],
    ]
    return markdown(["claim", "measured", "what differs"], rows)


def _energies(records: Records) -> str:
    found = [(c, best_energy(records, c)) for c in CONSTRUCTIONS]
    return "; ".join(f"`{c}` {shown(best[1])} (`{best[0]}`)" for c, best in found if best) or NOT_RUN


def _ratios(records: Records) -> str:
    found = [(c, best_over_scratch(records, c)) for c in CONSTRUCTIONS]
    return "; ".join(f"`{c}` {best[0]:.2f} ({best[1]})" for c, best in found if best) or NOT_RUN


def _cheaper(folder: Path) -> str:
    path = folder / "bench_meta.json"
    return f"{json.loads(path.read_text())['maml_over_fomaml']:.1f} ×" if path.is_file() else NOT_RUN


def _steps(limits: Path) -> str:
    """Force error after 20 ÷ after 50 steps, and after none ÷ after 20: geometric means over families."""
    measured = {
        (m.identity.split, m.identity.method, m.identity.settings["steps"]): m.content
        for m in (read_measured(limits, "steps") if limits.is_dir() else [])
    }
    parts = []
    for where in CONSTRUCTIONS:
        none, some, many = (measured.get((where, "maml", n)) for n in (0, 20, 50))
        if none and some and many:
            force = [{f: v["force_rmse"] for f, v in m.values.items()} for m in (none, some, many)]
            first, more = (family_ratio(a, b, some.groups) for a, b in (force[:2], force[1:]))
            parts.append(f"`{where}` {shown(first)} from 0 to 20, {shown(more)} from 20 to 50")
    return "`maml`, forces, error ratio: " + "; ".join(parts) if parts else NOT_RUN


def _savings(limits: Path) -> str:
    found = [(c, saved(limits, c, FEW)) for c in DEEP]
    return "; ".join(f"`{c}`, K = {FEW}: {saved_text(needed)}" for c, needed in found if needed) or NOT_RUN
