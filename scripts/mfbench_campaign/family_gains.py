"""Does a family's own support help? For each construction: pre-train at modest compute, then compare
K = 0, K = 50 of the own family, and K = 50 of another one.

python scripts/gains.py run      # hours of one core; resumes where it stopped
python scripts/gains.py table    # tasks/data/gains.json, which the data card shows
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import mfbench
from mfbench.results.results import read_results
from mfbench.results.score_run import family_groups
from mfbench_campaign.folders import ROOT, RUNS
from mfbench_campaign.headline import MANY
from mfbench_campaign.intervals import family_ratio
from mfbench_campaign.render import render_line

__all__ = ["main"]

OUT = ROOT / "tasks" / "data" / "gains.json"
TRAINED_ON = {"cath": "cath", "cluster30": "cluster30", "chemistry": "chemistry", "shuffled": "cath"}
"""Construction → whose model it uses: shuffled permutes the families of cath, on the same labels."""
SETTINGS = {
    "joint_batch": 8, "size_classes": 3, "withheld": 0, "joint_gradients": 100_000, "gradients": 120_000,
}  # fmt: skip
METHODS = ("offset", "pretrain")
K, DRAWS = MANY, 1
METRICS = {"energy": "energy_rmse", "within": "energy_rmse_within", "forces": "force_rmse"}


def checkpoint(runs: Path, construction: str) -> Path:
    """The model that a construction is tested with."""
    return runs / f"train-{TRAINED_ON[construction]}" / "mace-pretrain.safetensors"


def train(runs: Path, construction: str) -> None:
    """Pre-train it, unless it is there; resumes."""
    path = checkpoint(runs, construction)
    if path.is_file():
        return
    command = [sys.executable, "-m", "mfbench", "train", "--method", "pretrain", "--split", construction]
    command += ["--out", str(path.parent)] + ["--resume"] * path.parent.is_dir()
    subprocess.run([*command, *(f"--option={k}={v}" for k, v in SETTINGS.items())], check=True)


def evaluate(runs: Path, construction: str, workers: int) -> None:
    """Own support, no support, and another family's."""
    for method in METHODS:
        for support, ks in (("own", [0, K]), ("wrong-family", [K])):
            out = runs / f"{construction}-{method}-{support}"
            mfbench.evaluate(
                method, construction, ks=ks, draws=DRAWS, out=out, resume=out.is_dir(), workers=workers,
                support=support, checkpoint=str(checkpoint(runs, construction)), progress=True,
            )  # fmt: skip


def rows(runs: Path, construction: str) -> Iterator[dict[str, Any]]:
    """Ratios of errors, [value, lo, hi]: geometric means over test families, 95 % intervals."""
    split = mfbench.load_split(construction)
    groups = family_groups(split, [task.family_id for task in split.test])
    for method in METHODS:
        own = read_results(runs / f"{construction}-{method}-own" / "results.json")
        wrong = read_results(runs / f"{construction}-{method}-wrong-family" / "results.json")
        for what, top, k in (("K = 0 ÷ K = 50", own, 0), ("wrong family ÷ own, K = 50", wrong, K)):
            row: dict[str, Any] = {
                "construction": construction,
                "families": len(split.test),
                "method": method,
                "ratio": what,
            }
            for title, metric in METRICS.items():
                above, below = top.per_family(metric, k), own.per_family(metric, K)
                value = family_ratio(above, below, groups)
                row[title] = [round(x, 3) for x in value or ()]
                row[f"{title}, K = 50"] = round(sum(below[n] for n in above) / len(above), 3)
            yield row


def verdict(found: Sequence[dict[str, Any]]) -> str:
    """Which constructions are families of tasks: own support beats a wrong family's, in forces after
    fine-tuning, by more than it does where families mean nothing."""
    forces = {
        row["construction"]: row["forces"]
        for row in found
        if row["method"] == "pretrain" and row["ratio"].startswith("wrong")
    }
    if "shuffled" not in forces:
        return ""
    null = forces.pop("shuffled")
    text = render_line(
        "gains_verdict.md",
        null=f"{null[0]:.3f} [{null[1]:.3f}, {null[2]:.3f}]",
        passed=[name for name, (_, lo, _) in forces.items() if lo > null[2]],
        failed=[name for name, (_, lo, _) in forces.items() if lo <= null[2]],
    )
    return f"\n\n{text}"


def collect(runs: Path) -> None:
    """Write what the data card shows."""
    note = render_line("gains.md", gradients=SETTINGS["gradients"], draws=DRAWS)
    content: dict[str, Any] = {
        "schema": 1,
        "note": note,
        "settings": SETTINGS,
        "data_hashes": {},
        "models": {},
        "rows": [],
    }
    for construction in TRAINED_ON:
        run = runs / f"{construction}-pretrain-wrong-family" / "run.json"
        if not run.is_file():
            print(f"{construction}: not run yet")
            continue
        card = json.loads(checkpoint(runs, construction).with_suffix(".json").read_text())
        kept = ("split", "data_hash", "gradients", "code_version", "hardware")
        content["models"][construction] = {name: card[name] for name in kept}
        content["data_hashes"][construction] = json.loads(run.read_text())["request"]["data_hash"]
        content["rows"] += rows(runs, construction)
    content["note"] += verdict(content["rows"])
    OUT.write_text(json.dumps(content, indent=1) + "\n")


def main() -> None:
    """The command ``gains.py``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=["run", "table"])
    parser.add_argument("--only", default=",".join(TRAINED_ON), help="constructions, separated by commas")
    parser.add_argument("--runs", type=Path, default=RUNS / "gains")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.command == "run":
        for construction in arguments.only.split(","):
            train(arguments.runs, TRAINED_ON[construction])
            evaluate(arguments.runs, construction, arguments.workers)
    else:
        collect(arguments.runs)
