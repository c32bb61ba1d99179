"""Filing a finished run as a compact row: errors per configuration, and each set of weights once."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from mfbench.errors import SubmissionError
from mfbench.store import Store, file_submission, open_store, read_store
from mfbench.store.store import submission_id
from mfbench.submission import Checked, check_run, compacted
from mfbench.submission.card import write_card

__all__ = ["file_row"]


def file_row(run: Path, to: str, card: dict[str, Any]) -> str:
    """Draft the card of a run folder, complete it, and file the run as a compact row.

    All methods start from one joint phase. Where that leaves two of them alike, the card names the other.

    Args:
        run: folder of a finished run.
        to: store.
        card: fields of the submission's card.

    Returns:
        The id and what the store said.

    Raises:
        SubmissionError: it is refused.
    """
    path = run / "submission.yaml"
    path.unlink(missing_ok=True)
    path.write_text(write_card(check_run(run).card.model_copy(update=card)), encoding="utf-8")
    store = open_store(to)
    checked = check_run(run)
    whole = submission_id(checked.card.method, checked.files)
    holder = _holder(store, checked)
    if holder:
        light = checked.card.model_copy(update={"weights_sha256": None})
        checked = replace(checked, card=light, weights={})
    try:
        name, message = file_submission(store, compacted(checked, whole, holder))
    except SubmissionError as error:
        like = re.search(r"are those of (\S+):", str(error))
        if like is None or "derived_from" in card:
            raise
        return file_row(run, to, {**card, "derived_from": like[1]})
    return f"{name}  {message or 'filed'}"


def _holder(store: Store, checked: Checked) -> str | None:
    """The row that has deposited the same weights, if there is one."""
    sha256 = checked.card.weights_sha256
    held = {s.card.weights_sha256: name for name, s in read_store(store).summaries.items()}
    return held.get(sha256) if sha256 else None
