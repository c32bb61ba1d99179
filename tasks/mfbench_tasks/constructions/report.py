"""The report of a construction: folds and family classes, what test families hold that train does not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mfbench.work.files import write_text
from mfbench_tasks.constructions.arrangements.arrangement import ArrangedFamily, Families
from mfbench_tasks.pool.inventory import Inventory

__all__ = ["novelty", "write_construction_report"]

_FOLDS = ("train", "validation", "test")


def write_construction_report(folder: Path, name: str, found: Families, inventory: Inventory) -> None:
    """Write ``<name>.json`` and ``<name>.md``."""
    families, left_out = found.families, found.left_out
    folder.mkdir(parents=True, exist_ok=True)
    classes = sorted({f.family_class for f in families})
    count = Counter((f.fold, f.family_class) for f in families)
    new = novelty(families, inventory)
    report = {
        "families": {fold: {s: count[fold, s] for s in classes} for fold in _FOLDS},
        "left_out": list(left_out),
        "novelty": new,
    }
    write_text(folder / f"{name}.json", json.dumps(report, indent=1) + "\n")
    lines = [
        f"# {name}",
        "",
        "| fold | " + " | ".join(classes) + " | all |",
        "|---" * (len(classes) + 2) + "|",
        *(
            f"| {fold} | {' | '.join(str(count[fold, s]) for s in classes)} "
            f"| {sum(count[fold, s] for s in classes)} |"
            for fold in _FOLDS
        ),
        "",
        f"Left out, with too few fragments accepted: {', '.join(left_out) or 'none'}.",
        "",
        "| family | fold | stratum | fragments | graph not in train | motif not in train |",
        "|---|---|---|---|---|---|",
        *(f"| {' | '.join(str(v) for v in row.values())} |" for row in new),
        "",
    ]
    write_text(folder / f"{name}.md", "\n".join(lines))


def novelty(families: Sequence[ArrangedFamily], inventory: Inventory) -> list[dict[str, Any]]:
    """For each family outside train: how many of its fragments, graphs and motifs train does not hold."""
    train = [inventory.fragments[name] for f in families if f.fold == "train" for name in f.fragments]
    graphs, motifs = {held.graph_id for held in train}, {held.motif for held in train}
    rows = []
    for family in families:
        if family.fold == "train":
            continue
        found = [inventory.fragments[name] for name in family.fragments]
        rows.append(
            {
                "family_id": family.family_id,
                "fold": family.fold,
                "stratum": family.family_class,
                "fragments": len(found),
                "graphs_not_in_train": sum(held.graph_id not in graphs for held in found),
                "motifs_not_in_train": sum(held.motif not in motifs for held in found),
            }
        )
    return rows
