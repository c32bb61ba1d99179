"""Which loss, rate and energy weight train best: short joint phases, judged on validation families.

    OMP_NUM_THREADS=1 python scripts/loss_search.py --json results/searches/loss-cath-mini.json

Every trial is one joint phase of equal length from the same weights on the same batches. It is judged by
root mean square errors on the validation families (kcal/mol, kcal/mol/Å; closed-form energy correction from
K = 20 configurations): with no gradient step, and after 20 Adam steps on them with the trial's own loss.
Trials that the file holds already are not repeated.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mfbench
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.learned.methods.validation import validator
from mfbench.learned.train import train
from mfbench.learned.training.settings import TrainSettings
from mfbench.protocol.cost import hardware
from mfbench.protocol.energy_baseline import EnergyBaseline

TRIALS = [
    *({"loss": "squared", "energy_weight": 1.0, "joint_rate": rate} for rate in (1e-2, 2e-2)),
    *({"loss": "l1", "energy_weight": 0.2, "joint_rate": rate} for rate in (1e-2, 2e-2, 4e-2, 8e-2)),
    *({"loss": "l1", "energy_weight": weight, "joint_rate": 4e-2} for weight in (0.02, 1.0)),
    {"loss": "huber", "energy_weight": 0.2, "joint_rate": 4e-2},
]
STEPS_RATE = 1e-2
"""Of the Adam steps after which a start is judged."""


def judged(split: Any, trial: dict[str, Any], channels: int, gradients: int) -> dict[str, Any]:
    """Train, and the errors on the validation families."""
    from mfbench_jax.engine import ENGINE

    options = {
        "joint_gradients": gradients,
        "withheld": 0,
        "size_classes": 3,
        "model": {"channels": channels},
    }
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        start = train(ENGINE, split, TrainSettings("joint", **options, **trial), Path(folder))
    seconds = time.process_time() - began
    baseline = EnergyBaseline.from_dict(start.card["baseline"])
    shared = {"loss": trial["loss"], "energy_weight": trial["energy_weight"]}
    recipe = AdaptSettings("adam", STEPS_RATE, decay="cosine", **shared)
    errors = {
        name: validator(ENGINE, split.validation, start.config, baseline, {}, settings)(start.params)
        for name, settings in (("no step", None), ("20 Adam steps", recipe))
    }
    return {
        "trial": trial,
        "channels": channels,
        "gradients": gradients,
        "errors": errors,
        "adapted_by": asdict(recipe),
        "cpu_seconds": round(seconds, 1),
    }


def main() -> None:
    """Run the trials that are missing; the file is written after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--split", default="cath-mini")
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--gradients", type=int, default=12_000)
    arguments = parser.parse_args()
    split = mfbench.load_split(arguments.split)
    identity = {"split": split.name, "data_hash": split.manifest.data_hash}
    record = {**identity, "hardware": hardware(), "trials": []}
    if arguments.json.is_file():
        record = json.loads(arguments.json.read_text())
        if any(record[key] != value for key, value in identity.items()):
            raise SystemExit(f"{arguments.json} is of other data: choose another file")
    for trial in TRIALS:
        wanted = {"trial": trial, "channels": arguments.channels, "gradients": arguments.gradients}
        if any(wanted.items() <= done.items() for done in record["trials"]):
            continue
        found = judged(split, trial, arguments.channels, arguments.gradients)
        record["trials"].append(found)
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(record, indent=1) + "\n")
        print(json.dumps({**trial, **found["errors"], "cpu_seconds": found["cpu_seconds"]}), flush=True)


if __name__ == "__main__":
    main()
