"""The card of a run, drafted from what the run recorded: whatever that is, it is made to fit."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from mfbench.data.printable_text import printable
from mfbench.errors import SubmissionError
from mfbench.metrics.errors import CALIBRATION
from mfbench.protocol.protocol import Budget, Support
from mfbench.protocol.run_episode import ROOM_K
from mfbench.protocol.run_weights import EMBEDDED
from mfbench.results.results import Results
from mfbench.submission.card import (
    Card,
    Cost,
    DeclaredRun,
    Failure,
    Hardware,
    PublicModelOrigin,
    Training,
    Tuning,
)
from mfbench.submission.card_errors import lines_of
from mfbench.submission.reference_episodes import known_split
from mfbench.submission.weights import count_parameters

__all__ = ["draft_card"]

_MOST_OPTIONS = 50
_LARGEST = 1e9
"""Seconds, or bytes and gradients in millions: what a clock or a counter shows beyond is a fault."""


def draft_card(run: dict[str, Any], results: Results, deposited: Mapping[str, bytes]) -> Card:
    """The card of a run; what people add (description, contact, paper) is left empty.

    Args:
        run: content of ``run.json``.
        results: of the run.
        deposited: weights and their card, or nothing.

    Raises:
        SubmissionError: kind ``data``: the run is a control (another fold, support or exclusion); kind
            ``card``: something that no card can hold, named.
    """
    request = run["request"]
    support = request.get("support")
    said = Support(support).describe() if support in tuple(Support) else "support of an unknown kind"
    for name, wanted, what in (
        ("fold", "test", "was not run on test families"),
        ("support", Support.OWN, f"had {said}"),
        ("exclude", None, "left families out"),
    ):
        if request.get(name) != wanted:
            raise SubmissionError("data", f"this run {what}: it is a control, not a submission")
    try:
        return _card(run, results, deposited)
    except ValidationError as error:
        raise SubmissionError("card", f"of this run, {lines_of(error, Card)}") from None


def _card(run: dict[str, Any], results: Results, deposited: Mapping[str, bytes]) -> Card:
    request, budget = run["request"], Budget(**run["request"]["budget"])
    trained = json.loads(deposited["weights.json"]) if deposited else {}
    session = (run.get("sessions") or [{}])[-1]
    name = printable(request["method"])
    weights = deposited["weights.safetensors"] if deposited else None
    public = _public(run.get("card"))
    training = _training(trained, public)
    return Card(
        method=printable(name.rpartition(":")[2] or name or "unnamed", 80),
        implementation=printable(name, 200) or None,
        track=results.track,
        arch=request["arch"],
        backend=request["backend"],
        parameters=count_parameters(weights) if weights else public.get("parameters"),
        weights_sha256=hashlib.sha256(weights).hexdigest() if weights else None,
        meta_gradients=trained.get("gradients"),
        public_model=_origin(public) if public else None,
        training=training,
        tuning=_tuning(request),
        hardware=Hardware(
            cores=_count(session.get("cores")),
            memory_bytes=_count(session.get("memory_bytes")),
            processor=printable(session.get("processor") or "", 120),
        ),
        code_version=printable(session.get("code") or "", 120),
        timing_version=run.get("timing_version", 1),
        run=DeclaredRun(
            split=request["split"],
            split_version=printable(run["split_version"], 40),
            data_hash=request["data_hash"],
            level_of_theory=printable(run["level_of_theory"], 80),
            protocol=request["protocol"],
            ks=request["ks"],
            draws=request["draws"],
            level=_level(request),
            seed=request["seed"],
            steps=budget.steps,
            batch=budget.batch,
            options=_options({**_recipe(run), **request["options"]}),
            selector=request.get("selector"),
            selected=_selected(results),
        ),
        costs=_costs(results),
        failures=[
            Failure(family=row.family_id, k=row.k, draw=row.draw, reason=_reason(row.failure or ""))
            for row in results.failures
        ],
    )


def _level(request: Mapping[str, Any]) -> str | None:
    """The level of theory whose test tasks are all that was run; None where all tasks were, or others."""
    names = request.get("families") or []
    tasks = known_split(request["split"]).test if names else ()
    levels = {task.level for task in tasks if task.family_id in names}
    level = levels.pop() if len(levels) == 1 else ""
    return level if level and names == [t.family_id for t in tasks if t.level == level] else None


def _selected(results: Results) -> dict[str, dict[str, str]] | None:
    found: dict[str, dict[str, str]] = {}
    for row in results.episodes:
        if row.selected:
            rows = found.setdefault(row.family_id, {})
            rows[f"{row.k}/{row.draw}"] = " ".join(map(str, row.selected))
    return found or None


def _public(card: Any) -> Mapping[str, Any]:
    """What the run's card says of a public model; another's method may have put anything there."""
    found = card.get("public_model") if isinstance(card, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _training(trained: Mapping[str, Any], public: Mapping[str, Any]) -> list[Training]:
    """The split that deposited weights were trained on, or what a public model declares."""
    if trained.get("split"):
        return [Training(name=printable(trained["split"], 80), data_hash=trained["data_hash"])]
    declared = public.get("training")
    return [
        Training(
            name=printable(data.get("name"), 80),
            configurations=data.get("configurations"),
            note=printable(data.get("note") or "", 500),
        )
        for data in (declared if isinstance(declared, list) else ())
        if isinstance(data, Mapping)
    ]


def _origin(public: Mapping[str, Any]) -> PublicModelOrigin:
    texts = {"level": 80, "licence": 80, "citation": 200}
    return PublicModelOrigin(
        name=printable(public.get("name") or "unnamed", 80),
        elements=public.get("elements") or [],
        charges=public.get("charges") or False,
        spins=public.get("spins"),
        **{key: printable(public.get(key) or "", longest) for key, longest in texts.items()},
    )


def _reason(text: str) -> str:
    shown = printable(text, 400)
    return shown if len(shown) >= 3 else f"failed: {shown}"


def _recipe(run: Mapping[str, Any]) -> dict[str, Any]:
    """How a learned method of ours adapted, tuned settings included: those that ship may change, what a row
    runs again by must not."""
    card, request = run.get("card") or {}, run["request"]
    ours = request["arch"] and ":" not in request["method"] and not card.get("public_model")
    return dict(card.get("adaptation") or {}) if ours else {}


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as a card holds them: lists and mappings as JSON, long texts cut."""
    found = {}
    for key, value in options.items():
        if value is not None and not isinstance(value, (bool, int, float)):
            value = printable(value if isinstance(value, str) else json.dumps(value, default=str), 200)
        found[printable(key, 60)] = value
    if len(found) > _MOST_OPTIONS:
        raise SubmissionError("card", f"this run has {len(found)} options: a card holds {_MOST_OPTIONS}")
    return found


def _costs(results: Results) -> list[Cost]:
    """Medians over the episodes that did not fail; stable trajectories over all,
    where they were run at the temperature that the board shows."""
    found = []
    for k in results.ks:
        rows = [row for row in results.episodes if row.k == k and row.failure is None]
        usual = results.run.get("dynamics_K", ROOM_K) == ROOM_K
        stable = results.find("stable_share", k) if usual else None
        said = {"stable_share": stable.value, "dynamics_ps": results.run["dynamics_ps"]} if stable else {}
        if not rows:
            if stable:
                found.append(Cost(k=k, **said))
            continue
        seconds = {
            name: _seconds(float(np.median([getattr(row, name) for row in rows])))
            for name in ("adapt_seconds", "predict_seconds", "compile_seconds")
        }
        held = {name: round(row.value, 4) for name in CALIBRATION if (row := results.find(name, k))}
        gradients = _count(float(np.median([row.gradient_evaluations for row in rows])))
        peaks = [row.peak_memory_bytes for row in rows if row.peak_memory_bytes]
        peak = _count(max(peaks)) if peaks else None
        found.append(
            Cost(
                k=k,
                **seconds,
                gradient_evaluations=gradients,
                peak_memory_bytes=peak,
                **said,
                **held,
            )
        )
    return found


def _seconds(value: float) -> float | None:
    """What a method says of its own time may be no time."""
    return round(value, 4) if math.isfinite(value) and 0 <= value <= _LARGEST else None


def _count(value: float | None) -> int | None:
    if value is None or not (math.isfinite(value) and 0 <= value <= _LARGEST * 1e6):
        return None
    return int(value)


def _tuning(request: dict[str, Any]) -> Tuning | None:
    """Trials that shipped settings were chosen from."""
    path = EMBEDDED / request["split"] / "tuning.json"
    if not request.get("arch") or not path.is_file():
        return None
    recipe = request.get("options", {}).get("recipe")
    name = f"{request['arch']}-{request['method']}" + ("@converged" if recipe == "converged" else "")
    found = json.loads(path.read_text(encoding="utf-8")).get(name)
    return Tuning(trials=len(found["trials"])) if found and "trials" in found else None
