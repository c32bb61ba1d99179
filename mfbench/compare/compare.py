"""``compare``: records and data in, a comparison of constructions out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from mfbench.compare.comparison import Comparison, Construction, Diversity
from mfbench.compare.diversity import diversity
from mfbench.compare.matrix import curves, gains, scores, transfer
from mfbench.compare.record import METRICS, Record
from mfbench.errors import ProtocolError, UnknownNameError
from mfbench.leakage import measure_leakage
from mfbench.overlap import Source
from mfbench.sidetables import read_side_tables
from mfbench.split import Split, load_split

__all__ = ["compare"]


def compare(
    records: Sequence[Record],
    constructions: Sequence[str],
    *,
    metric: str = "force_rmse",
    k: int = 50,
    cache: Path | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Comparison:
    """Put constructions side by side.

    Args:
        records: of a campaign.
        constructions: names or folders of the splits to show.
        metric, k: of the transfer matrix and the curves; scores and gains have all that were run.
        cache: folder that keeps what was measured of the data, by its hash.
        tell: is told what is being done.

    Raises:
        UnknownNameError: no such metric or split.
        ProtocolError: the records are of other data, or have no such K.
    """
    if metric not in METRICS:
        raise UnknownNameError(f"unknown metric '{metric}': choose one of {', '.join(METRICS)}")
    if k not in {k for record in records for k in record.ks}:
        found = ", ".join(map(str, sorted({k for record in records for k in record.ks})))
        raise ProtocolError(f"no run has K = {k}: choose one of {found}")
    splits = {split.name: split for split in map(load_split, constructions)}
    for record in records:
        split = splits.get(record.split)
        if split and record.data_hash != split.manifest.data_hash:
            raise ProtocolError(
                f"{record.name} was tested on another version of {split.name}: evaluate it again"
            )
    shown = []
    for split in splits.values():
        tell(f"diversity of {split.name}")
        shown.append(_construction(split, cache))
    totals = {name: _totals(split) for name, split in splits.items()}
    return Comparison(
        level_of_theory=next(iter(splits.values())).manifest.level_of_theory,
        constructions=shown,
        scores=[s for s in scores(records) if s.construction in splits],
        gains=[g for g in gains(records) if g.construction in splits],
        transfer=transfer(records, metric, k),
        curves=[c for c in curves(records, metric, k, totals) if c.construction in splits],
    )


def _totals(split: Split) -> tuple[int, int]:
    """Train families, and mean configurations of one in the roles that training uses."""
    sizes = [len(t.support) + len(t.query) + len(t.heldout) for t in split.train]
    return len(sizes), round(sum(sizes) / max(len(sizes), 1))


def _construction(split: Split, cache: Path | None) -> Construction:
    path = cache / f"diversity-{split.manifest.data_hash[:16]}.json" if cache else None
    if path and path.is_file():
        found = Diversity.model_validate(json.loads(path.read_text()))
    else:
        source = Source(split, read_side_tables(split.name, split))
        found = diversity(split, measure_leakage(source))
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(found.model_dump_json(indent=1) + "\n")
    return Construction(
        name=split.name,
        data_hash=split.manifest.data_hash,
        n_test_families=len(split.test),
        diversity=found,
    )
