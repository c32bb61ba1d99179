"""Whether a submission's predictions are those of one that is already in the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mfbench.store.index import read_store
from mfbench.store.store import Store
from mfbench.submission.checked import Checked
from mfbench.submission.detectors.error_fingerprint import SAME, WIDTH, distance
from mfbench.submission.detectors.findings import Finding, Kind

__all__ = ["copy_findings"]


def copy_findings(store: Store, checked: Checked) -> list[Finding]:
    """The nearest submission of the same split whose errors are the same, if there is one.

    Forces decide: an energy correction on top of copied forces is a copy too. Predictions without a force
    field all make the same errors and are left out. A submission that says whom it is derived from is
    noted; one that does not is refused. A compact submission is no copy of the one it was made from.
    """
    if any(finding.kind == Kind.CONSTANT_PREDICTIONS for finding in checked.findings):
        return []
    own = checked.fingerprints
    families = checked.reference.families
    nearest: tuple[float, str, str] | None = None
    for name, k, theirs in _fingerprints(store, checked, families):
        forces, energies = distance(own[k], theirs) if k in own else (np.inf, np.inf)
        if forces < SAME and (nearest is None or forces < nearest[0]):
            what = "energies and forces" if energies < SAME else "forces"
            nearest = forces, name, f"{what} at K = {k}"
    if nearest is None:
        return []
    size, name, what = nearest
    declared = checked.card.derived_from == name
    return [
        Finding(
            kind=Kind.SAME_PREDICTIONS if declared else Kind.COPIED_PREDICTIONS,
            message=f"{what} are those of {name}: they differ by {size:.1%} of the error. "
            + (
                "It says so itself."
                if declared
                else "If they share weights or predictions, say 'derived_from' in submission.yaml."
            ),
        )
    ]


def _fingerprints(
    store: Store, checked: Checked, families: Sequence[str]
) -> Iterator[tuple[str, int, np.ndarray]]:
    """(id, K, [n families, WIDTH]) of the other submissions on the same data; NaN in families that they
    have not."""
    snapshot = read_store(store, write=False)
    data = checked.card.run.data_hash
    rows = snapshot.rows.filter(snapshot.rows["sketch"].is_valid()).select(["submission", "k", "sketch"])
    for row in rows.to_pylist():
        summary = snapshot.summaries[row["submission"]]
        if row["submission"] == checked.card.made_from:
            continue
        if summary.card.run.data_hash == data:
            if any(f.kind == Kind.CONSTANT_PREDICTIONS for f in summary.findings):
                continue
            theirs = np.array(row["sketch"], np.float32).reshape(-1, WIDTH)
            of = dict(zip(summary.families, theirs, strict=True))
            absent = np.full(WIDTH, np.nan, np.float32)
            yield summary.id, row["k"], np.stack([of.get(family, absent) for family in families])
