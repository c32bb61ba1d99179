"""The tuned settings that ship with the checkpoints: ``tuning.json``, written by scripts/tune.py."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from mfbench.learned.checkpoint import EMBEDDED

__all__ = ["tuned_settings"]

Settings = TypeVar("Settings")


def tuned_settings(split: str, arch: str, method: str, kind: type[Settings], **defaults: Any) -> Settings:
    """The settings chosen on the validation families of ``split``; ``defaults`` where none were tuned.

    An architecture that was not tuned itself takes what was chosen on MACE.
    """
    path = EMBEDDED / split / "tuning.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    found = record.get(f"{arch}-{method}") or record.get(f"mace-{method}") or {}
    return kind(**{**defaults, **found.get("chosen", {})})
