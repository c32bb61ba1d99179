"""What work was asked to do, of which inputs: work goes on only with the same ones."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["Request", "as_json", "code_digest", "difference", "digest", "file_digests"]

Request = Mapping[str, Any]
_HASH = re.compile(r"[0-9a-f]{64}")


def as_json(request: Request) -> dict[str, Any]:
    """A request as it is read back from JSON: tuples become lists, paths text."""
    found: dict[str, Any] = json.loads(json.dumps(dict(request), default=str))
    return found


def digest(request: Request) -> str:
    """SHA-256 of a request, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(as_json(request), sort_keys=True).encode()).hexdigest()


def file_digests(paths: Iterable[Path], folder: Path) -> dict[str, str]:
    """name relative to ``folder`` → SHA-256, for the files that are there."""
    return {
        path.relative_to(folder).as_posix(): _sha256(path) for path in sorted(set(paths)) if path.is_file()
    }


def code_digest(target: str) -> str | None:
    """SHA-256 of the source of ``module:name``: the module's file, or every file of its package.

    None where there is no such source (a compiled module, or none at all).
    """
    top = target.partition(":")[0].partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    origin = Path(spec.origin)
    files = sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
    return digest({str(path.relative_to(origin.parent)): _sha256(path) for path in files})


def difference(before: Request, now: Request, *, depth: int = 8) -> str | None:
    """The first thing in which two requests differ, in words; None if they are the same.

    Args:
        before, now: requests.
        depth: how far to look inside; what lies deeper is shown whole. With 1, hashes are shown too.
    """
    found = _differences(as_json(before), as_json(now), (), depth, show_hashes=depth == 1)
    if not found:
        return None
    more = f" ({len(found) - 1} more differ)" if len(found) > 1 else ""
    return found[0] + more


def _differences(before: Any, now: Any, place: tuple[str, ...], depth: int, show_hashes: bool) -> list[str]:
    if before == now:
        return []
    if depth and isinstance(before, dict) and isinstance(now, dict):
        keys = sorted({*before, *now})
        return [
            text
            for key in keys
            for text in _differences(
                before.get(key, _ABSENT),
                now.get(key, _ABSENT),
                (*place, str(key)),
                depth - 1,
                show_hashes,
            )
        ]
    name = _name(place)
    if before is _ABSENT:
        return [f"its {name} is new"]
    if now is _ABSENT:
        return [f"its {name} is gone"]
    if not show_hashes and all(
        isinstance(value, str) and _HASH.fullmatch(value) for value in (before, now)
    ):
        return [f"its {name} has changed"]
    return [f"its {name} is {_short(before)}, not {_short(now)}"]


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Absent:
    pass


_ABSENT = _Absent()


def _name(place: tuple[str, ...]) -> str:
    """``recipe.seed``; a file's own name where the place is one."""
    return place[-1] if place and "." in place[-1] and len(place) > 1 else ".".join(place)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
