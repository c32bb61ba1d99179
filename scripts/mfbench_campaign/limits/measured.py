"""Finished measurements: a JSON file each, kept where it is there, refused where it is of another kind."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from mfbench.errors import DataError, ProtocolError
from mfbench.protocol.cost import code_version, hardware

__all__ = ["Content", "Identity", "Measured", "Measurement", "finish", "read_measured"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Identity(_Part):
    """What a measurement is of. Two files with the same identity hold the same numbers.

    Attributes:
        measurement, method, variant: which one; ``variant`` is unique within (measurement, split, method).
        split, data_hash: what was tested on.
        seed: of the episodes.
        options: of the method, beyond its defaults.
        settings: of the measurement, e.g. ``k``.
        trained: construction, method, seed, gradients and SHA-256 of the checkpoint; None without one.
    """

    measurement: str
    method: str
    variant: str
    split: str
    data_hash: str
    seed: int
    options: dict[str, Any]
    settings: dict[str, Any]
    trained: dict[str, Any] | None

    @property
    def file(self) -> Path:
        """Below the output folder."""
        return Path(self.measurement, f"{self.split}~{self.method}~{self.variant}.json")


class Content(_Part):
    """What a measurement found.

    Attributes:
        groups: family → bootstrap group.
        values: family → what was measured; ``failure`` (a reason) where the method failed.
        shared: what belongs to no single family.
    """

    groups: dict[str, int]
    values: dict[str, dict[str, Any]]
    shared: dict[str, Any] = {}


class Measured(_Part):
    """A finished measurement: ``content`` of ``identity``, by which code, where, in how many seconds."""

    schema_: int = 1
    identity: Identity
    content: Content
    code_version: str
    hardware: dict[str, Any]
    seconds: float

    def to_json(self) -> str:
        """One line a field of identity and content, so that differences can be read."""
        content = self.model_dump(mode="json")
        parts = []
        for key, value in content.items():
            if key in ("identity", "content"):
                lines = ",\n".join(f"  {json.dumps(k)}: {_compact(v)}" for k, v in value.items())
                parts.append(f"{json.dumps(key)}: {{\n{lines}\n }}")
            else:
                parts.append(f"{json.dumps(key)}: {_compact(value)}")
        return "{\n " + ",\n ".join(parts) + "\n}\n"


@dataclass(frozen=True)
class Measurement:
    """Something to measure: its identity, and what finds its content."""

    identity: Identity
    make: Callable[[], Content]


def finish(measurement: Measurement, out: Path) -> bool:
    """Measure a measurement unless its file is there. Returns whether it was measured now.

    Raises:
        ProtocolError: the file is there and of something else.
    """
    path = out / measurement.identity.file
    if path.is_file():
        _same(path, measurement.identity)
        return False
    began = time.perf_counter()
    content = Content.model_validate(_rounded(measurement.make().model_dump(mode="json")))
    measured = Measured(
        identity=measurement.identity,
        content=content,
        code_version=code_version(),
        hardware=hardware(),
        seconds=round(time.perf_counter() - began, 1),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(measured.to_json())
    part.replace(path)  # a killed run leaves no half of a file
    return True


def read_measured(out: Path, measurement: str, splits: Sequence[str] = ()) -> list[Measured]:
    """Finished measurements of a kind, by name; ``splits``: only of these.

    Raises:
        DataError: a file is damaged.
    """
    found = [_read(path) for path in sorted((out / measurement).glob("*.json"))]
    return [m for m in found if not splits or m.identity.split in splits]


def _read(path: Path) -> Measured:
    try:
        return Measured.model_validate_json(path.read_text())
    except ValidationError as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"{path} is no measurement ({reason}): delete it and run again") from None


def _same(path: Path, identity: Identity) -> None:
    before, now = (i.model_dump(mode="json") for i in (_read(path).identity, identity))
    # What was written is JSON: numbers and lists compare after the same conversion.
    now = json.loads(json.dumps(now))
    if different := [key for key in now if now[key] != before[key]]:
        raise ProtocolError(
            f"{path} was measured with other {', '.join(different)}: name another --out, or delete it"
        )


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _rounded(value: Any) -> Any:
    """Six significant digits; null for what is not finite."""
    if isinstance(value, Mapping):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
