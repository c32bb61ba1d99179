"""The one journal of long work: finished units of one request, written at once and for good.

A folder with ``request.json`` (all inputs that the units depend on) and one file per finished unit. A unit
appears under its name only when its bytes are on disk, so a process killed at any moment loses the unit in
progress and nothing else. Work goes on with ``resume`` and the same request; another one is refused in a
line that names what differs.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from mfbench.errors import WorkError
from mfbench.work.files import TEMPORARY, write_bytes
from mfbench.work.lock import claimed
from mfbench.work.ownership import owned
from mfbench.work.request import Request, as_json, difference

__all__ = ["REQUEST", "Journal", "SharedJournal", "discard_journal", "open_journal", "read_request"]

REQUEST = "request.json"
Value = TypeVar("Value")


class Journal:
    """Finished units in a folder. Open it with ``open_journal``, which also owns the folder.

    Args:
        folder: of the journal; it is there.
        request: everything that the units depend on, as JSON values.
        resume: whether finished units may be there already.
        suffix: of the units' files.
        adopt: take units without a request as this request's, where something else has checked them.

    Raises:
        WorkError: the folder holds units of another request, or any while ``resume`` is false.
    """

    def __init__(
        self,
        folder: Path,
        request: Request,
        *,
        resume: bool,
        suffix: str = ".npz",
        adopt: bool = False,
    ):
        self.folder, self.request, self.suffix = Path(folder), as_json(request), suffix
        before = read_request(self.folder)
        if self._holds_units():
            if before is None and not adopt:
                raise WorkError(
                    f"{folder} holds finished work of unknown inputs (of an earlier version?): remove it, "
                    "or choose another folder"
                )
            if before is not None and (reason := difference(before, self.request)):
                raise WorkError(
                    f"cannot resume {folder}: {reason}; undo that, remove the folder, or choose another"
                )
            if not resume:
                raise WorkError(f"{folder} holds finished work: pass --resume, or remove it")
        if before != self.request:
            self._state_request()

    def add(self, key: str, data: bytes) -> None:
        """Write a finished unit; on return it survives a crash."""
        write_bytes(self.folder / f"{_file_name(key)}{self.suffix}", data)

    def read(self, decode: Callable[[bytes], Value]) -> dict[str, Value]:
        """Finished units: key → what ``decode`` makes of the bytes. A damaged one counts as unfinished."""
        found = {}
        for path in sorted(self._files()):
            # A decoder fails on damaged bytes with whatever exception the damage provokes.
            with suppress(Exception):
                found[_key(path.name.removesuffix(self.suffix))] = decode(path.read_bytes())
        return found

    def keys(self) -> list[str]:
        """Keys of the units that are there, damaged or not."""
        return sorted(_key(path.name.removesuffix(self.suffix)) for path in self._files())

    def holds(self, key: str) -> bool:
        """Whether a unit is finished."""
        return (self.folder / f"{_file_name(key)}{self.suffix}").is_file()

    def claim(self, key: str) -> AbstractContextManager[bool]:
        """Whether a unit is this process's for the time of the block, where several share the journal.

        Ask again whether the unit is finished after claiming it: another process may have just done so.
        The claim goes with its process, however that ends.
        """
        name = hashlib.blake2b(key.encode(), digest_size=12).hexdigest()
        return claimed(self.folder / "claims" / f"{name}.lock")

    def _files(self) -> Iterator[Path]:
        return (p for p in self.folder.glob(f"*{self.suffix}") if not p.name.startswith("."))

    def _holds_units(self) -> bool:
        return any(True for _ in self._files())

    def _state_request(self) -> None:
        write_bytes(self.folder / REQUEST, _encoded(self.request))


class SharedJournal(Journal):
    """A journal that several processes write together: the first one states the request."""

    def _holds_units(self) -> bool:
        # Another process may be at work on its first unit: a request that is there binds.
        return (self.folder / REQUEST).is_file() or super()._holds_units()

    def _state_request(self) -> None:
        temporary = self.folder / f".{REQUEST}-{secrets.token_hex(6)}{TEMPORARY}"
        temporary.write_bytes(_encoded(self.request))
        with suppress(FileExistsError):
            os.link(temporary, self.folder / REQUEST)
        temporary.unlink()
        if reason := difference(read_request(self.folder) or {}, self.request):
            raise WorkError(f"cannot share {self.folder}: {reason}; choose another folder")


@contextmanager
def open_journal(
    folder: Path,
    request: Request,
    *,
    resume: bool,
    shared: bool = False,
    suffix: str = ".npz",
    adopt: bool = False,
) -> Iterator[Journal]:
    """Own a journal's folder for the time of the block; see ``Journal`` for the arguments.

    Args:
        shared: other processes may work on the same request at the same time, all of them ``shared``:
            each takes the units that it can ``claim``.

    Raises:
        WorkError: another process owns the folder, or as of ``Journal``.
    """
    with owned(folder, shared=shared):
        kind = SharedJournal if shared else Journal
        yield kind(folder, request, resume=resume, suffix=suffix, adopt=adopt)


def discard_journal(folder: Path) -> None:
    """Remove a journal whose work is finished and written elsewhere: its units first, its request last."""
    folder = Path(folder)
    for path in folder.glob("*"):
        if path.name != REQUEST:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def read_request(folder: Path) -> dict[str, Any] | None:
    """The request of a journal; None where there is none.

    Raises:
        WorkError: it cannot be read.
    """
    path = Path(folder) / REQUEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        raise WorkError(f"{path} is damaged: remove {folder}, or choose another folder") from None
    if not isinstance(content, dict):
        raise WorkError(f"{path} is no request: remove {folder}, or choose another folder")
    return content


def _encoded(request: dict[str, Any]) -> bytes:
    return (json.dumps(request, indent=1, sort_keys=True) + "\n").encode()


def _file_name(key: str) -> str:
    return quote(key, safe="+ =,@")


def _key(name: str) -> str:
    return unquote(name)
