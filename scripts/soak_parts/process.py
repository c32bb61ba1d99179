"""A command as a process that can be killed at any moment: forked here, or started as a user does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Ended", "start", "wait_for"]

_PATIENCE_S = 600.0


@dataclass(frozen=True)
class Ended:
    """How a process ended: exit code (negative: the signal), what it said on stderr, how long it took."""

    code: int
    said: str
    seconds: float

    @property
    def is_one_line(self) -> bool:
        """Whether it refused: exit code 2 and one line that says why."""
        return self.code == 2 and self.said.count("error: ") == 1 and not self.is_traceback

    @property
    def is_interrupted(self) -> bool:
        """Whether it ended by Ctrl-C in order: exit code 130 and a line."""
        return self.code == 130 and "interrupted" in self.said and not self.is_traceback

    @property
    def is_traceback(self) -> bool:
        """Whether it showed its insides."""
        return "Traceback" in self.said


@dataclass
class Started:
    """A process that runs, in a group of its own."""

    pid: int
    log: Path
    began: float


def start(arguments: Sequence[str], folder: Path, log: Path, *, forked: bool = True) -> Started:
    """Run ``mfbench ARGUMENTS`` in a folder; stderr goes to ``log``.

    Args:
        forked: from this process, which has all libraries loaded: a tenth of the time.
    """
    began = time.monotonic()
    if not forked:
        with open(log, "wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "mfbench", *arguments],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file,
                start_new_session=True,
            )  # fmt: skip
        return Started(process.pid, log, began)
    # A signal for the child waits until it says what to do with it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        pid = os.fork()
        if pid == 0:
            _become(arguments, folder, log)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    return Started(pid, log, began)


def wait_for(started: Started, *, until: float | None = None, number: int | None = None) -> Ended:
    """Wait until a process has ended; send it a signal after ``until`` seconds if it has not.

    Returns only when all processes of its group have gone: workers leave with their parent.
    """
    sent = until is None
    while True:
        pid, status = os.waitpid(started.pid, os.WNOHANG)
        seconds = time.monotonic() - started.began
        if pid:
            break
        if not sent and until is not None and seconds >= until and number is not None:
            os.kill(started.pid, number)
            sent = True
        if seconds > _PATIENCE_S:
            os.killpg(started.pid, signal.SIGKILL)
        time.sleep(0.002)
    _wait_for_group(started.pid)
    said = started.log.read_text(errors="replace") if started.log.is_file() else ""
    return Ended(os.waitstatus_to_exitcode(status), said, seconds)


def _wait_for_group(group: int) -> None:
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):
            return
        time.sleep(0.01)
    raise RuntimeError(f"processes of group {group} outlive their parent")


def _become(arguments: Sequence[str], folder: Path, log: Path) -> None:
    """In the child: the command line, as it is after its imports."""
    code = 1
    try:
        from mfbench.work import interrupt

        os.setsid()
        os.chdir(folder)
        null, file = os.open(os.devnull, os.O_RDWR), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number, target in ((0, null), (1, null), (2, file)):
            os.dup2(target, number)
        signal.signal(signal.SIGINT, interrupt._leave)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        from mfbench.cli import main

        code = main(list(arguments))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
