"""The journal of a labelling run: a line per finished label, on disk before the next one starts.

A folder that several processes may share. Each writes its own file of lines; what one of them labels is
claimed by a lock that the system releases when the process ends, however it ends. A torn last line of a
killed process is not a label.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mfbench.errors import DataError

__all__ = ["Entry", "LabelJournal"]


@dataclass(frozen=True, eq=False)
class Entry:
    """One finished item.

    Attributes:
        key: names the configuration, e.g. its ``config_id``.
        energy: eV; None where the label failed.
        forces: [n, 3], eV/Å; None where the label failed.
        failure: why there is no label, in one line; empty where there is one.
        seconds: CPU time that it took.
        start_gap: by how many eV the two starts of an open shell's SCF differ.
    """

    key: str
    energy: float | None
    forces: np.ndarray | None
    failure: str = ""
    seconds: float = 0.0
    start_gap: float = 0.0


class LabelJournal:
    """Finished labels of one level and one list of items.

    Args:
        folder: created where it does not exist.
        digest: of everything that the labels depend on; a journal with another one is refused.
        resume: whether finished labels may be there already.

    Raises:
        DataError: the folder is another run's journal, or holds labels while ``resume`` is false.
    """

    def __init__(self, folder: Path, digest: str, *, resume: bool = True):
        self._folder = Path(folder)
        (self._folder / "claims").mkdir(parents=True, exist_ok=True)
        stamp = self._folder / "run.sha256"
        if any(self._folder.glob("labels-*.jsonl")):
            if not stamp.exists() or stamp.read_text() != digest:
                raise DataError(
                    f"{folder} is the journal of another level or input: remove it or choose another"
                )
            if not resume:
                raise DataError(f"{folder} holds finished labels: pass --resume, or remove it")
        _write(stamp, digest)
        self._part: int | None = None
        self._read: dict[Path, int] = {}
        self._entries: dict[str, Entry] = {}

    def entries(self) -> dict[str, Entry]:
        """Everything finished so far, by any process: key → entry."""
        for path in sorted(self._folder.glob("labels-*.jsonl")):
            start = self._read.get(path, 0)
            with open(path, "rb") as file:
                file.seek(start)
                data = file.read()
            whole = data.rfind(b"\n") + 1
            self._read[path] = start + whole
            for line in data[:whole].splitlines():
                entry = _decode(line)
                if entry is not None:
                    self._entries.setdefault(entry.key, entry)
        return self._entries

    def add(self, *entries: Entry) -> None:
        """Write entries; on return they survive a crash."""
        if self._part is None:
            self._part = self._new_part()
        os.write(self._part, b"".join(_encode(entry) for entry in entries))
        os.fsync(self._part)

    @contextmanager
    def own(self) -> Iterator[None]:
        """Keep the whole folder to this process for the time of the block.

        Raises:
            DataError: another process has it.
        """
        with self.claim("the whole folder") as mine:
            if not mine:
                raise DataError(f"another process writes {self._folder}: wait for it, or end it")
            yield

    @contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        """Whether ``key`` is this process's for the time of the block: False where another has it."""
        path = self._folder / "claims" / f"{_digest(key)}.lock"
        lock = os.open(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            yield False
            return
        try:
            yield True
        finally:
            os.close(lock)

    def _new_part(self) -> int:
        number = 0
        while True:
            try:
                path = self._folder / f"labels-{number:04d}.jsonl"
                return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND)
            except FileExistsError:
                number += 1


def _digest(key: str) -> str:
    return hashlib.blake2b(key.encode(), digest_size=12).hexdigest()


def _write(path: Path, text: str) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(text)
    os.replace(temporary, path)


def _encode(entry: Entry) -> bytes:
    row: dict[str, object] = {"key": entry.key, "seconds": round(entry.seconds, 3)}
    if entry.forces is None or entry.energy is None:
        row["failure"] = entry.failure
    else:
        row["energy"] = float(entry.energy)
        row["forces"] = base64.b64encode(np.ascontiguousarray(entry.forces, "<f8").tobytes()).decode()
        if entry.start_gap:
            row["start_gap"] = float(entry.start_gap)
    return json.dumps(row).encode() + b"\n"


def _decode(line: bytes) -> Entry | None:
    try:
        row = json.loads(line)
        if "failure" in row:
            return Entry(row["key"], None, None, row["failure"], row["seconds"])
        forces = np.frombuffer(base64.b64decode(row["forces"], validate=True), "<f8").reshape(-1, 3)
        return Entry(
            row["key"], row["energy"], forces, "", row["seconds"], row.get("start_gap", 0.0)
        )
    except (ValueError, KeyError, TypeError):
        return None
