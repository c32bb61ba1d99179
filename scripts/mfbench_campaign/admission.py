"""Is a construction one for few-shot learning? Three numbers for each, which the data card shows.

python scripts/admission.py run      # contrasts of levels; minutes of one core; resumes where it stopped
python scripts/admission.py table    # tasks/data/admission.json

*Contrasts* in forces: K = 0 ÷ K = 50, and wrong ÷ own labels at K = 50, of ``pretrain``. Those of the
constructions with one level are in ``gains.json``; of ``levels`` the network that ships with cath-mini is
fine-tuned, and the wrong labels are those of another level, and of another family at the same level.
*Variance*: how far the errors of a network without any label (logarithm of the force error of each fragment
of the test fold) are explained by the molecule, and what family and level explain after it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mfbench
from mfbench.data.configuration import Configuration
from mfbench.data.split import Split, load_split
from mfbench.errors import DataError
from mfbench.learned.adaptation.initial_model import initialisation
from mfbench.learned.checkpoint import embedded_checkpoint
from mfbench.protocol.loading import load_engine
from mfbench.protocol.method import MethodContext
from mfbench.results.results import Results, read_results
from mfbench.results.score_run import family_groups
from mfbench_campaign.folders import ROOT, RUNS
from mfbench_campaign.headline import MANY
from mfbench_campaign.intervals import family_ratio

__all__ = ["Explained", "explained", "main"]

OUT = ROOT / "tasks" / "data" / "admission.json"
GAINS = ROOT / "tasks" / "data" / "gains.json"
NETWORKS = {
    "cath": "cath-mini", "cluster30": "cath-mini", "shuffled": "cath-mini", "chemistry": "chemistry-mini",
    "levels": "cath-mini",
}  # fmt: skip
"""Construction → split whose shipped network makes the errors."""
RECIPE = {"optimizer": "adam", "rate": 1e-2, "decay": "cosine"}
CONTRASTS = {"wrong level": "wrong-level", "wrong family": "wrong-family"}


@dataclass(frozen=True)
class Explained:
    """What a factor explains.

    Attributes:
        share: of the variance that is left without it.
        f: its mean square over the residual one; near 1 it explains what chance would.
    """

    share: float
    f: float


def explained(
    values: np.ndarray, first: Sequence[Hashable], then: Sequence[Hashable] | None = None
) -> Explained | None:
    """What ``then`` explains of ``values`` [n] after ``first`` (or ``first`` alone, after the mean).

    None where nothing is left that could tell: as many levels of the factors as values, or no new one.
    """
    base = np.ones((len(values), 1)) if then is None else _columns(first)
    whole = np.column_stack([base, _columns(first if then is None else then)])
    before, rank_before = _left(base, values)
    after, rank_after = _left(whole, values)
    new, free = rank_after - rank_before, len(values) - rank_after
    if new < 1 or free < 1 or before <= 0.0:
        return None
    return Explained((before - after) / before, ((before - after) / new) / (after / free))


def _columns(names: Sequence[Hashable]) -> np.ndarray:
    places = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return np.eye(len(places))[[places[name] for name in names]]


def _left(design: np.ndarray, values: np.ndarray) -> tuple[float, int]:
    found, _, rank, _ = np.linalg.lstsq(design, values)
    return float(np.sum((values - design @ found) ** 2)), int(rank)


def _errors(split: Split, start: str) -> list[dict[str, Any]]:
    """Per test fragment: molecule, family, level, and the logarithm of a network's force error on it."""
    engine = load_engine("jax")
    checkpoint = initialisation("pretrain", MethodContext(load_split(start)))
    # Levels of theory: those of validation too, since a test fold may have one alone.
    tasks = [*split.test, *(t for t in split.validation if t.level)]
    rows = []
    for task in tasks:
        some = [c for c in (*task.query, *task.heldout) if _covered(c, checkpoint.config.elements)]
        if not some:
            continue
        sized = engine.sized_for(some, checkpoint.config)
        _, forces = sized.predict(sized.arrays(checkpoint.params), checkpoint.config, some)
        squares: dict[str, list[float]] = {}
        for c, f in zip(some, forces, strict=True):
            squares.setdefault(c.fragment_id, []).append(float(np.mean((c.label[1] - f) ** 2)))
        graphs = {c.fragment_id: c.graph_id for c in some}
        family = task.family or task.family_id
        rows += [
            {
                "graph": graphs[name],
                "family": family,
                "level": task.level,
                "error": 0.5 * np.log(np.mean(x)),
            }
            for name, x in squares.items()
        ]
    return rows


def _covered(c: Configuration, elements: Sequence[int]) -> bool:
    return {int(z) for z in c.atomic_numbers} <= set(elements)


def variance(name: str) -> dict[str, Any]:
    """What molecule, family and level explain of a construction's errors without labels."""
    rows = _errors(load_split(name, verify=False), NETWORKS[name])
    y = np.array([row["error"] for row in rows])
    graphs, families, levels = ([row[key] for row in rows] for key in ("graph", "family", "level"))
    both = [*zip(graphs, levels, strict=True)]
    found = {
        "molecule": explained(y, graphs),
        "family": explained(y, both, families),
        "level": explained(y, graphs, levels) if len(set(levels)) > 1 else None,
    }
    return {"fragments": len(rows), "molecules": len(set(graphs))} | {
        key: [round(x.share, 3), round(x.f, 2)] if x else None for key, x in found.items()
    }


def evaluate_levels(runs: Path, workers: int) -> None:
    """The shipped network on the semiempirical test tasks of ``levels``: own and wrong labels."""
    checkpoint = str(embedded_checkpoint(NETWORKS["levels"], "mace", "pretrain"))
    split = load_split("levels")
    families = [t.family_id for t in split.test if t.draws.shape[1] >= MANY]
    for support, ks in (("own", [0, MANY]), *((s, [MANY]) for s in CONTRASTS.values())):
        out = runs / f"levels-pretrain-{support}"
        mfbench.evaluate(
            "pretrain", split, ks=ks, draws=1, out=out, resume=out.is_dir(), workers=workers,
            support=support, families=families, checkpoint=checkpoint, options=RECIPE, progress=True,
        )  # fmt: skip


def contrasts_of_levels(runs: Path) -> dict[str, Any]:
    """Ratios of force errors, [value, lo, hi], as ``gains.json`` has them for the others."""
    own = _current(runs / "levels-pretrain-own" / "results.json")
    below = own.per_family("force_rmse", MANY)
    groups = family_groups(load_split("levels", verify=False), list(below))
    found = {"K = 0 ÷ K = 50": own.per_family("force_rmse", 0)}
    for title, support in CONTRASTS.items():
        other = _current(runs / f"levels-pretrain-{support}" / "results.json")
        found[f"{title} ÷ own"] = other.per_family("force_rmse", MANY)
    return {
        title: [round(x, 3) for x in family_ratio(top, below, groups) or ()] for title, top in found.items()
    }


def _current(path: Path) -> Results:
    """The results of a run on ``levels`` as it is now.

    Raises:
        DataError: the run is of another version.
    """
    found = read_results(path)
    if found.run["data_hash"] != load_split("levels", verify=False).manifest.data_hash:
        raise DataError(f"{path} is of another version of levels: run it again")
    return found


def _contrasts(rows: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    kept = {"K = 0 ÷ K = 50": "K = 0 ÷ K = 50", "wrong family ÷ own": "wrong family ÷ own, K = 50"}
    return {
        title: row["forces"]
        for title, ratio in kept.items()
        for row in rows
        if (row["construction"], row["method"], row["ratio"]) == (name, "pretrain", ratio)
    }


def collect(runs: Path) -> None:
    """Write what the card shows."""
    gains = json.loads(GAINS.read_text())
    content: dict[str, Any] = {"schema": 1, "data_hashes": {}, "networks": NETWORKS, "rows": []}
    for name in NETWORKS:
        now = load_split(name, verify=False).manifest.data_hash
        if name != "levels" and gains["data_hashes"].get(name) != now:
            raise DataError(f"{GAINS} is of another version of {name}: measure it again")
        found = contrasts_of_levels(runs) if name == "levels" else _contrasts(gains["rows"], name)
        content["rows"].append({"construction": name, **found, "variance": variance(name)})
        content["data_hashes"][name] = now
        print(name, content["rows"][-1])
    OUT.write_text(json.dumps(content, indent=1) + "\n")


def main() -> int:
    """The command ``admission.py``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=["run", "table"])
    parser.add_argument("--runs", type=Path, default=RUNS / "admission")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.command == "run":
        evaluate_levels(arguments.runs, arguments.workers)
    else:
        collect(arguments.runs)
    return 0
