"""Small finished units as lines: millions of them where a file each would be too many.

Each process appends to a file of its own in the journal's folder; a line that a kill or a full disk tore is
no unit.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["Lines"]


class Lines:
    """JSON lines of all processes that share a journal; open that with ``suffix=".jsonl"``.

    Args:
        folder: of the journal.
    """

    def __init__(self, folder: Path):
        self._folder = Path(folder)
        self._file: int | None = None
        self._read: dict[Path, int] = {}

    def add(self, *rows: Mapping[str, Any]) -> None:
        """Append rows; on return they survive a crash.

        Raises:
            OSError: they could not be written; none of them is there then.
            ValueError: a value is not JSON (NaN is not).
        """
        data = "".join(json.dumps(dict(row), allow_nan=False) + "\n" for row in rows).encode()
        if self._file is None:
            self._file = self._new_file()
        before = os.fstat(self._file).st_size
        try:
            if os.write(self._file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._folder))
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, before)
            raise

    def new(self) -> list[dict[str, Any]]:
        """Rows, by any process, that an earlier call did not return."""
        found = []
        for path in sorted(self._folder.glob("[0-9]*.jsonl")):
            start = self._read.get(path, 0)
            with open(path, "rb") as file:
                file.seek(start)
                data = file.read()
            whole = data.rfind(b"\n") + 1
            self._read[path] = start + whole
            for line in data[:whole].splitlines():
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                if isinstance(row, dict):
                    found.append(row)
        return found

    def close(self) -> None:
        """Close this process's file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _new_file(self) -> int:
        number = 0
        while True:
            path = self._folder / f"{number:04d}.jsonl"
            try:
                return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
            except FileExistsError:
                number += 1
