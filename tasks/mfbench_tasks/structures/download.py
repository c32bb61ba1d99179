"""Downloading entries by id: a cache folder, retries, checksums."""

from __future__ import annotations

import hashlib
import http.client
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from mfbench.errors import StructureError
from mfbench.work.files import write_text, written

__all__ = ["RCSB", "download"]

RCSB = "https://files.rcsb.org/download"
_RETRIED = (408, 425, 429, 500, 502, 503, 504)


def download(
    pdb_id: str,
    folder: Path,
    *,
    base_url: str = RCSB,
    attempts: int = 4,
    timeout_s: float = 30.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """The gzipped mmCIF file of an entry, from ``folder`` or from ``base_url``.

    A file enters the cache under its name only when it is complete, with its SHA-256 beside it
    (``<file>.sha256``); a cached file that no longer matches is fetched again.

    Args:
        sleep: waits between attempts (seconds, doubling, with jitter); a test passes its own.

    Raises:
        StructureError: no such entry, or the server cannot be reached; names the entry.
    """
    pdb_id = pdb_id.lower()
    if not (len(pdb_id) == 4 and pdb_id.isalnum()):
        raise StructureError(f"'{pdb_id}' is not a PDB id: four letters or digits")
    path = Path(folder) / f"{pdb_id}.cif.gz"
    if _is_cached(path):
        return path
    url = f"{base_url.rstrip('/')}/{path.name}"
    reason = "no attempt"
    for attempt in range(attempts):
        if attempt:
            sleep(2.0 ** (attempt - 1) * (1.0 + 0.1 * random.random()))
        try:
            _store(path, _fetch(url, timeout_s))
            return path
        except urllib.error.HTTPError as error:
            reason = f"HTTP {error.code}"
            if error.code not in _RETRIED:
                break
        except (urllib.error.URLError, http.client.HTTPException, OSError, EOFError) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
    raise StructureError(f"cannot download {pdb_id} from {base_url}: {reason}")


def _fetch(url: str, timeout_s: float) -> bytes:
    with urllib.request.urlopen(url, timeout=timeout_s) as response:
        data: bytes = response.read()
        expected = response.headers.get("Content-Length")
    if expected is not None and len(data) != int(expected):
        raise EOFError(f"got {len(data)} of {expected} bytes")
    if data[:2] != b"\x1f\x8b":
        raise EOFError("the answer is not a gzip file")
    return data


def _store(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The checksum appears first: an entry that is there has one. Two downloads do not disturb each other.
    with written(path) as entry:
        entry.write_bytes(data)
        write_text(_checksum(path), hashlib.sha256(data).hexdigest() + "\n")


def _is_cached(path: Path) -> bool:
    try:
        expected = _checksum(path).read_text().strip()
        return hashlib.sha256(path.read_bytes()).hexdigest() == expected
    except FileNotFoundError:
        return False


def _checksum(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")
