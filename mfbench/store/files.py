"""Where a store lies: a folder, or any fsspec URL. Folders appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from mfbench.errors import StoreError
from mfbench.work.files import new_folder, write_bytes

__all__ = ["Files", "LocalFiles", "RemoteFiles"]


Stamp = dict[str, list[int]]
"""file → size and time of change."""


class Files(Protocol):
    """Paths are relative to the store, with ``/``."""

    url: str

    def list(self, folder: str) -> list[str]:
        """Names in a folder, sorted; empty where there is none. Names that start with a dot are hidden."""
        ...

    def read(self, path: str) -> bytes:
        """A file's content; ``FileNotFoundError`` where there is none."""
        ...

    def stamp(self, folder: str) -> Stamp | None:
        """file → size and time of change, to notice that a folder was touched; None if that is costly."""
        ...

    def add_folder(self, folder: str, files: Mapping[str, bytes], note: str) -> str | None:
        """Write a new folder at once; an existing one stays. Returns a message, or None."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Write a file at once, over one that is there."""
        ...


class LocalFiles:
    """A folder of this machine."""

    def __init__(self, root: Path):
        self.root, self.url = root, str(root)

    def list(self, folder: str) -> list[str]:
        """See ``Files``."""
        try:
            return sorted(name for name in os.listdir(self.root / folder) if not name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def read(self, path: str) -> bytes:
        """See ``Files``; links are not followed."""
        place = self.root / path
        if place.is_symlink():
            raise FileNotFoundError(f"{path} is a link")
        return place.read_bytes()

    def stamp(self, folder: str) -> Stamp | None:
        """See ``Files``."""
        try:
            with os.scandir(self.root / folder) as entries:
                found = {e.name: e.stat(follow_symlinks=False) for e in entries}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in sorted(found.items())}

    def add_folder(self, folder: str, files: Mapping[str, bytes], note: str) -> str | None:
        """See ``Files``: written beside its place, then renamed, which another process sees as one step."""
        target = self.root / folder
        if target.is_dir():
            return None
        try:
            with new_folder(target) as staging:
                for name, data in files.items():
                    write_bytes(staging / name, data)
        except OSError as error:
            if not target.is_dir():
                raise StoreError(f"{self.url} cannot be written ({error.strerror or error})") from None
        return None

    def write(self, path: str, data: bytes) -> None:
        """See ``Files``."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(target, data)


class RemoteFiles:
    """A folder of an fsspec filesystem. Renaming is no single step there, so ``submission.yaml`` goes last:
    a folder without it, or whose hash does not fit, counts as broken and is named."""

    def __init__(self, fs: Any, root: str, url: str):
        self.fs, self.root, self.url = fs, root.rstrip("/"), url

    def list(self, folder: str) -> list[str]:
        """See ``Files``."""
        try:
            found = self.fs.ls(f"{self.root}/{folder}", detail=False, refresh=True)
        except FileNotFoundError:
            return []
        except TypeError:  # a filesystem without a cache
            found = self.fs.ls(f"{self.root}/{folder}", detail=False)
        names = [str(path).rstrip("/").rpartition("/")[2] for path in found]
        return sorted(name for name in names if name and not name.startswith("."))

    def read(self, path: str) -> bytes:
        """See ``Files``."""
        data: bytes = self.fs.cat_file(f"{self.root}/{path}")
        return data

    def stamp(self, folder: str) -> Stamp | None:
        """See ``Files``."""
        return None

    def add_folder(self, folder: str, files: Mapping[str, bytes], note: str) -> str | None:
        """See ``Files``."""
        self.fs.makedirs(f"{self.root}/{folder}", exist_ok=True)
        for name in sorted(files, key=lambda name: name == "submission.yaml"):
            self.fs.pipe_file(f"{self.root}/{folder}/{name}", files[name])
        return None

    def write(self, path: str, data: bytes) -> None:
        """See ``Files``."""
        self.fs.makedirs(f"{self.root}/{path}".rpartition("/")[0], exist_ok=True)
        self.fs.pipe_file(f"{self.root}/{path}", data)
