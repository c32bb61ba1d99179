"""What the cards of all finished trainings say: settings, cost, and validation errors along the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["collect_trainings"]

POINT = ("step", "energy_rmse", "force_rmse")


def collect_trainings(runs: Path) -> dict[str, Any]:
    """Folder of every finished training → what its card says."""
    found = {}
    for path in sorted((runs / "train").rglob("mace-*.safetensors")):
        card = json.loads(path.with_suffix(".json").read_text())
        kept = ("split", "data_hash", "settings", "gradients", "code_version", "hardware")
        phases = [
            {k: phase[k] for k in ("name", "steps", "gradients", "seconds")}
            | {"validation": [{k: _rounded(row[k]) for k in POINT} for row in phase["validation"]]}
            for phase in card["phases"]
        ]
        name = str(path.parent.relative_to(runs / "train"))
        found[name] = {**{k: card[k] for k in kept}, "phases": phases}
    return found


def _rounded(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.5g}")
