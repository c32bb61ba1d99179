"""The tuned settings that ship with the checkpoints: ``tuning.json``, written by scripts/tune.py."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from mfbench.learned.checkpoint import EMBEDDED

__all__ = ["tuned_settings"]

Settings = TypeVar("Settings")


def tuned_settings(split: str, arch: str, method: str, kind: type[Settings], **defaults: Any) -> Settings:
    """The settings chosen on the validation families of ``split``; ``defaults`` where none were tuned."""
    path = EMBEDDED / split / "tuning.json"
    if not path.is_file():
        return kind(**defaults)
    chosen = json.loads(path.read_text()).get(f"{arch}-{method}", {}).get("chosen", {})
    return kind(**{**defaults, **chosen})
