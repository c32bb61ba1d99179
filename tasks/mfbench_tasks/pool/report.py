"""Reports of a pool, one per block and their sum: what each gate rejected, what a configuration cost."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mfbench.work.files import write_text
from mfbench_tasks.build.job import Outcome
from mfbench_tasks.build.report import outcome_report, write_label_times

__all__ = ["total_report", "write_block_report"]


def write_block_report(
    folder: Path,
    block: str,
    outcomes: Sequence[Outcome],
    *,
    deep: bool = False,
    audited: bool = False,
    unplanned: Mapping[str, str] | None = None,
) -> None:
    """Write ``<block>.json`` and ``<block>.label_times.parquet``, and the sum of all blocks there.

    Args:
        deep: its fragments were tried before, in another block.
        audited: made later (see ``mfbench_tasks.pool.rejections``): what only its journal knew is null.
        unplanned: group → why it has no fragment.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    labelled = [o.labelled for o in outcomes if o.labelled is not None]
    report = {
        "block": block,
        "groups": sorted({o.family_id for o in outcomes}),
        "empty_slots": [o.job for o in outcomes if o.labelled is None],
        "unplanned_groups": dict(unplanned or {}),
        **outcome_report(outcomes),
    }
    twins = report["near_twins"]
    report["near_twins"] = {name: x if math.isfinite(x) else None for name, x in twins.items()}
    if deep:
        report["tried"] = {}
    if audited:
        names = ("cost", "configurations_dropped_by_gate", "worst_finite_difference_eV_per_A")
        report |= {"audited": True, **dict.fromkeys(names)}
    else:
        write_label_times(labelled, folder / f"{block}.label_times.parquet")
    write_text(folder / f"{block}.json", json.dumps(report, indent=1) + "\n")
    blocks = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    write_text(folder / "README.md", total_report(blocks))


def total_report(blocks: Sequence[dict[str, Any]]) -> str:
    """All blocks' reports as Markdown: one line per block, and rejections by kind and gate in all."""
    lines = [
        "# Pool",
        "",
        "| block | groups | fragments | configurations | rejected | empty slots "
        "| CPU s a configuration | closest support-query Å | twin ratio |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for b in blocks:
        cost = f"{b['cost']['worker_cpu_seconds'] / max(b['configurations'], 1):.3f}" if b["cost"] else "–"
        twins = b["near_twins"]
        lines.append(
            f"| {b['block']} | {len(b['groups'])} | {b['fragments']} | {b['configurations']} "
            f"| {b['rejected']} | {', '.join(b['empty_slots']) or 'none'} | {cost} "
            f"| {_number(twins['closest_support_query_A'])} | {_number(twins['ratio'])} |"
        )
    tried: Counter[str] = sum((Counter(b["tried"]) for b in blocks), Counter())
    gates = Counter((r["kind"], r["gate"]) for b in blocks for r in b["rejections"])
    lines += ["", "| kind | tried | rejected by gate (share of the kind) |", "|---|---|---|"]
    for kind in sorted(tried):
        shares = [
            f"{gate} {count / tried[kind]:.1%}" for (of, gate), count in sorted(gates.items()) if of == kind
        ]
        lines.append(f"| {kind} | {tried[kind]} | {', '.join(shares) or 'none'} |")
    lost = {name: why for b in blocks for name, why in b.get("unplanned_groups", {}).items()}
    lines += [""] + [f"No fragments of {name}: {why}." for name, why in sorted(lost.items())]
    timed = [b for b in blocks if b["cost"]]
    seconds = sum(b["cost"]["worker_cpu_seconds"] for b in timed)
    each = seconds / max(sum(b["configurations"] for b in timed), 1)
    lines += [
        "",
        f"In all {sum(b['fragments'] for b in blocks)} fragments, "
        f"{sum(b['configurations'] for b in blocks)} configurations; where it was measured, {seconds:.0f} "
        f"CPU seconds in workers, {each:.3f} s a configuration.",
        "",
    ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
