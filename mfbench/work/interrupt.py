"""Ctrl-C at any moment of a command: one line, exit code 130.

While the command line imports its libraries, nothing was begun yet, and imports raise whatever they like
when they are interrupted: it leaves at once. After that, Ctrl-C is a ``KeyboardInterrupt``, so that work
can end in order, and it is remembered, for code that turns it into something else.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, NoReturn

__all__ = ["came", "ignore_further", "leave_while_importing", "raise_from_now_on"]

_received: list[int] = []
_decided: list[bool] = []


def leave_while_importing() -> None:
    """Leave at once on Ctrl-C, if this process is the command line and nobody else handles the signal."""
    if _is_command(sys.orig_argv) and _handler() is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def raise_from_now_on() -> None:
    """Raise ``KeyboardInterrupt`` again, after ``leave_while_importing``."""
    _decided.clear()
    if _handler() is _leave:
        signal.signal(signal.SIGINT, _raise)


def came() -> bool:
    """Whether Ctrl-C was pressed since ``raise_from_now_on``."""
    return bool(_received)


def ignore_further() -> None:
    """Ignore Ctrl-C from now on, after ``raise_from_now_on``: the exit code is decided."""
    _decided.append(True)  # first: the next line is Python too, and could be interrupted
    if _handler() is _raise:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _handler() -> Any:
    return signal.getsignal(signal.SIGINT)


def _leave(number: int, frame: Any) -> NoReturn:
    os.write(2, b"\ninterrupted\n")
    os._exit(130)


def _raise(number: int, frame: Any) -> None:
    if not _decided:
        _received.append(number)
        raise KeyboardInterrupt


def _is_command(given: list[str]) -> bool:
    """Whether an interpreter's arguments call ``mfbench`` or ``-m mfbench``; worker processes do not."""
    words = iter(given[1:])
    for word in words:
        if word == "-m":
            return next(words, "").partition(".")[0] in ("mfbench", "mfbench_tasks")
        if word in ("-X", "-W"):
            next(words, "")
        elif not word.startswith("-"):
            return os.path.basename(word).removesuffix(".exe") == "mfbench"
    return False
