"""The store: one immutable folder per submission, named by its content; records of fresh tests; an index.

``submissions/<method>-<hash>/``    what was submitted, and ``receipt.json``
``verifications/<id>/<hash>.json``  fresh tests
``parts/<id>.parquet``              scores of one submission, recomputed by whoever filed it here
``index.parquet``                   all parts in one file

Only ``submissions`` and ``verifications`` hold what cannot be made again. A submission without a part (it
was put there by other means) is recomputed by the first reader who has the data.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

import pyarrow as pa

from mfbench.errors import StoreError, SubmissionError
from mfbench.store.files import Files
from mfbench.store.fresh_test.record import FreshTestRecord, record_bytes, record_name
from mfbench.store.rows import Summary, part_of
from mfbench.submission.check import check
from mfbench.submission.checked import FILES, Checked

__all__ = ["RECEIPT", "Store", "content_hash", "submission_id"]

RECEIPT = "receipt.json"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}-[0-9a-f]{16}")


def content_hash(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the lines ``name:sha256`` of the submitted files, in order of name; 64 digits."""
    lines = "".join(f"{n}:{hashlib.sha256(files[n]).hexdigest()}\n" for n in sorted(files) if n in FILES)
    return hashlib.sha256(lines.encode()).hexdigest()


def submission_id(method: str, files: Mapping[str, bytes]) -> str:
    """Folder name: the method, as far as letters allow, and 16 digits of the content hash."""
    word = re.sub(r"[^A-Za-z0-9]+", "-", method).strip("-")[:40] or "submission"
    return f"{word}-{content_hash(files)[:16]}"


class Store:
    """A store at a place. Nothing in ``submissions`` is ever changed."""

    def __init__(self, files: Files):
        self.files = files

    @property
    def url(self) -> str:
        """Where it is."""
        return self.files.url

    def ids(self) -> list[str]:
        """Folders of submissions, sorted, sound or not."""
        return self.files.list("submissions")

    def read_files(self, name: str) -> dict[str, bytes]:
        """The submitted files of a folder, whose content hash fits its name.

        Raises:
            StoreError: there is no such submission.
            SubmissionError: kind ``files``: one is missing, altered, or does not belong there.
        """
        if not _ID.fullmatch(name):
            raise SubmissionError("files", "the folder's name is not that of a submission")
        held = self.files.list(f"submissions/{name}")
        if not held:
            raise StoreError(f"{self.url} holds no submission {name}: see 'mfbench store list'")
        files = {}
        for file in held:
            if file == RECEIPT:
                continue
            if file not in FILES:
                raise SubmissionError("files", f"'{_plain(file)}' does not belong there")
            try:
                files[file] = self.files.read(f"submissions/{name}/{file}")
            except (FileNotFoundError, IsADirectoryError) as error:
                raise SubmissionError("files", f"{file} cannot be read ({error})") from None
        if content_hash(files)[:16] != name[-16:]:
            raise SubmissionError("files", "the content does not fit the hash in its name: it was altered")
        return files

    def recompute(self, name: str) -> tuple[Checked, Summary, pa.Table]:
        """Read and score a submission anew; returns it with its summary and rows.

        Raises:
            StoreError, SubmissionError: see ``read_files`` and ``check``; also what detectors refuse.
        """
        stamp = self.files.stamp(f"submissions/{name}")
        files = self.read_files(name)
        checked = check(files)
        checked.raise_refusals()
        # The sizes that were read: writing predictions anew takes longer than scoring them.
        size = sum(map(len, files.values()))
        summary, table = part_of(name, checked, filed_at=self._filed_at(name), stamp=stamp, size_bytes=size)
        return checked, summary, table

    def _filed_at(self, name: str) -> str:
        try:
            filed_at = json.loads(self.files.read(f"submissions/{name}/{RECEIPT}"))["filed_at"]
        except (OSError, ValueError, KeyError, TypeError):
            return ""
        return _plain(filed_at)[:40] if isinstance(filed_at, str) else ""

    def add_record(self, record: FreshTestRecord) -> str:
        """Store the record of a fresh test; returns its path."""
        data = record_bytes(record)
        path = f"verifications/{record.submission}/{record_name(data)}"
        self.files.write(path, data)
        return path

    def find(self, text: str) -> str:
        """The id that ``text`` is, or begins or ends, if there is one only.

        Raises:
            StoreError: none, or several.
        """
        ids = self.ids()
        found = [i for i in ids if i == text] or [i for i in ids if i.startswith(text) or i.endswith(text)]
        if len(found) == 1:
            return found[0]
        hint = f"it fits {len(found)}: give more of it" if found else "see 'mfbench store list'"
        raise StoreError(f"{self.url} holds no submission '{_plain(text)}': {hint}")


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in str(text))[:120]
