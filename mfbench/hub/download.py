"""Downloading a split: its manifest, its own tables, and only the shards that it names.

Everything is fetched and checked beside the target (``.download/<split>``), then renamed into place, the
manifest last: a split is visible when it is whole, and an older version stays until the new one is there.
A download that was stopped goes on with what it had checked.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mfbench.data.manifest import Manifest, read_manifest
from mfbench.data.parquet import sha256
from mfbench.errors import DataError, UnknownNameError
from mfbench.hub.sources import Source, known
from mfbench.work.ownership import owned

__all__ = ["Downloaded", "download"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_STAGED = re.compile(r"manifest\.json|[0-9a-f]{16}-.+")
_AT_ONCE = 4


@dataclass(frozen=True)
class Downloaded:
    """What a download did: the split's folder, its manifest, files fetched now, files there before."""

    folder: Path
    manifest: Manifest
    fetched: int
    kept: int


def download(
    split: str,
    source: Source,
    to: Path,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Downloaded:
    """Bring a split into ``to/<split>``, and its shards into ``to/pool``.

    Args:
        progress: called with files done and files in all.

    Raises:
        UnknownNameError: the source has no such split.
        TransferError: the source cannot be reached.
        DataError: a file is not what the manifest says, or another split here needs another version of it.
        WorkError: another process downloads it to the same place.
    """
    if not _NAME.fullmatch(split):
        raise UnknownNameError(f"'{split}' is not the name of a split")
    folder, staging = to / split, to / ".download" / split
    with owned(staging):
        return _download(split, source, to, folder, staging, progress)


def _download(
    split: str,
    source: Source,
    to: Path,
    folder: Path,
    staging: Path,
    progress: Callable[[int, int], None],
) -> Downloaded:
    manifest = _manifest(split, source, staging)
    files = {
        posixpath.normpath(f"{split}/{name}"): digest for name, digest in sorted(manifest.files.items())
    }
    wanted = {file: digest for file, digest in files.items() if not _is_right(to / file, digest)}
    _check_neighbours(to, split, wanted)
    done = len(files) - len(wanted)
    progress(done, len(files))
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        futures = [threads.submit(_stage, source, file, sha, staging) for file, sha in wanted.items()]
        try:
            for future in futures:
                future.result()
                done += 1
                progress(done, len(files))
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    if wanted or _text(folder / "manifest.json") != _text(staging / "manifest.json"):
        (folder / "manifest.json").unlink(missing_ok=True)
        for file, digest in wanted.items():
            (to / file).parent.mkdir(parents=True, exist_ok=True)
            os.replace(_staged(staging, file, digest), to / file)
        folder.mkdir(parents=True, exist_ok=True)
        os.replace(staging / "manifest.json", folder / "manifest.json")
    _clear(staging)
    return Downloaded(folder, manifest, len(wanted), len(files) - len(wanted))


def _clear(staging: Path) -> None:
    """Remove what downloads stage; the folders go with their owner if nothing else is in them."""
    for path in staging.iterdir():
        if _STAGED.fullmatch(path.name):
            path.unlink()


def _manifest(split: str, source: Source, staging: Path) -> Manifest:
    (staging / "manifest.json").unlink(missing_ok=True)  # of an earlier version, perhaps
    try:
        source.fetch(f"{split}/manifest.json", staging / "manifest.json")
    except FileNotFoundError:
        _clear(staging)
        raise UnknownNameError(f"{source.name} has no split '{split}'{known(source)}") from None
    return read_manifest(staging)


def _stage(source: Source, file: str, digest: str, staging: Path) -> None:
    """Fetch a file to its staged name: under that name it is whole and right."""
    staged = _staged(staging, file, digest)
    if _is_right(staged, digest):
        return
    part = staged.with_name(f"{staged.name}.part")
    try:
        source.fetch(file, part)
    except FileNotFoundError:
        raise DataError(f"{source.name} lacks {file}, which its manifest names: tell its owner") from None
    if sha256(part) != digest:
        part.unlink()
        raise DataError(
            f"{file} from {source.name} is not what the manifest says (SHA-256 differs): it was altered, "
            "or damaged on the way; nothing of it was kept, run the command again"
        )
    os.replace(part, staged)


def _staged(staging: Path, file: str, digest: str) -> Path:
    return staging / f"{digest[:16]}-{posixpath.basename(file)}"


def _is_right(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path) == digest


def _check_neighbours(to: Path, split: str, wanted: dict[str, str]) -> None:
    """A shard that is replaced may belong to another split: that one would break without a word."""
    for path in sorted(to.glob("*/manifest.json")):
        if path.parent.name == split:
            continue
        for name, digest in read_manifest(path.parent).files.items():
            file = posixpath.normpath(f"{path.parent.name}/{name}")
            if wanted.get(file, digest) != digest:
                raise DataError(
                    f"{path.parent.name} in {to} uses another version of {file}: choose another folder "
                    f"with --to, or remove {path.parent} first"
                )


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
