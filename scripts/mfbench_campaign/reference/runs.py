"""The reference runs on the mini splits: what is run, running it, and what the tables need of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mfbench
from mfbench.learned.checkpoint import EMBEDDED
from mfbench.protocol.protocol import STANDARD_DRAWS, STANDARD_K, Budget, Support
from mfbench.results.results import read_results
from mfbench_campaign.headline import FEW, MANY, NONE, SHOWN

__all__ = ["ERRORS", "RUNS", "Found", "Run", "collect", "run"]

ERRORS = ("energy_rmse", "energy_rmse_within", "force_rmse")
METHODS = ("constant", "offset", "ridge", "pretrain", "maml", "fomaml", "reptile", "maml++", "anil")
WHOLE = ("constant", "offset", "ridge", "pretrain")
"""At every K and draw."""

Found = dict[str, dict[str, Any]]
"""Name of a run → what ``collect`` kept of it."""


@dataclass(frozen=True)
class Run:
    """One run: a method with its budget, on own or another family's support."""

    name: str
    method: str
    ks: tuple[int, ...] = (NONE, FEW, MANY)
    support: Support = Support.OWN
    options: dict[str, Any] = field(default_factory=dict)
    draws: int = 2
    arch: str = "mace"


_ARCHITECTURES = tuple(
    Run(f"{method}-{arch}", method, arch=arch)
    for arch in ("nequip", "allegro")
    for method in ("pretrain", "maml")
)
_EVERY = tuple(Run(m, m, STANDARD_K, draws=STANDARD_DRAWS) for m in WHOLE)
_OTHERS = tuple(Run(m, m) for m in METHODS if m not in WHOLE)
_CONTROLS = tuple(
    Run(f"{m}-wrong-family", m, (MANY,), support=Support.WRONG_FAMILY)
    for m in ("offset", "pretrain", "maml")
)
_SEARCHED = json.loads((EMBEDDED / "levels-mini" / "tuning.json").read_text())
_SCRATCH = Run("scratch", "scratch", SHOWN, options=_SEARCHED["mace-scratch"]["chosen"])
"""By the recipe that the search on the validation families of levels-mini found."""
RUNS = dict.fromkeys(
    ("cath-mini", "chemistry-mini"), (*_EVERY, *_OTHERS, _SCRATCH, *_ARCHITECTURES, *_CONTROLS)
)


def run(split: str, names: Sequence[str], folder: Path, workers: int) -> None:
    """Evaluate the named runs, or all of them; resumes."""
    for item in RUNS[split]:
        if names and item.name not in names:
            continue
        out = folder / item.name
        mfbench.evaluate(
            item.method, split, ks=item.ks, draws=item.draws, out=out, resume=(out / "run.json").is_file(),
            support=item.support, options=item.options,
            workers=workers, progress=True, arch=item.arch,
        )  # fmt: skip


def collect(split: str, folder: Path) -> Found:
    """What the tables need of every finished run: aggregates, and errors per family."""
    found: Found = {}
    for item in RUNS[split]:
        path = folder / item.name / "results.json"
        if not path.is_file():
            continue
        results = read_results(path)
        wanted = (*ERRORS, "adapt_seconds", "gradient_evaluations")
        found[item.name] = {
            "method": item.method,
            "arch": item.arch,
            "steps": Budget().steps,
            "support": item.support,
            "options": results.run["options"],
            "draws": item.draws,
            "data_hash": results.run["data_hash"],
            "seed": results.run["seed"],
            "failures": len(results.failures),
            "aggregate": [row.model_dump() for row in results.aggregate if row.metric in wanted],
            "families": {m: {str(k): results.per_family(m, k) for k in results.ks} for m in ERRORS},
            "sessions": json.loads((folder / item.name / "run.json").read_text()).get("sessions"),
        }
    return found
