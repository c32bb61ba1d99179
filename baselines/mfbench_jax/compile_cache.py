"""Compiled programs kept on disk: a network takes 10-20 s of compilation per shape, once for each machine.

The folder is ``MFBENCH_COMPILE_CACHE`` (empty: keep nothing), else ``mfbench/compiled`` in the user's cache
folder, else in the system's temporary folder under a name of the user's own. What JAX is told by its own
variable ``JAX_COMPILATION_CACHE_DIR`` goes before.
"""

from __future__ import annotations

import hashlib
import os
import platform
import stat
import tempfile
from pathlib import Path

__all__ = ["cache_folder", "keep_compiled_programs"]

_LEAST_SECONDS = 0.5
"""Programs that compile faster are not worth a file."""


def keep_compiled_programs() -> Path | None:
    """Tell JAX where to keep programs; the folder, or None where nothing is kept. Call before compiling."""
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return None
    folder = cache_folder()
    if folder is not None:
        import jax

        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", _LEAST_SECONDS)
    return folder


def cache_folder() -> Path | None:
    """A folder of this user and this kind of processor that can be written to, or None."""
    asked = os.environ.get("MFBENCH_COMPILE_CACHE")
    if asked is not None:
        return _usable(Path(asked)) if asked else None
    candidates = [Path(tempfile.gettempdir()) / f"mfbench-{os.getuid()}" if hasattr(os, "getuid") else None]
    if base := os.environ.get("XDG_CACHE_HOME"):
        candidates.insert(0, Path(base) / "mfbench")
    elif home := os.environ.get("HOME"):
        candidates.insert(0, Path(home) / ".cache" / "mfbench")
    usable = (_usable(path / "compiled" / _processor()) for path in candidates if path)
    return next((path for path in usable if path), None)


def _usable(folder: Path) -> Path | None:
    """The folder, made if need be; None where it is somebody else's: programs are code that will be run."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = folder.stat()
        mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
        closed = not found.st_mode & stat.S_IWOTH
        return folder if mine and closed and os.access(folder, os.W_OK | os.X_OK) else None
    except OSError:
        return None


def _processor() -> str:
    """A name for the kind of processor: programs are compiled for its instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        known = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        known = platform.processor()
    return f"{platform.machine()}-{hashlib.sha256(known.encode()).hexdigest()[:12]}"
