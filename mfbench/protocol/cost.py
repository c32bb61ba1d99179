"""What a run cost and where: clocks, memory, hardware, code version. The timing harness is versioned."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np

from mfbench.work.version import __version__

__all__ = ["TIMING_VERSION", "code_version", "hardware", "peak_memory"]

TIMING_VERSION = 1
"""Raised whenever the way of measuring changes: times of different versions are not comparable.

1: ``adapt_seconds`` is the wall time of ``adapt`` less the compile time that the method reports;
``predict_seconds`` is the wall time of one ``predict`` on the whole query, prediction checks excluded.
"""


def peak_memory() -> int | None:
    """Peak resident memory of this process so far in bytes; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def hardware() -> dict[str, str | int | None]:
    """Processor, cores that this process may use, memory in bytes, system and interpreter."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def code_version() -> str:
    """Package version, and the git revision when it runs from a checkout (``+dirty``: with changes)."""
    folder = Path(__file__).parents[1]
    # An environment inside somebody else's repository must not report that repository's revision.
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return __version__
    revision = _git(folder, "rev-parse", "--short=12", "HEAD")
    dirty = "" if _git(folder, "diff", "--quiet", "HEAD", "--", ".") is not None else "+dirty"
    return f"{__version__} ({revision}{dirty})"


def _git(folder: Path, *arguments: str) -> str | None:
    """Output of a git command, None when it fails or git is absent."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
