"""Opening a store: a folder, a repository on the Hub, or any fsspec URL; and the one meant by default."""

from __future__ import annotations

import os
from pathlib import Path

from mfbench.errors import StoreError
from mfbench.store.files import Files, LocalFiles, RemoteFiles
from mfbench.store.hub import HubFiles
from mfbench.store.store import Store

__all__ = ["default_store", "open_files", "open_store", "store_to_read", "store_to_write"]

_CHECKOUT = Path(__file__).parents[2] / "leaderboard" / "submissions"


def default_store() -> str:
    """$MFBENCH_STORE, else the reference submissions of a source checkout.

    Raises:
        StoreError: there is neither.
    """
    if named := os.environ.get("MFBENCH_STORE"):
        return named
    if _CHECKOUT.is_dir():
        return str(_CHECKOUT)
    raise StoreError("no store: name a folder or URL, or set MFBENCH_STORE")


def store_to_write(named: str | None) -> str:
    """Where a submission is filed: the store that is named, or $MFBENCH_STORE; never a checkout's own,
    which is tracked.

    Raises:
        StoreError: none is named.
    """
    if found := named or os.environ.get("MFBENCH_STORE"):
        return found
    raise StoreError(
        "no store: name one with --to (a folder, a URL, or hf://datasets/OWNER/NAME), or set MFBENCH_STORE"
    )


def open_store(url: str | Path) -> Store:
    """A store at a folder or URL; an empty folder is an empty store.

    Raises:
        StoreError: the URL cannot be opened.
    """
    if not str(url):
        raise StoreError("no store was given: name a folder or URL")
    return Store(open_files(url))


def store_to_read(named: str | None) -> Store:
    """The store that somebody looks at, by default ``default_store``: a mistyped one is not an empty one.

    Raises:
        StoreError: nothing is there, or something else than a store.
    """
    store = open_store(named or default_store())
    held = store.files.list("")
    if "submissions" in held or (
        not held and isinstance(store.files, LocalFiles) and Path(store.url).is_dir()
    ):
        return store
    what = (
        f"{store.url} holds no folder 'submissions', so it is no store"
        if held
        else f"nothing is at {store.url}"
    )
    raise StoreError(f"{what}: name another folder or URL; filing a first submission makes a store")


def open_files(url: str | Path) -> Files:
    """A folder, ``hf://datasets/OWNER/NAME``, or any other fsspec URL.

    Raises:
        StoreError: the URL's protocol is not installed, or it cannot be reached.
    """
    text = str(url)
    if "://" not in text:
        return LocalFiles(Path(text))
    import fsspec

    try:
        fs, root = fsspec.core.url_to_fs(text)
    except Exception as error:  # unknown protocol, missing package, no access
        raise StoreError(f"{text} cannot be opened ({' '.join(str(error).split())[:160]})") from None
    if "file" in fs.protocol:
        return LocalFiles(Path(root))
    if text.startswith("hf://"):
        return HubFiles(fs, root, text)
    return RemoteFiles(fs, root, text)
