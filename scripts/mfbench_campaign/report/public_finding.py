"""Where a public model stands beside a start that was trained here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mfbench.compare.text import interval
from mfbench_campaign.report.findings import Finding
from mfbench_campaign.report.level_aims import ratio_of_rows
from mfbench_campaign.report.level_finding import FEW, LEVELS, MANY, META, seeds_in_words
from mfbench_campaign.run_table.rows import LINE

__all__ = ["public_findings"]

MODEL = "so3lr"
Row = Mapping[str, Any]


def public_findings(record: Mapping[str, Any]) -> list[Finding]:
    """From ``results/levels.json``: one for each level that the public model was run at."""
    return [finding for level in LEVELS if (finding := _finding(record, level))]


def _finding(record: Mapping[str, Any], level: str) -> Finding | None:
    rows = {(r["method"], r["k"]): r for r in record["rows"] if r["level"] == level}
    ratios = [
        r
        for r in record["ratios"]
        if r["level"] == level and r["method"].startswith(MODEL) and r["k"] in (FEW, MANY)
    ]
    if not ratios:
        return None
    as_it_is = [r for r in ratios if r["method"] == MODEL]
    tuned = [r for r in ratios if r["method"] != MODEL]
    return Finding.of(
        "public",
        model=MODEL,
        line=LINE,
        level=LEVELS[level],
        families=rows[MODEL, 0]["families"],
        seeds=seeds_in_words(min(r["seeds"] for (method, _), r in rows.items() if method == LINE)),
        zero=interval(*rows[MODEL, 0]["force_rmse"]),
        as_it_is=_verdicts(as_it_is),
        tuned=_verdicts(_best(tuned, rows)),
        meta=_beside_meta(record, level, _best(tuned, rows)),
        rows=[
            f"`{method}` {interval(*row['force_rmse'])} at K = {k}"
            for (method, k), row in sorted(rows.items(), key=lambda item: (item[0][1], item[0][0]))
            if method.startswith((MODEL, LINE)) and "wrong" not in method
        ],
    )


def _beside_meta(record: Mapping[str, Any], level: str, tuned: Sequence[Row]) -> list[str]:
    """The best fine-tuning at each K ÷ the best meta-learned start at that K; empty where none was run."""
    rows = {(r["method"], r["k"]): r for r in record["rows"] if r["level"] == level}
    found = []
    for row in tuned:
        starts = [start for m in META if (start := rows.get((m, row["k"])))]
        if starts:
            start = min(starts, key=lambda r: float(r["force_rmse"][0]))
            mine = rows[row["method"], row["k"]]
            value = ratio_of_rows(mine, start, "force_rmse", record["groups"]["levels"])
            names = f"`{row['method']}` ÷ `{start['method']}`"
            found.append(f"K = {row['k']}: {_verdict(*value)} ({names} {interval(*value)})")
    return found


def _best(
    ratios: Sequence[Mapping[str, Any]], rows: Mapping[tuple[str, int], Any]
) -> list[Mapping[str, Any]]:
    """The fine-tuning with the least force error at each K."""
    least: dict[int, Mapping[str, Any]] = {}
    for ratio in ratios:
        k = ratio["k"]
        if k not in least or _force(rows, ratio) < _force(rows, least[k]):
            least[k] = ratio
    return [least[k] for k in sorted(least)]


def _force(rows: Mapping[tuple[str, int], Any], ratio: Mapping[str, Any]) -> float:
    return float(rows[ratio["method"], ratio["k"]]["force_rmse"][0])


def _verdicts(ratios: Sequence[Row]) -> list[str]:
    """``K = 10: better (`so3lr` ÷ `pretrain` 0.71 [0.65, 0.78])``; an interval with 1 decides nothing."""
    found = []
    for ratio in sorted(ratios, key=lambda r: r["k"]):
        value = ratio["force_rmse"]
        names = f"`{ratio['method']}` ÷ `{LINE}`"
        found.append(f"K = {ratio['k']}: {_verdict(*value)} ({names} {interval(*value)})")
    return found


def _verdict(value: float, low: float, high: float) -> str:
    return "better" if high < 1 else "worse" if low > 1 else "not told apart"
