"""``compare``: records and data in, a comparison of constructions out."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mfbench.audit.leakage import measure_leakage
from mfbench.audit.train_overlap import DescribedSplit
from mfbench.compare.comparison import Comparison, Construction, Diversity
from mfbench.compare.diversity import DIVERSITY_VERSION, diversity
from mfbench.compare.fold_sizes import FoldSizes, fold_sizes
from mfbench.compare.matrix import curves, gains, power, scores, transfer
from mfbench.compare.record import RECORDED, Record
from mfbench.data.manifest import read_manifest
from mfbench.data.side_tables import read_side_tables
from mfbench.data.split import find_split, load_split
from mfbench.errors import ProtocolError, UnknownNameError
from mfbench.work.files import write_text

__all__ = ["compare"]


def compare(
    records: Sequence[Record],
    constructions: Sequence[str],
    *,
    metric: str = "force_rmse",
    k: int = 50,
    cache: Path | None = None,
    tick: Callable[[int, int], None] = lambda done, total: None,
) -> Comparison:
    """Put constructions side by side.

    Args:
        records: of a campaign.
        constructions: names or folders of the splits to show.
        metric, k: of the transfer matrix and the curves; scores and gains have all that were run.
        cache: folder that keeps what was measured of the data, by its hash.
        tick: ``tick(done, total)`` after every part: the diversity of a construction that is not in the
            cache takes minutes, all else seconds.

    Raises:
        UnknownNameError: no such metric or split.
        ProtocolError: the records are of other data, or have no such K.
    """
    if metric not in RECORDED:
        raise UnknownNameError(f"unknown metric '{metric}': choose one of {', '.join(RECORDED)}")
    if k not in {k for record in records for k in record.ks}:
        held = ", ".join(map(str, sorted({k for record in records for k in record.ks})))
        raise ProtocolError(f"no run has K = {k}: choose one of {held}")
    sizes = {found.manifest.name: found for found in map(fold_sizes, constructions)}
    _check_data(records, {name: found.manifest.data_hash for name, found in sizes.items()})
    total, shown = len(sizes) + 5, []
    for name, found in sizes.items():
        shown.append(_construction(name, found, cache))
        tick(len(shown), total)
    totals = {name: (found.train_families, found.configurations) for name, found in sizes.items()}
    parts: list[list[Any]] = []
    for part in (
        lambda: [s for s in scores(records) if s.construction in sizes],
        lambda: [g for g in gains(records) if g.construction in sizes],
        lambda: transfer(records, metric, k),
        lambda: [c for c in curves(records, metric, k, totals) if c.construction in sizes],
        lambda: [p for p in power(records) if p.construction in sizes],
    ):
        parts.append(part())
        tick(len(shown) + len(parts), total)
    return Comparison(
        level_of_theory=next(iter(sizes.values())).manifest.level_of_theory,
        constructions=shown,
        scores=parts[0],
        gains=parts[1],
        transfer=parts[2],
        curves=parts[3],
        power=parts[4],
    )


def _check_data(records: Sequence[Record], known: Mapping[str, str]) -> None:
    """Whether all runs were tested and trained on the data that is here, as far as it is here.

    ``known``: split → data hash.
    """
    hashes = dict(known)
    for name in {r.split for r in records} - set(hashes):
        with contextlib.suppress(UnknownNameError):
            hashes[name] = read_manifest(find_split(name)).data_hash
    for record in records:
        trained = record.trained
        home = trained.construction.partition("+")[0] if trained else ""
        pairs = [(record.split, record.data_hash)] + ([(home, trained.data_hash)] if trained else [])
        for name, found in pairs:
            if hashes.get(name, found) != found:
                raise ProtocolError(f"{record.name} is of another version of {name}: evaluate it again")


def _kept(path: Path | None) -> Diversity | None:
    """What was measured before; a file that cannot be read counts as none."""
    try:
        return Diversity.model_validate(json.loads(path.read_text(encoding="utf-8"))) if path else None
    except (OSError, ValueError):
        return None


def _construction(name: str, sizes: FoldSizes, cache: Path | None) -> Construction:
    data_hash = sizes.manifest.data_hash
    path = cache / f"diversity-{DIVERSITY_VERSION}-{data_hash[:16]}.json" if cache else None
    found = _kept(path)
    if found is None:
        split = load_split(name)
        source = DescribedSplit(split, read_side_tables(split.name, split))
        found = diversity(split, measure_leakage(source))
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, found.model_dump_json(indent=1) + "\n")
    return Construction(
        name=name, data_hash=data_hash, n_test_families=sizes.test_families, diversity=found
    )
