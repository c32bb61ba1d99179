"""Filing a submission: refused if it copies another one, else written once, with its scores beside it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from mfbench.errors import SubmissionError
from mfbench.protocol.cost import code_version
from mfbench.store.copies import copy_findings
from mfbench.store.rows import part_of, write_part
from mfbench.store.store import RECEIPT, Store, submission_id
from mfbench.submission.check import check_described
from mfbench.submission.checked import Checked

__all__ = ["file_submission"]


def file_submission(store: Store, checked: Checked) -> tuple[str, str | None]:
    """File a checked submission; what is found on the way is added to its findings.

    Returns:
        Its id, and a message where there is more to say (a pull request, or: it is already there).

    Raises:
        SubmissionError: a detector refuses it, it copies another submission, or its card does not
            describe the method.
        StoreError: the store cannot be written.
    """
    checked.raise_refusals()
    check_described(checked.card)
    name = submission_id(checked.card.method, checked.files)
    if name in store.ids():
        return name, "it is already there"
    copies = copy_findings(store, checked)
    for finding in copies:
        if finding.refuses:
            raise SubmissionError(finding.kind, finding.message)
    checked.findings.extend(copies)
    filed_at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    receipt = json.dumps({"id": name, "filed_at": filed_at, "code": code_version()}, indent=1)
    folder = f"submissions/{name}"
    files = {**checked.files, RECEIPT: receipt.encode()}
    message = store.files.add_folder(folder, files, note=f"Submission {name}")
    stamp, size = store.files.stamp(folder), sum(map(len, checked.files.values()))
    summary, table = part_of(name, checked, filed_at=filed_at, stamp=stamp, size_bytes=size)
    store.files.write(f"parts/{name}.parquet", write_part([summary], table))
    return name, message
