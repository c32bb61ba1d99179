"""Whoever writes a folder owns it: a second process is refused before it touches anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mfbench.errors import WorkError
from mfbench.work.files import LOCK, TEMPORARY, remove_leftovers
from mfbench.work.lock import FileLock

__all__ = ["holds_nothing", "owned"]


@contextmanager
def owned(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Own a folder for the time of the block; it is made where it does not exist.

    Args:
        shared: several processes may own it together, all of them ``shared``.

    Raises:
        WorkError: another process owns it.
        OSError: it cannot be written.
    """
    folder = Path(folder)
    made: list[Path] = []
    lock = FileLock(folder / LOCK)
    while True:
        made += _make(folder)
        try:
            mine = lock.acquire(shared=shared)
            break
        except FileNotFoundError:  # another process removed the empty folder just now
            continue
        except BaseException:
            _remove_empty(made)
            raise
    if not mine:
        raise WorkError(
            f"{folder} is in use by {lock.holder()}: wait until it has ended, or choose another folder"
        )
    try:
        if not shared:
            remove_leftovers(folder)
        yield
    finally:
        lock.release(remove=not shared)
        _remove_empty(made)


def holds_nothing(folder: Path) -> bool:
    """Whether a folder is empty but for what a killed process of ours may have left."""
    return all(path.name == LOCK or path.name.endswith(TEMPORARY) for path in Path(folder).iterdir())


def _make(folder: Path) -> list[Path]:
    """Make a folder and its parents; returns those that were missing, the innermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_empty(folders: list[Path]) -> None:
    """A refused or empty run leaves no folder behind."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()
