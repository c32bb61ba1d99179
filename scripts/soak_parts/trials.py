"""Trials: a command is killed, run twice at once, or given no room; its result is equal, or it says why."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soak_parts.commands import Command
from soak_parts.process import Ended, start, wait_for

__all__ = ["KINDS", "Outcome", "Reference", "can_mount", "reference_of", "run_trial"]

KINDS = ("SIGKILL", "SIGINT", "twice", "disk-full", "read-only")
_TRIES = 12
"""Of hitting a command before it has ended."""

EQUAL, REFUSED, WRONG = "equal", "refused in one line", "wrong"


@dataclass(frozen=True)
class Reference:
    """A command that nobody disturbed: its result, its seconds, the bytes of its folder."""

    result: str
    seconds: float
    size: int


@dataclass(frozen=True)
class Outcome:
    """What a trial showed.

    Attributes:
        command, kind: which.
        verdict: equal, refused in one line, or wrong.
        at: share of the undisturbed run's time at which it was hit (disk full: share of its bytes).
        hit: whether it was hit before it had ended.
        detail: what was wrong.
    """

    command: str
    kind: str
    verdict: str
    at: float
    hit: bool
    detail: str = ""


def reference_of(command: Command, *, forked: bool = True) -> Reference:
    """Run a command undisturbed."""
    with _folder() as folder:
        command.prepare(folder)
        ended = wait_for(start(command.arguments, folder, folder / "log", forked=forked))
        if ended.code != 0:
            raise RuntimeError(f"{command.name} fails undisturbed: {ended.said[-2000:]}")
        size = sum(p.stat().st_blocks * 512 + 4096 for p in folder.rglob("*"))
        return Reference(command.result(folder), ended.seconds, size)


def run_trial(
    command: Command, kind: str, reference: Reference, rng: np.random.Generator, *, forked: bool = True
) -> Outcome:
    """One trial at a random moment."""
    at = float(rng.random())
    trial = {"twice": _twice, "disk-full": _full, "read-only": _read_only}.get(kind, _killed)
    verdict, hit, detail = trial(command, kind, reference, at, forked)
    return Outcome(command.name, kind, verdict, round(at, 3), hit, detail)


Found = tuple[str, bool, str]


def _killed(command: Command, kind: str, reference: Reference, at: float, forked: bool) -> Found:
    number, seconds = getattr(signal, kind), reference.seconds
    for _ in range(_TRIES):
        with _folder() as folder:
            command.prepare(folder)
            begun = start(command.arguments, folder, folder / "log", forked=forked)
            first = wait_for(begun, until=at * seconds, number=number)
            if number == signal.SIGINT and first.code != 0 and not first.is_interrupted:
                return WRONG, True, f"after Ctrl-C: {_told(first)}"
            if number == signal.SIGKILL and first.code not in (0, -signal.SIGKILL):
                return WRONG, True, f"killed: {_told(first)}"
            found = _with_hit(_resumed(command, reference, folder, forked), first.code != 0)
        if first.code != 0 or found[0] == WRONG:
            return found
        seconds = min(seconds, first.seconds)  # it had ended: the machine is faster than it was
    return found


def _twice(command: Command, kind: str, reference: Reference, at: float, forked: bool) -> Found:
    with _folder() as folder:
        command.prepare(folder)
        one = start(command.arguments, folder, folder / "log1", forked=forked)
        two = start(command.arguments, folder, folder / "log2", forked=forked)
        both = [wait_for(two), wait_for(one)]
        for ended in both:
            if ended.code != 0 and not ended.is_one_line:
                return WRONG, True, f"beside another one: {_told(ended)}"
        refused = any(ended.code for ended in both)
        return _with_hit(_resumed(command, reference, folder, forked), refused)


def _full(command: Command, kind: str, reference: Reference, at: float, forked: bool) -> Found:
    with _folder() as outside, _memory_disk(outside, reference.size * 4 + 2**20) as folder:
        command.prepare(folder)
        free = shutil.disk_usage(folder).free
        ballast = folder / "ballast"
        with open(ballast, "wb") as file:
            file.write(bytes(max(int(free - at * reference.size), 0)))
        first = wait_for(start(command.arguments, folder, outside / "log", forked=forked))
        if first.code != 0 and not first.is_one_line:
            return WRONG, True, f"disk full: {_told(first)}"
        ballast.unlink()
        return _with_hit(_resumed(command, reference, folder, forked, log=outside / "log"), first.code != 0)


def _read_only(command: Command, kind: str, reference: Reference, at: float, forked: bool) -> Found:
    with _folder() as outside, _memory_disk(outside, reference.size * 4 + 2**20) as folder:
        command.prepare(folder)
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        first = wait_for(start(command.arguments, folder, outside / "log", forked=forked))
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
        if not first.is_one_line:
            return WRONG, True, f"read-only: {_told(first)}"
        return _with_hit(_resumed(command, reference, folder, forked, log=outside / "log"), True)


def _resumed(
    command: Command, reference: Reference, folder: Path, forked: bool, log: Path | None = None
) -> tuple[str, str]:
    """Verdict and detail of going on undisturbed."""
    log = log or folder / "log"
    ended = wait_for(start([*command.arguments, *command.again], folder, log, forked=forked))
    if ended.code != 0:
        return (REFUSED, ended.said[-300:]) if ended.is_one_line else (WRONG, f"again: {_told(ended)}")
    found = command.result(folder)
    return (EQUAL, "") if found == reference.result else (WRONG, "another result")


def _with_hit(found: tuple[str, str], hit: bool) -> Found:
    return found[0], hit, found[1]


def _told(ended: Ended) -> str:
    return f"exit code {ended.code}: {' '.join(ended.said.split())[-400:]}"


def can_mount() -> bool:
    """Whether this user may make a small disk in memory."""
    with tempfile.TemporaryDirectory() as name:
        try:
            with _memory_disk(Path(name), 2**20):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


@contextmanager
def _memory_disk(outside: Path, size: int) -> Iterator[Path]:
    folder = outside / "disk"
    folder.mkdir()
    options = f"size={size},nr_inodes=100000"
    mount = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    subprocess.run(mount, capture_output=True, check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mfbench-soak-") as name:
        yield Path(name)
