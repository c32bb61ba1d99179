"""The table behind ``mfbench estimate``: errors of filed rows on every test molecule, from the store.

python scripts/estimate_table.py            # writes mfbench/embedded/estimate.npz, prints the coverage
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL
from mfbench.data.farthest_points import fingerprints
from mfbench.errors import DataError
from mfbench.own.estimate import measured_coverage
from mfbench.own.estimate.table import METRICS, SHIPPED, ErrorTable, write_table
from mfbench.store import open_store
from mfbench.store.open import default_store
from mfbench.submission.card import Card, read_card

SPLITS = {"pretrain": ("cath-mini", "chemistry-mini"), "scratch": ("cath", "chemistry")}
"""Method → splits whose filed rows are read. ``pretrain`` was filed at several K on the small ones alone.
``cluster30`` regroups proteins of ``cath``: leaving a family out would not leave its kin out."""
KS = (0, 10, 50)
AXES = 24
SAMPLE = 8
"""Configurations of a molecule that its vector is the mean of."""


def main() -> None:
    """Read the store, write the table."""
    store = open_store(default_store())
    sums: dict[str, dict[tuple[str, str], np.ndarray]] = {m: {} for m in SPLITS}
    frames: dict[tuple[str, str], list] = defaultdict(list)
    graphs: dict[tuple[str, str], str] = {}
    for name in store.ids():
        card = read_card(store.read_files(name)["submission.yaml"])
        run = card.run
        if not is_read(card):
            continue
        refuse_failures(name, card)
        checked, _, _ = store.recompute(name)
        for episode, kept in zip(checked.reference.episodes, checked.errors, strict=True):
            if episode.k not in KS:
                continue
            assert kept.errors is not None  # only a declared failure has none, and it was refused above
            for fragment in dict.fromkeys(episode.fragments.tolist()):
                rows = np.flatnonzero(episode.fragments == fragment)
                key = f"{run.split.removesuffix('-mini')} {episode.family_id}", fragment
                if key not in graphs:
                    chosen = rows[np.linspace(0, len(rows) - 1, SAMPLE).astype(int)]
                    frames[key] = [episode.query[i] for i in chosen]
                    graphs[key] = episode.query[rows[0]].graph_id
                energy = kept.errors.energy[rows]
                atoms = np.array([len(episode.query[i]) for i in rows])
                squares = kept.errors.force_square[rows] @ atoms / atoms.sum(), np.var(energy)
                place = sums[card.method].setdefault(key, np.zeros((len(KS), 3)))
                place[KS.index(episode.k)] += (*squares, 1.0)
    keys = sorted(graphs)
    elements = tuple(sorted({int(z) for key in keys for c in frames[key] for z in c.atomic_numbers}))
    whole = np.array([fingerprints(frames[key], elements).mean(axis=0) for key in keys])
    centre = whole.mean(axis=0)
    axes = np.linalg.svd(whole - centre, full_matrices=False)[2][:AXES]
    table = ErrorTable(
        np.array([family for family, _ in keys]),
        np.array([graphs[key] for key in keys]),
        (whole - centre) @ axes.T,
        {m: np.array([_errors(sums[m].get(key)) for key in keys]) for m in SPLITS},
        KS,
        elements,
        centre,
        axes,
        "filed rows: " + "; ".join(f"{m} on {' and '.join(s)}" for m, s in SPLITS.items()),
    )
    write_table(SHIPPED, table)
    print(table.note)
    for method in SPLITS:
        for metric in METRICS:
            for k in KS:
                covered, count = measured_coverage(table, method, k, metric)
                if count:
                    print(f"{method:9}{metric:20}K = {k:<4}{100 * covered:.0f} % of {count}")


def is_read(card: Card) -> bool:
    """Whether the table is made of a row: of published draws, at the standard budget."""
    run = card.run
    return run.split in SPLITS.get(card.method, ()) and card.track == "standard" and run.selector is None


def refuse_failures(name: str, card: Card) -> None:
    """Refuse a row whose errors at one of ``KS`` are not all there: hard episodes are those that fail.

    Raises:
        DataError: it declares a failed episode.
    """
    for row in card.failures:
        if row.k is None or row.k in KS:
            raise DataError(
                f"{name} failed on {row.family} ({row.reason}): the table would be too good without; "
                "leave the row out of SPLITS, or file one that is whole"
            )


def _errors(found: np.ndarray | None) -> np.ndarray:
    """[K, metric] kcal/mol(/Å)."""
    if found is None:
        return np.full((len(KS), len(METRICS)), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        errors: np.ndarray = np.sqrt(found[:, :2] / found[:, 2:]) * EV_TO_KCAL_MOL
    return errors


if __name__ == "__main__":
    main()
