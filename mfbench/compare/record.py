"""One evaluated run, small enough to be committed: errors of every family, what it cost, where it is from.

Tables and figures of a campaign are made from records alone, so that they regenerate from a clone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mfbench.data.split import Split
from mfbench.errors import DataError
from mfbench.results.compact_json import line_per_key
from mfbench.results.results import Results
from mfbench.results.score_run import family_groups

__all__ = ["QUERIES", "RECORDED", "Record", "Trained", "read_records", "record_of"]

RECORDED = ("energy_rmse", "energy_rmse_within", "force_rmse")
"""Kept in a record: kcal/mol, kcal/mol, kcal/mol/Å."""
QUERIES = ("all", "seen", "unseen", "novel", "larger")
_COSTS = ("adapt_seconds", "predict_seconds", "gradient_evaluations")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Trained(_Part):
    """The checkpoint of a run, as its card says.

    Attributes:
        construction: that it was meta-trained on; ``cath+chemistry``: on both.
        data_hash: of that split.
        method: that it was trained by; ``offset`` and ``ridge`` use that of ``pretrain``.
        seed: of meta-training.
        families, configurations: train families, and configurations of each; 0: all of them.
        gradients: configuration-gradients of all phases.
        seconds: wall time of all phases.
        parameters: weights of the network.
        sha256: of the file.
    """

    construction: str
    data_hash: str
    method: str
    seed: int
    families: int = 0
    configurations: int = 0
    gradients: int
    seconds: float
    parameters: int
    sha256: str


class Record(_Part):
    """One run of one method on one split.

    Attributes:
        name: unique in a campaign, e.g. ``cath/maml/seed0``.
        method, arch, options, steps: what adapted, and how.
        model: what a campaign calls the network and its training, where it has several of one method.
        split, data_hash, fold, draws, seed: what it was tested on.
        track: what adaptation could spend; None in records from before runs named it.
        support: ``own``, or ``wrong-family``.
        exclude: split whose train families were kept apart, or None.
        trained: where the weights come from; None for methods without.
        failures: reasons of failed episodes; they score a penalty.
        families: test families, in order.
        groups: [n families] those with the same number move together in the bootstrap.
        errors: metric → query → K → [n families] mean over draws; null where a family has no such query.
        costs: cost → K → median over episodes.
        code_version, hardware: of the evaluation.
    """

    schema_: int = Field(default=1, alias="schema")
    name: str
    method: str
    arch: str | None
    options: dict[str, Any]
    steps: int
    model: str = "nano"
    split: str
    data_hash: str
    fold: str
    draws: int
    seed: int
    track: str | None = None
    support: str
    exclude: str | None
    trained: Trained | None
    failures: list[str]
    families: list[str]
    groups: list[int]
    errors: dict[str, dict[str, dict[str, list[float | None]]]]
    costs: dict[str, dict[str, float]]
    code_version: str
    hardware: dict[str, Any]

    @property
    def ks(self) -> list[int]:
        """Support sizes, ascending."""
        return sorted(int(k) for k in self.errors[RECORDED[0]]["all"])

    def per_family(self, metric: str, k: int, query: str = "all") -> dict[str, float]:
        """family → error, of the families that have such a query; empty where the run has no such K."""
        values = self.errors.get(metric, {}).get(query, {}).get(str(k), [])
        return {f: v for f, v in zip(self.families, values, strict=False) if v is not None}

    def group_of(self) -> dict[str, int]:
        """family → bootstrap group."""
        return dict(zip(self.families, self.groups, strict=True))

    def to_json(self) -> str:
        """One line per top-level field: small, and differences can be read."""
        return line_per_key(self.model_dump(mode="json", by_alias=True))


def record_of(
    name: str, results: Results, split: Split, *, model: str = "nano", session: Mapping[str, Any] = {}
) -> Record:
    """The record of a finished run. ``session``: the last of ``run.json``, for code and hardware."""
    run = results.run
    families = sorted({row.family_id for row in results.episodes})
    groups = family_groups(split, families)
    errors = {
        metric: {
            query: found
            for query in QUERIES
            if (found := {str(k): _values(results, families, metric, k, query) for k in results.ks})
            and any(v is not None for values in found.values() for v in values)
        }
        for metric in RECORDED
    }
    return Record(
        name=name,
        method=run["method"],
        arch=run["arch"],
        options=run["options"],
        steps=run["budget"]["steps"],
        model=model,
        split=run["split"],
        data_hash=run["data_hash"],
        fold=run["fold"],
        draws=run["draws"],
        seed=run["seed"],
        track=str(results.track),
        support=run["support"],
        exclude=(run.get("exclude") or {}).get("against"),
        trained=_trained(run),
        failures=[f"{r.family_id}, K = {r.k}: {r.failure}" for r in results.failures],
        families=families,
        groups=[int(groups[f]) for f in families],
        errors=errors,
        costs={cost: _costs(results, cost) for cost in _COSTS},
        code_version=session.get("code", ""),
        hardware={k: v for k, v in session.items() if k not in ("code", "workers")},
    )


def _values(
    results: Results, families: Sequence[str], metric: str, k: int, query: str
) -> list[float | None]:
    found = results.per_family(metric, k, query)
    return [_rounded(found[f]) if f in found else None for f in families]


def _costs(results: Results, cost: str) -> dict[str, float]:
    rows = {
        k: [getattr(r, cost) for r in results.episodes if r.k == k and not r.failure] for k in results.ks
    }
    return {str(k): _rounded(float(np.median(values))) for k, values in rows.items() if values}


def _rounded(value: float) -> float:
    """Six significant digits: far below any difference that is shown."""
    return value if value == 0 or not math.isfinite(value) else float(f"{value:.6g}")


def _trained(run: Mapping[str, Any]) -> Trained | None:
    """From the checkpoint that the run used, and its card."""
    from mfbench.learned.checkpoint import load_checkpoint

    if not run.get("checkpoint"):
        return None
    checkpoint = load_checkpoint(Path(run["checkpoint"]))
    card = checkpoint.card
    settings = card["settings"]
    return Trained(
        construction="+".join(filter(None, (card["split"], settings.get("also", "")))),
        data_hash=card["data_hash"],
        method=settings["method"],
        seed=settings["seed"],
        families=settings.get("families", 0),
        configurations=settings.get("configurations", 0),
        gradients=card["gradients"],
        seconds=round(sum(phase["seconds"] for phase in card["phases"]), 1),
        parameters=sum(int(np.size(v)) for v in checkpoint.params.values()),
        sha256=run["checkpoint_sha256"],
    )


def read_records(folder: Path) -> list[Record]:
    """Every record below a folder, by name.

    Raises:
        DataError: there is none, or one is damaged.
    """
    found = []
    for path in sorted(folder.rglob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(content, dict) and "errors" in content and "groups" in content:
                found.append(Record.model_validate(content))
        except (ValidationError, ValueError) as error:
            raise DataError(f"{path} is no record ({' '.join(str(error).split())[:120]})") from None
    if not found:
        raise DataError(f"{folder} holds no records of runs")
    return sorted(found, key=lambda record: record.name)
