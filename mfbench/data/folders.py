"""The user's folders: where downloaded data lie, on every system, also where there is no home."""

from __future__ import annotations

import logging
import os
import tempfile
from functools import cache
from pathlib import Path

from platformdirs import PlatformDirs

__all__ = ["data_folder"]

_LOG = logging.getLogger("mfbench")


def data_folder() -> Path:
    """Where downloaded splits lie: the folder that $MFBENCH_DATA names, or the user's data folder.

    The latter is what the system has for it (``$XDG_DATA_HOME/mfbench`` or ``~/.local/share/mfbench`` on
    Linux). Where there is no home (a container, a batch job), it is a folder for temporary files of this
    user, and a line on stderr says so.
    """
    if named := os.environ.get("MFBENCH_DATA"):
        return Path(named)
    try:
        found = PlatformDirs("mfbench", appauthor=False).user_data_path
    except RuntimeError:  # newer versions say so where there is no home, older ones leave the "~"
        return _without_home()
    return found if found.is_absolute() else _without_home()


@cache
def _without_home() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"mfbench-{user}"
    _LOG.warning("there is no home folder: data go to %s (set MFBENCH_DATA for another one)", folder)
    return folder
