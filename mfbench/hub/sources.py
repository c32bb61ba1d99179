"""Where files come from: a repository on the Hub, any fsspec URL, or a folder."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from mfbench.errors import DataError, ProtocolError, TransferError
from mfbench.hub.client import hub_api, hub_errors, hub_files

__all__ = ["Source", "known", "open_source"]

_HUB = re.compile(r"hf://datasets/([^/@]+/[^/@]+)(?:@([^/]+))?(?:/(.*))?")
_CHUNK = 1 << 14


class Source(Protocol):
    """A tree of files: splits' folders, and the pool beside them.

    Attributes:
        name: what it is called in messages, with the revision that was pinned.
    """

    name: str

    def splits(self) -> Sequence[str]:
        """Names of the splits it holds; empty where it cannot tell."""
        ...

    def fetch(self, file: str, path: Path) -> None:
        """Bring one file to ``path``; bytes that are already there are a beginning of it.

        Raises:
            FileNotFoundError: it has no such file.
            TransferError: it cannot be reached, or does not let us in.
        """
        ...


def open_source(where: str, revision: str | None = None) -> Source:
    """A source by its address.

    Args:
        where: ``hf://datasets/<owner>/<name>[@revision][/folder]``, another URL, or a folder.
        revision: branch, tag or commit of a Hub repository.

    Raises:
        TransferError: the repository or the revision does not exist, or cannot be reached.
        ProtocolError: a revision of something that has none, or two of them.
        DataError: there is no such folder.
    """
    if where.startswith("hf://"):
        match = _HUB.fullmatch(where)
        if match is None:
            raise ProtocolError(f"'{where}' is not hf://datasets/<owner>/<name>[@revision][/folder]")
        repository, at, folder = match.groups()
        if at and revision and at != revision:
            raise ProtocolError(f"--revision {revision} and '{where}' name two revisions: give one")
        return _Hub(repository, revision or at, folder or "")
    if revision is not None:
        raise ProtocolError(f"--revision is of a Hub repository (hf://…): '{where}' has none")
    return _Url(where) if "://" in where else _Folder(Path(where))


class _Hub:
    """A dataset repository at one commit: a branch that moves meanwhile does not mix two versions."""

    def __init__(self, repository: str, revision: str | None, folder: str):
        self._repository, self._folder = repository, folder.strip("/")
        with hub_errors(repository, revision):
            info = hub_api().dataset_info(repository, revision=revision)
        self._commit, self._names = info.sha, [file.rfilename for file in info.siblings or ()]
        self._files = hub_files()
        self.name = f"hf://datasets/{repository}@{self._commit[:12]}"

    def splits(self) -> Sequence[str]:
        start = f"{self._folder}/" if self._folder else ""
        inside = [name.removeprefix(start).split("/") for name in self._names if name.startswith(start)]
        return sorted(parts[0] for parts in inside if parts[1:] == ["manifest.json"])

    def fetch(self, file: str, path: Path) -> None:
        name = f"{self._folder}/{file}" if self._folder else file
        if name not in self._names:
            raise FileNotFoundError(f"{self.name} has no {name}")
        address = f"datasets/{self._repository}@{self._commit}/{name}"
        with (
            hub_errors(self._repository, self._commit),
            self._files.open(address, "rb", block_size=0) as remote,
            open(path, "ab") as local,
        ):
            remote.loc = local.tell()  # a stream asks for the range that starts there; it cannot seek
            _copy(remote, local)


class _Url:
    """Any file system that fsspec knows."""

    def __init__(self, url: str):
        import fsspec

        self.name = url
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise TransferError(f"'{url}' cannot be opened: {error}") from None
        self._is_http = url.startswith(("http://", "https://"))

    def splits(self) -> Sequence[str]:
        try:
            found = self._files.glob(f"{self._root.rstrip('/')}/*/manifest.json")
        except Exception:  # some servers list nothing, each in its own way: names only help a message
            return []
        return sorted(str(name).split("/")[-2] for name in found)

    def fetch(self, file: str, path: Path) -> None:
        start = path.stat().st_size if path.is_file() else 0
        # Over HTTP a whole file is one stream: blocks need a server that answers ranges.
        whole = {"block_size": 0} if self._is_http and not start else {}
        try:
            with (
                self._files.open(f"{self._root.rstrip('/')}/{file}", "rb", **whole) as remote,
                open(path, "ab") as local,
            ):
                if start:
                    remote.seek(start)
                _copy(remote, local)
        except Exception as error:  # each file system has its own: aiohttp's, botocore's, ...
            if start and isinstance(error, ValueError):  # it cannot start in the middle
                path.unlink()
                return self.fetch(file, path)
            # fsspec says that a file is missing whatever HTTP failed with: its cause knows better.
            cause = error.__cause__
            missing = cause is None or getattr(cause, "status", None) == 404
            if isinstance(error, FileNotFoundError) and missing:
                raise FileNotFoundError(f"{self.name} has no {file}") from None
            reason = str(cause or error) or type(error).__name__
            raise TransferError(f"{file} cannot be fetched from {self.name}: {reason}") from error


class _Folder:
    """A folder on this machine; needs no optional package."""

    def __init__(self, folder: Path):
        if not folder.is_dir():
            raise DataError(f"there is no folder {folder} (a Hub repository is hf://datasets/owner/name)")
        self._folder, self.name = folder, str(folder)

    def splits(self) -> Sequence[str]:
        return sorted(path.parent.name for path in self._folder.glob("*/manifest.json"))

    def fetch(self, file: str, path: Path) -> None:
        shutil.copyfile(self._folder / file, path)


def _copy(remote: Any, local: BinaryIO) -> None:
    while block := remote.read(_CHUNK):
        local.write(block)


def known(source: Source) -> str:
    """A remark on what a source holds, for an error message."""
    names: Any = source.splits()
    return f": it has {', '.join(names)}" if names else ""
