"""Tune how each method adapts, on the validation families only: six trials a method, the same for all.

``pretrain-long`` and the like tune the column of 300 steps, at K = 50; ``pretrain-converged`` and the like
tune with the 2,000 steps of 4 that ``scratch`` may take.

    python scripts/tune.py --split cath-mini

Writes tuning.json beside the checkpoints: every trial with its errors and its gradient count, and the
setting that was chosen (lowest mean logarithm of the three errors over K = 10 and 50).
"""

import argparse
import json

import numpy as np

import mfbench
from mfbench.learned.checkpoint import EMBEDDED
from mfbench.protocol.protocol import Budget

LEARNED = ("pretrain", "maml", "maml++", "anil", "fomaml", "reptile")
ADAPT = [
    *({"optimizer": "sgd", "rate": rate, "energy_weight": 4.0} for rate in (1e-3, 3e-3, 1e-2)),
    *({"optimizer": "adam", "rate": rate, "energy_weight": 4.0} for rate in (3e-4, 1e-3, 3e-3)),
]
SCRATCH = [{"rate": rate, "prior_scale": scale} for rate in (1e-2, 3e-2) for scale in (0.25, 0.5, 1.0)]
RIDGE = [
    {"energy_weight": weight, "folds_by": by}
    for weight in (0.03, 0.3, 3.0)
    for by in ("trajectory", "fragment")
]
LONG = [
    *({"optimizer": "sgd", "rate": rate, "energy_weight": 4.0} for rate in (3e-4, 1e-3)),
    *({"optimizer": "adam", "rate": rate, "energy_weight": 4.0} for rate in (1e-4, 3e-4, 1e-3, 3e-3)),
]
CONVERGED = [
    {"optimizer": "adam", "rate": rate, "energy_weight": 4.0, "decay": "cosine"}
    for rate in (1e-3, 3e-3, 1e-2, 3e-2)
]
BUDGETS = {"": Budget(), "long": Budget(steps=300), "converged": Budget(steps=2000, batch=4)}
TRIALS = {
    **dict.fromkeys(LEARNED, ADAPT),
    "scratch": SCRATCH,
    "ridge": RIDGE,
    **dict.fromkeys(("pretrain-long", "maml-long", "reptile-long"), LONG),
    **dict.fromkeys(("pretrain-converged", "maml-converged", "reptile-converged"), CONVERGED),
}
TIE = 1e-3
"""Scores closer than this, 0.1 % in the errors, are a tie: the first, gentler setting wins."""
METRICS = ("energy_rmse", "energy_rmse_within", "force_rmse")
KS = (10, 50)


def tuned(name, split, *, draws, arch="mace", families=None, checkpoint=None):
    """Trials of one method, with one of ``BUDGETS`` behind its name, and the chosen setting."""
    method, _, budget = name.partition("-")
    rows = [
        trial(method, split, options, draws, budget, arch, families=families, checkpoint=checkpoint)
        for options in TRIALS[name]
    ]
    lowest = min(row["score"] for row in rows)
    best = next(row for row in rows if row["score"] < lowest + TIE)
    return {
        "data_hash": split.manifest.data_hash,
        "fold": "validation",
        "k": (50,) if budget else KS,
        "draws": draws,
        "chosen": best["settings"],
        "trials": rows,
    }


def trial(method, split, options, draws, budget, arch, **context):
    ks = (50,) if budget else KS
    results = mfbench.evaluate(
        method,
        split,
        ks=ks,
        draws=draws,
        fold="validation",
        options=options,
        budget=BUDGETS[budget],
        arch=arch,
        **context,
    )
    errors = {f"{m}@{k}": round(results.value(m, k), 4) for m in METRICS for k in ks}
    gradients = sum(row.gradient_evaluations for row in results.episodes)
    score = float(np.mean(np.log(list(errors.values()))))
    return {"settings": options, "score": round(score, 5), "gradients": gradients, **errors}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--split", default="cath-mini")
    parser.add_argument("--arch", default="mace")
    parser.add_argument("--methods", default=",".join(TRIALS))
    parser.add_argument("--draws", type=int, default=2)
    arguments = parser.parse_args()
    split = mfbench.load_split(arguments.split)
    path = EMBEDDED / split.name / "tuning.json"
    for method in arguments.methods.split(","):
        draws = 1 if "-" in method or method == "scratch" else arguments.draws
        found = tuned(method, split, draws=draws, arch=arguments.arch)
        record = json.loads(path.read_text()) if path.is_file() else {}
        record[f"{arguments.arch}-{method}"] = found
        path.write_text(json.dumps(record, indent=1) + "\n")
        for row in found["trials"]:
            print(method, "*" if row["settings"] == found["chosen"] else " ", row, flush=True)


if __name__ == "__main__":
    main()
