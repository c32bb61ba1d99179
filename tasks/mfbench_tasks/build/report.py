"""The build report: what was rejected and why, what it cost, and what the split is like."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mfbench.audit.near_duplicates import twin_statistics
from mfbench.work.files import write_text, written
from mfbench_tasks.build.job import Outcome
from mfbench_tasks.families.cath import Family
from mfbench_tasks.sampling.label_trajectory import LabelledFragment
from mfbench_tasks.sampling.role import Role, stored_role

__all__ = ["build_report", "outcome_report", "write_label_times", "write_report"]


def build_report(
    families: Sequence[Family], outcomes: Sequence[Outcome], graphs: dict[str, str]
) -> dict[str, Any]:
    """A JSON-ready summary of a build.

    Args:
        graphs: fragment id → graph id.
    """
    return outcome_report(outcomes) | {"novelty": _novelty(families, outcomes, graphs)}


def outcome_report(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """A JSON-ready summary of finished jobs: what was rejected, dropped, how close twins are, cost."""
    labelled = [o.labelled for o in outcomes if o.labelled is not None]
    rejections = [r for o in outcomes for r in o.rejections]
    tried = Counter(m.fragment.kind for m in labelled) + Counter(r["kind"] for r in rejections)
    share = {
        kind: {
            gate: count / tried[kind]
            for gate, count in sorted(Counter(r["gate"] for r in rejections if r["kind"] == kind).items())
        }
        for kind in sorted(tried)
    }
    return {
        "fragments": len(labelled),
        "configurations": sum(len(m.configurations) for m in labelled),
        "tried": dict(sorted(tried.items())),
        "rejected": len(rejections),
        "rejected_share_by_kind_and_gate": share,
        "rejections": rejections,
        "configurations_dropped_by_gate": dict(
            sorted(sum((m.dropped for m in labelled), Counter()).items())
        ),
        "worst_finite_difference_eV_per_A": max((m.finite_difference for m in labelled), default=0.0),
        "near_twins": _twins(outcomes),
        "sizes": _sizes(labelled),
        "cost": {
            "worker_wall_seconds": sum(o.wall_seconds for o in outcomes),
            "worker_cpu_seconds": sum(o.cpu_seconds for o in outcomes),
            "label_seconds": float(sum(sum(m.label_seconds) for m in labelled)),
        },
    }


def write_report(report: dict[str, Any], labelled: Sequence[LabelledFragment], folder: Path) -> None:
    """Write ``build_report.json``, a short ``build_report.md`` and ``label_times.parquet``."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "build_report.json", json.dumps(report, indent=1) + "\n")
    write_text(folder / "build_report.md", _summary(report))
    write_label_times(labelled, folder / "label_times.parquet")


def write_label_times(labelled: Sequence[LabelledFragment], path: Path) -> None:
    """Wall seconds of every label, beside the data and outside its hash."""
    times = {
        "config_id": [c.config_id for m in labelled for c in m.configurations],
        "seconds": np.round([s for m in labelled for s in m.label_seconds], 4).astype(np.float32),
    }
    with written(path) as temporary:
        pq.write_table(pa.table(times), temporary, compression="zstd")


def _twins(outcomes: Sequence[Outcome]) -> dict[str, float]:
    found = [c for o in outcomes if o.labelled and not o.heldout for c in o.labelled.configurations]
    support, query = (
        [c for c in found if stored_role(c.trajectory_id) == role] for role in (Role.SUPPORT, Role.QUERY)
    )
    return twin_statistics(support, query)


def _novelty(
    families: Sequence[Family], outcomes: Sequence[Outcome], graphs: dict[str, str]
) -> dict[str, Any]:
    fold = {f.family_id: f.fold for f in families}
    seen: dict[str, list[str]] = defaultdict(list)
    for o in outcomes:
        if o.labelled is not None:
            seen[fold[o.family_id]].append(graphs[o.labelled.fragment_id])
    train = set(seen["train"])
    return {
        name: {"fragments": len(found), "not_in_train": sum(g not in train for g in found)}
        for name, found in sorted(seen.items())
    }


def _sizes(labelled: Sequence[LabelledFragment]) -> dict[str, Any]:
    sizes = np.array([len(m.fragment) for m in labelled])
    charges = Counter(m.fragment.total_charge for m in labelled)
    return {
        "atoms_mean": float(sizes.mean()),
        "atoms_min": int(sizes.min()),
        "atoms_max": int(sizes.max()),
        "fragments_by_charge": {str(q): n for q, n in sorted(charges.items())},
        "fragments_by_kind": dict(sorted(Counter(m.fragment.kind for m in labelled).items())),
    }


def _summary(report: dict[str, Any]) -> str:
    twins, cost = report["near_twins"], report["cost"]
    lines = [
        "# Build report",
        "",
        f"{report['fragments']} fragments, {report['configurations']} configurations; "
        f"{report['rejected']} fragments rejected.",
        "",
        "| kind | tried | rejected by gate (share of the kind) |",
        "|---|---|---|",
    ]
    for kind, shares in report["rejected_share_by_kind_and_gate"].items():
        text = ", ".join(f"{gate} {share:.1%}" for gate, share in shares.items()) or "none"
        lines.append(f"| {kind} | {report['tried'][kind]} | {text} |")
    lines += ["", "| fragment | motif | gate | reason |", "|---|---|---|---|"]
    for r in report["rejections"]:
        lines.append(f"| {r['fragment']} | {r['motif']} | {r['gate']} | {r['reason']} |")
    dropped = ", ".join(f"{g} {n}" for g, n in report["configurations_dropped_by_gate"].items())
    lines += ["", f"Single configurations dropped and drawn again: {dropped or 'none'}."]
    if np.isfinite(twins["ratio"]):
        lines += [
            "",
            f"Nearest support-query pair: {twins['closest_support_query_A']:.3f} Å. Median distance of "
            f"a query configuration to a support trajectory "
            f"{twins['median_to_support_trajectory_A']:.3f} Å, to another query trajectory "
            f"{twins['median_to_query_trajectory_A']:.3f} Å: ratio {twins['ratio']:.3f}.",
        ]
    lines += [
        "",
        f"Cost: {cost['worker_cpu_seconds']:.0f} CPU seconds in workers "
        f"({cost['worker_wall_seconds']:.0f} s wall), of which labels {cost['label_seconds']:.0f} s.",
        "",
    ]
    return "\n".join(lines)
