"""Does a family's own support help? For each construction: pre-train at modest compute, then compare
K = 0, K = 50 of the own family, and K = 50 of another one.

python scripts/gains.py run      # hours of one core; resumes where it stopped
python scripts/gains.py table    # tasks/data/gains.json, which the data card shows
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

import mfbench
from mfbench.metrics.statistics import groups_of, ratio
from mfbench.results.results import read_results

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "tasks" / "data" / "gains.json"
TRAINED_ON = {"cath": "cath", "cluster30": "cluster30", "chemistry": "chemistry", "shuffled": "cath"}
"""Construction → whose model it uses: shuffled permutes the families of cath, on the same labels."""
SETTINGS = {
    "joint_batch": 8, "size_classes": 3, "withheld": 0, "joint_gradients": 100_000, "gradients": 120_000,
}  # fmt: skip
METHODS = ("offset", "pretrain")
K, DRAWS = 50, 1
METRICS = {"energy": "energy_rmse", "within": "energy_rmse_within", "forces": "force_rmse"}
NOTE = (
    "`python scripts/gains.py run`, `… table`: the reference model, pre-trained once per construction "
    f"({SETTINGS['gradients']:,} configuration-gradients, one seed); test families, {DRAWS} draw. Ratios "
    "of RMSE as geometric means over families, [ratio, lower, upper] with 95 % interval; above 1, own "
    "support helps. Errors at K = 50 of own support in kcal/mol and kcal/mol/Å. `shuffled` uses the "
    "model of `cath`: its families mean nothing, so what it gains is not due to families."
)


def checkpoint(runs, construction):
    return runs / f"train-{TRAINED_ON[construction]}" / "mace-pretrain.safetensors"


def train(runs, construction):
    path = checkpoint(runs, construction)
    if path.is_file():
        return
    command = [sys.executable, "-m", "mfbench", "train", "--method", "pretrain", "--split", construction]
    command += ["--out", str(path.parent)] + ["--resume"] * path.parent.is_dir()
    subprocess.run([*command, *(f"--option={k}={v}" for k, v in SETTINGS.items())], check=True)


def evaluate(runs, construction, workers):
    for method in METHODS:
        for support, ks in (("own", [0, K]), ("wrong-family", [K])):
            out = runs / f"{construction}-{method}-{support}"
            mfbench.evaluate(
                method, construction, ks=ks, draws=DRAWS, out=out, resume=out.is_dir(), workers=workers,
                support=support, checkpoint=str(checkpoint(runs, construction)), progress=True,
            )  # fmt: skip


def rows(runs, construction):
    """Ratios of errors, [value, lo, hi]: geometric means over test families, 95 % intervals."""
    split = mfbench.load_split(construction)
    groups = dict(
        zip((t.family_id for t in split.test), groups_of([t.clusters for t in split.test]), strict=True)
    )
    for method in METHODS:
        own = read_results(runs / f"{construction}-{method}-own" / "results.json")
        wrong = read_results(runs / f"{construction}-{method}-wrong-family" / "results.json")
        for what, top, k in (("K = 0 ÷ K = 50", own, 0), ("wrong family ÷ own, K = 50", wrong, K)):
            row = {
                "construction": construction,
                "families": len(split.test),
                "method": method,
                "ratio": what,
            }
            for title, metric in METRICS.items():
                above, below = top.per_family(metric, k), own.per_family(metric, K)
                names = sorted(above)
                value = ratio(
                    np.array([above[n] for n in names]),
                    np.array([below[n] for n in names]),
                    np.array([groups[n] for n in names]),
                )
                row[title] = [round(float(x), 3) for x in value]
                row[f"{title}, K = 50"] = round(float(np.mean([below[n] for n in names])), 3)
            yield row


def verdict(found):
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
    passed = [f"`{name}`" for name, (_, lo, _) in forces.items() if lo > null[2]]
    failed = [f"`{name}`" for name, (_, lo, _) in forces.items() if lo <= null[2]]
    return (
        "\n\nIs it adaptation? A construction is a family of tasks where the interval of wrong family ÷ "
        f"own (`pretrain`, forces) lies above that of `shuffled`, {null[0]:.3f} [{null[1]:.3f}, "
        f"{null[2]:.3f}]. It does for {', '.join(passed) or 'none'}, not for {', '.join(failed) or 'any'}: "
        "there, at this size of model and training, support tells energies of molecules apart, and forces "
        "measure pre-training. What would make them families of tasks: held-out chemistry (charge states, "
        "modifications, metals), as in `chemistry`; folds and sequences share their fragments' chemistry."
    )


def collect(runs):
    content = {"schema": 1, "note": NOTE, "settings": SETTINGS, "data_hashes": {}, "models": {}, "rows": []}
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=["run", "table"])
    parser.add_argument("--only", default=",".join(TRAINED_ON), help="constructions, separated by commas")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "gains")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.command == "run":
        for construction in arguments.only.split(","):
            train(arguments.runs, TRAINED_ON[construction])
            evaluate(arguments.runs, construction, arguments.workers)
    else:
        collect(arguments.runs)


if __name__ == "__main__":
    main()
