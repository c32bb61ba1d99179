"""Locks that go with their process: nobody has to clean up after one that was killed.

The system's own locks where the file system has them, else a file with the number of the process and the
name of its machine.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["FileLock", "claimed"]


class FileLock:
    """A lock on a path. One object is one holder; two objects in one process exclude each other too.

    Args:
        path: of the lock's file, in a folder that is there.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self._file: int | None = None
        self._by_name = False

    def acquire(self, *, shared: bool = False) -> bool:
        """Take the lock if nobody holds it (or all hold it ``shared``); whether that worked.

        Raises:
            OSError: its file cannot be written.
        """
        if fcntl is None:
            return self._acquire_by_name()
        while True:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return False
            except OSError:  # a file system without locks
                os.close(file)
                return self._acquire_by_name()
            if _same_file(file, self.path):
                break
            os.close(file)  # its holder removed it between the two calls
        self._file = file
        if not shared:
            os.ftruncate(file, 0)
            os.pwrite(file, _signature(), 0)
        return True

    def release(self, *, remove: bool = True) -> None:
        """Give the lock back, and ``remove`` its file (never one that is shared)."""
        if remove and (self._file is not None or self._by_name):
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
        if self._file is not None:
            os.close(self._file)
        self._file, self._by_name = None, False

    def holder(self) -> str:
        """Who holds the lock, as far as its file says, e.g. ``process 12 on host``."""
        try:
            number, host = self.path.read_text().split()
        except (OSError, ValueError):
            return "another process"
        return f"process {number} on {host}"

    def _acquire_by_name(self) -> bool:
        for _ in range(2):
            try:
                file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
            except FileExistsError:
                if not self._is_dead():
                    return False
                self.path.unlink(missing_ok=True)
                continue
            os.write(file, _signature())
            os.close(file)
            self._by_name = True
            return True
        return False

    def _is_dead(self) -> bool:
        """Whether the process that wrote the file is known to have ended."""
        try:
            number, host = self.path.read_text().split()
        except FileNotFoundError:
            return True
        except (OSError, ValueError):
            return False
        if host != socket.gethostname():
            return False
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Whether this process has the lock on ``path`` for the time of the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    mine = lock.acquire()
    try:
        yield mine
    finally:
        if mine:
            lock.release()


def _signature() -> bytes:
    return f"{os.getpid()} {socket.gethostname()}\n".encode()


def _same_file(file: int, path: Path) -> bool:
    try:
        there, here = os.stat(path), os.fstat(file)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)
