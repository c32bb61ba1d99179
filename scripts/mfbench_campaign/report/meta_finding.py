"""Whether training as one adapts pays at a level of theory that training never saw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfbench.compare.text import interval
from mfbench_campaign.report.findings import Finding
from mfbench_campaign.report.level_aims import Beside, beside_rivals
from mfbench_campaign.report.level_finding import FEW, LEVELS, MANY, META, seeds_in_words

__all__ = ["best_meta", "meta_findings"]


def meta_findings(record: Mapping[str, Any]) -> list[Finding]:
    """From ``results/levels.json``; nothing where no meta-learner was run beside its rivals."""
    found = {level: best for level in LEVELS if (best := best_meta(record, level))}
    if not found:
        return []
    steps = {start["method"]: start["phases"][-1]["done"] for start in record.get("starts", [])}
    rows = {(r["level"], r["method"], r["k"]): r for r in record["rows"]}
    levels = [
        {
            "called": LEVELS[level],
            "method": best.method,
            "seeds": seeds_in_words(rows[level, best.method, FEW]["seeds"]),
            "outer_steps": steps.get(best.method, 0),
            "forces": interval(*rows[level, best.method, FEW]["force_rmse"]),
            "won": best.won,
            "ratios": best.ratios,
            "least": best.least,
            "later": interval(*later["force_rmse"])
            if (later := rows.get((level, best.method, MANY)))
            else "",
            "others": [b.text for b in beside_rivals(record, level) if b.method != best.method],
        }
        for level, best in found.items()
    ]
    return [Finding.of("meta", few=FEW, many=MANY, levels=levels)]


def best_meta(record: Mapping[str, Any], level: str) -> Beside | None:
    """The meta-learner of least force error with few labels; one that beats every rival goes first."""
    errors = {
        r["method"]: r["force_rmse"][0] for r in record["rows"] if (r["level"], r["k"]) == (level, FEW)
    }
    options = [b for b in beside_rivals(record, level) if b.method in META]
    return min(options, key=lambda b: (not b.won, float(errors[b.method])), default=None)
