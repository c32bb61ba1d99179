"""``compare``: records and data in, a comparison of constructions out."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mfbench.audit.leakage import measure_leakage
from mfbench.audit.train_overlap import Source
from mfbench.compare.comparison import Comparison, Construction, Diversity
from mfbench.compare.diversity import DIVERSITY_VERSION, diversity
from mfbench.compare.matrix import curves, gains, scores, transfer
from mfbench.compare.record import METRICS, Record
from mfbench.data.manifest import read_manifest
from mfbench.data.side_tables import read_side_tables
from mfbench.data.split import Split, find_split, load_split
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
    _check_data(records, splits)
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


def _check_data(records: Sequence[Record], splits: Mapping[str, Split]) -> None:
    """Whether all runs were tested and trained on the data that is here, as far as it is here."""
    hashes = {name: split.manifest.data_hash for name, split in splits.items()}
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


def _totals(split: Split) -> tuple[int, int]:
    """Train families, and mean configurations of one in the roles that training uses."""
    sizes = [len(t.support) + len(t.query) + len(t.heldout) for t in split.train]
    return len(sizes), round(sum(sizes) / max(len(sizes), 1))


def _kept(path: Path | None) -> Diversity | None:
    """What was measured before; a file that cannot be read counts as none."""
    try:
        return Diversity.model_validate(json.loads(path.read_text())) if path else None
    except (OSError, ValueError):
        return None


def _construction(split: Split, cache: Path | None) -> Construction:
    path = cache / f"diversity-{DIVERSITY_VERSION}-{split.manifest.data_hash[:16]}.json" if cache else None
    found = _kept(path)
    if found is None:
        source = Source(split, read_side_tables(split.name, split))
        found = diversity(split, measure_leakage(source))
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, found.model_dump_json(indent=1) + "\n")
    return Construction(
        name=split.name,
        data_hash=split.manifest.data_hash,
        n_test_families=len(split.test),
        diversity=found,
    )
