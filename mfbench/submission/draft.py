"""From a run folder to a submission: the card is drafted from what the run recorded, then checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mfbench.errors import DataError, SubmissionError
from mfbench.protocol.method import STARTS_FROM
from mfbench.results.results import Results, read_results
from mfbench.submission.card import Card, Cost, Failure, Hardware, Protocol, Training, Tuning, write_card
from mfbench.submission.check import check, check_claims, track_of
from mfbench.submission.checked import FILES, Checked
from mfbench.submission.compact import ERRORS_FILE
from mfbench.submission.weights import count_parameters
from mfbench.work.files import write_text

__all__ = ["check_files", "check_run", "draft_card", "read_folder"]

_EMBEDDED = Path(__file__).parents[1] / "embedded" / "checkpoints"
_OF_A_RUN = ("run.json", "results.json", "rmse_vs_k.png")


def check_run(folder: Path, *, weights: Path | None = None) -> Checked:
    """Check a run folder; ``submission.yaml`` is drafted there if it is not there yet.

    Args:
        folder: what ``mfbench evaluate`` wrote, or the files of a submission by themselves.
        weights: a checkpoint to deposit (``.safetensors`` with a ``.json`` beside it); by default the one
            that the run used.

    Raises:
        DataError: it is no finished run.
        SubmissionError: see ``check``; also kind ``claims``: ``results.json`` says something else.
    """
    claims = None
    if (folder / "run.json").is_file():
        claims = read_results(folder / "results.json")
        path = folder / "submission.yaml"
        if not path.exists():
            run = json.loads((folder / "run.json").read_text())
            write_text(path, write_card(draft_card(run, claims, _weights(run["request"], weights))))
    files = read_folder(folder)
    if claims is not None and "weights.safetensors" not in files:
        files |= _weights(json.loads((folder / "run.json").read_text())["request"], weights)
    _refuse_compact(files)
    checked = check(files)
    if claims is not None:
        check_claims(checked, claims.aggregate)
    return checked


def _refuse_compact(files: Mapping[str, bytes]) -> None:
    """Errors that somebody sends cannot be recomputed: who files them has condensed them."""
    if ERRORS_FILE in files:
        raise SubmissionError(
            "files", f"{ERRORS_FILE} holds errors, not predictions: submit predictions.parquet"
        )


def check_files(files: Mapping[str, bytes]) -> Checked:
    """Check files that somebody sent: those of a submission, or of a run, whose card is then drafted.

    Nothing is read but these files.

    Raises:
        SubmissionError: see ``check``.
    """
    given = {name: files[name] for name in files if name not in _OF_A_RUN}
    claims = None
    if "results.json" in files:
        try:
            content = json.loads(files["results.json"])
            content["schema_"] = content.pop("schema")
            claims = Results(**content)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise SubmissionError("files", "results.json is not that of a run") from None
    if "submission.yaml" not in files and "run.json" in files and claims is not None:
        try:
            card = draft_card(json.loads(files["run.json"]), claims, {})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise SubmissionError("files", "run.json is not that of a run") from None
        given["submission.yaml"] = write_card(card).encode()
    _refuse_compact(given)
    checked = check(given)
    if claims is not None:
        check_claims(checked, claims.aggregate)
    return checked


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files of a submission in a folder, as far as they are there; links are not followed.

    Raises:
        DataError: there is no such folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder: give a run of 'mfbench evaluate', or its files")
    found = {}
    for name in FILES:
        path = folder / name
        if path.is_symlink():
            raise SubmissionError("files", f"{name} is a link: give the file itself")
        if path.is_file():
            found[name] = path.read_bytes()
    return found


def draft_card(run: dict[str, Any], results: Results, deposited: Mapping[str, bytes]) -> Card:
    """The card of a run; what people add (description, contact, paper) is left empty.

    Args:
        run: content of ``run.json``.
        results: of the run.
        deposited: weights and their card, or nothing.

    Raises:
        SubmissionError: kind ``data``: the run is a control (another fold, support or exclusion).
    """
    request = run["request"]
    for name, wanted, what in (
        ("fold", "test", "was not run on test families"),
        ("support", "own", "took its support from another family"),
        ("exclude", None, "left families out"),
    ):
        if request.get(name) != wanted:
            raise SubmissionError("data", f"this run {what}: it is a control, not a submission")
    card = json.loads(deposited["weights.json"]) if deposited else {}
    session = (run.get("sessions") or [{}])[-1]
    budget = request["budget"]
    return Card(
        method=request["method"].rpartition(":")[2] or request["method"],
        implementation=request["method"],
        track=track_of(budget["steps"], budget["batch"]),
        arch=request["arch"],
        backend=request["backend"],
        parameters=count_parameters(deposited["weights.safetensors"]) if deposited else None,
        weights_sha256=hashlib.sha256(deposited["weights.safetensors"]).hexdigest() if deposited else None,
        meta_gradients=card.get("gradients"),
        training=[Training(name=card["split"], data_hash=card["data_hash"])] if card.get("split") else [],
        tuning=_tuning(request),
        hardware=Hardware(
            **{n: session.get(n) for n in ("cores", "memory_bytes")}, processor=session.get("processor", "")
        ),
        code_version=session.get("code", ""),
        timing_version=run.get("timing_version", 1),
        run=Protocol(
            split=request["split"],
            split_version=run["split_version"],
            data_hash=request["data_hash"],
            level_of_theory=run["level_of_theory"],
            protocol=request["protocol"],
            ks=request["ks"],
            draws=request["draws"],
            seed=request["seed"],
            steps=budget["steps"],
            batch=budget["batch"],
            options={k: v for k, v in request["options"].items() if not isinstance(v, (list, dict))},
        ),
        costs=_costs(results),
        failures=[
            Failure(family=row.family_id, k=row.k, draw=row.draw, reason=row.failure[:400])
            for row in results.failures
        ],
    )


def _costs(results: Results) -> list[Cost]:
    """Medians over the episodes that did not fail."""
    found = []
    for k in results.ks:
        rows = [row for row in results.episodes if row.k == k and row.failure is None]
        if not rows:
            continue
        seconds = {
            name: round(float(np.median([getattr(row, name) for row in rows])), 4)
            for name in ("adapt_seconds", "predict_seconds", "compile_seconds")
        }
        gradients = int(np.median([row.gradient_evaluations for row in rows]))
        peaks = [row.peak_memory_bytes for row in rows if row.peak_memory_bytes]
        peak = max(peaks) if peaks else None
        found.append(Cost(k=k, **seconds, gradient_evaluations=gradients, peak_memory_bytes=peak))
    return found


def _weights(request: dict[str, Any], given: Path | None) -> dict[str, bytes]:
    """The checkpoint that a run started from, with its card; nothing for methods without one."""
    path = given or (Path(request["checkpoint"]) if request.get("checkpoint") else None)
    if path is None and request.get("arch"):
        name = STARTS_FROM.get(request["method"], request["method"])
        path = _EMBEDDED / request["split"] / f"{request['arch']}-{name}.safetensors"
    if path is None or not path.is_file() or not path.with_suffix(".json").is_file():
        if given is not None:
            raise SubmissionError(
                "weights", f"{given} needs to be a checkpoint with a .json card beside it"
            )
        return {}
    found = {
        "weights.safetensors": path.read_bytes(),
        "weights.json": path.with_suffix(".json").read_bytes(),
    }
    recorded = request.get("checkpoint_sha256")
    if recorded and given is None and hashlib.sha256(found["weights.safetensors"]).hexdigest() != recorded:
        raise SubmissionError(
            "weights", f"{path} has changed since the run: give the weights with --weights"
        )
    return found


def _tuning(request: dict[str, Any]) -> Tuning | None:
    """Trials that shipped settings were chosen from."""
    path = _EMBEDDED / request["split"] / "tuning.json"
    if not request.get("arch") or not path.is_file():
        return None
    found = json.loads(path.read_text()).get(f"{request['arch']}-{request['method']}")
    return Tuning(trials=len(found["trials"])) if found and "trials" in found else None
