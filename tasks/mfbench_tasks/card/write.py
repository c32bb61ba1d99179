"""``README.md`` and ``croissant.json`` of a data set's folder. The same data give the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from mfbench.work.files import write_text
from mfbench_tasks.card.croissant import croissant
from mfbench_tasks.card.facts import read_constructions
from mfbench_tasks.card.front import front_matter
from mfbench_tasks.card.levels import level_configs, level_section, read_level_splits
from mfbench_tasks.card.measured import admission, gains, leakage
from mfbench_tasks.card.reports import Projection, cost, project, read_reports
from mfbench_tasks.card.text import body
from mfbench_tasks.pool.recipe import load_pool_recipe

__all__ = ["card_texts", "write_card"]


def write_card(folder: Path, **options: Any) -> list[Path]:
    """Write what ``card_texts`` returns, which takes the same options; returns the paths."""
    texts = card_texts(folder, **options)
    for name, text in texts.items():
        write_text(Path(folder) / name, text)
    return [Path(folder) / name for name in texts]


def card_texts(
    folder: Path,
    *,
    reports: Path,
    larger: Sequence[Path] = (),
    log: Callable[[str], None] = lambda line: None,
) -> dict[str, str]:
    """``README.md`` and ``croissant.json``, from the constructions of a folder and what lies beside them.

    Args:
        reports: folder of build reports (``<pool>/<block>.json``, ``<split>/build_report.json``).
        larger: recipes whose cost the card projects.
        log: takes a line for every split that is left out.

    Raises:
        DataError: a file is missing or altered, a shard does not serve whole folds, a report is damaged.
    """
    folder = Path(folder)
    constructions, alone = read_constructions(folder)
    levels = read_level_splits(folder, alone)
    manifests = [*(c.manifest for c in constructions), *(s.manifest for s in levels)]
    hashes = {manifest.name: manifest.data_hash for manifest in manifests}
    for name in sorted(set(alone) - {s.name for s in levels}):
        log(f"{name}: complete in itself, no part of the card")
    found = read_reports(reports)
    shards = sorted({path for c in constructions for f in c.folds.values() for path in f.shards})
    rows = sum(pq.read_metadata(folder / path).num_rows for path in shards)
    size = sum((folder / path).stat().st_size for path in shards)
    measured = cost(found, "proteins")
    projections: dict[str, Projection] = {}
    if measured is not None:
        projections = {p.stem: project(load_pool_recipe(p), measured, size / rows) for p in larger}
    card = front_matter(constructions, rows, level_configs(levels)) + "\n"
    card += body(
        constructions,
        found,
        projections,
        (rows, size),
        leakage(folder, hashes),
        gains(folder, hashes),
        level_section(levels, Path(reports)),
        admission(folder, hashes),
    )
    return {"README.md": card, "croissant.json": croissant(folder, constructions)}
