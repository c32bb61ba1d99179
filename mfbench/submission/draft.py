"""From a run folder to a submission, in three steps: draft, check, file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from mfbench.errors import DataError, ProtocolError, SubmissionError
from mfbench.protocol.protocol import track_named
from mfbench.protocol.run_weights import weights_of_run
from mfbench.results.results import Results, read_results
from mfbench.submission.card import Card, write_card
from mfbench.submission.check import check, check_claims
from mfbench.submission.checked import FILES, Checked
from mfbench.submission.compact import ERRORS_FILE
from mfbench.submission.draft_card import draft_card
from mfbench.submission.track import on_track
from mfbench.work.files import new_folder
from mfbench.work.ownership import holds_nothing

__all__ = ["check_files", "check_run", "draft_submission", "read_folder"]

_OF_A_RUN = ("run.json", "results.json", "rmse_vs_k.png")


def check_run(
    folder: Path, *, weights: Path | None = None, edit: Callable[[Card], Card] | None = None
) -> Checked:
    """Check a run folder, or the folder of a submission. Nothing is written.

    Args:
        folder: what ``mfbench evaluate`` wrote, or the files of a submission by themselves. The card of a
            run is drafted where it has no ``submission.yaml``.
        weights: a checkpoint to deposit (``.safetensors`` with a ``.json`` beside it); by default the one
            that the run used.
        edit: what its person changes in a card that is drafted.

    Raises:
        DataError: it is no finished run.
        SubmissionError: see ``check``; also kind ``claims``: ``results.json`` says something else; kind
            ``weights``: the run's weights are not to be found any more.
    """
    files, claims = read_folder(folder), None
    if (folder / "run.json").is_file():
        claims = read_results(folder / "results.json")
        try:
            run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
            files = {**files, **weights_of_run(folder, run, weights)}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DataError(f"{folder / 'run.json'} is not that of a run: evaluate again") from None
        if "submission.yaml" not in files:
            card = draft_card(run, claims, {n: files[n] for n in files if n.startswith("weights.")})
            files["submission.yaml"] = write_card(edit(card) if edit else card).encode()
    _refuse_compact(files)
    checked = check(files)
    if claims is not None:
        check_claims(checked, claims.aggregate)
    return checked


def draft_submission(
    run: Path,
    out: Path,
    *,
    weights: Path | None = None,
    track: str | None = None,
    description: str = "",
) -> Checked:
    """Draft the submission of a run into a new folder: its card, to be completed, and its predictions.

    Args:
        run: a finished run.
        out: absent or empty; it appears when it is whole.
        weights: see ``check_run``.
        track: to file it on; default: the run's. On ``closed-form`` the card declares no gradient step,
            whatever budget the run offered.
        description: what the method does, for readers.

    Raises:
        ProtocolError: ``out`` holds something.
        UnknownNameError: there is no such track.
        DataError, SubmissionError: see ``check_run``; also kind ``card``: the track does not admit the run.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or not holds_nothing(out)):
        raise ProtocolError(f"{out} is not empty: choose another folder with --draft")
    if not (Path(run) / "run.json").is_file():
        raise DataError(f"{run} is no run of 'mfbench evaluate': there is nothing to draft from")
    named = None if track is None else track_named(track)

    def edit(card: Card) -> Card:
        card = card.model_copy(update={"description": description})
        return card if named is None else on_track(card, named)

    checked = check_run(Path(run), weights=weights, edit=edit)
    with new_folder(out) as folder:
        for name, data in checked.files.items():
            (folder / name).write_bytes(data)
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
