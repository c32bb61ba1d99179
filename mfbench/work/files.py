"""Files and folders that appear whole or not at all, under temporary names that nobody else uses."""

from __future__ import annotations

import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mfbench.work.lock import claimed

__all__ = ["LOCK", "TEMPORARY", "new_folder", "remove_leftovers", "write_bytes", "write_text", "written"]

TEMPORARY = ".mfbench-tmp"
"""Ending of every temporary name: what bears it was begun by a process that was killed."""
LOCK = ".mfbench-lock"
"""File of the lock inside a folder that a process writes; it goes when the process does."""


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``; what the block writes there becomes ``path`` when it ends.

    The bytes are on disk before the name is: a kill or a crash leaves the old file or the new one. A block
    that fails leaves nothing.
    """
    path = Path(path)
    temporary = _beside(path)
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename = str(path)  # the name that the caller knows
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file at once, over one that is there."""
    with written(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8) at once, over one that is there."""
    write_bytes(path, text.encode())


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside ``target``; it becomes ``target``, which is absent or empty, at the end.

    A folder that is there stays the same one, so that a shell that stands in it sees the files. A block
    that fails leaves nothing; what a killed process left goes at the next try.

    Raises:
        OSError: ``target`` holds something by then, or cannot be written.
    """
    target = Path(target).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(target)
    # The parent of a folder that is there may be no place to write: the folder itself is.
    staging = _beside(target)
    try:
        staging.mkdir()
    except OSError as error:
        error.filename = str(target)  # the name that the caller knows
        raise
    with claimed(staging / LOCK):
        try:
            yield staging
            (staging / LOCK).unlink()
            _publish(staging, target)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise


def _publish(staging: Path, target: Path) -> None:
    if staging.parent != target:
        os.rename(staging, target)
        return
    for child in sorted(staging.iterdir()):
        if (target / child.name).exists():
            raise FileExistsError(f"{target} is not empty any more: choose another folder")
        os.rename(child, target / child.name)
    staging.rmdir()


def _remove_abandoned(target: Path) -> None:
    """Remove temporary folders of the same target whose process is gone: their lock is free."""
    folder, name = (target, "") if target.is_dir() else (target.parent, target.name)
    for old in folder.glob(f".{glob.escape(name)}-*{TEMPORARY}"):
        if (old / LOCK).is_file():
            with claimed(old / LOCK) as free:
                if free:
                    shutil.rmtree(old, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files that killed processes left directly in a folder. Only its owner may."""
    for path in Path(folder).glob(f".*{TEMPORARY}"):
        if path.is_file() and not path.is_symlink():
            path.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    folder, name = (path, "") if path.is_dir() else (path.parent, path.name)
    return folder / f".{name}-{secrets.token_hex(6)}{TEMPORARY}"
