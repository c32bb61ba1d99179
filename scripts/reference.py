"""The reference runs on a split, and the table that the README shows.

python scripts/reference.py run --split cath-mini     # hours; resumes where it stopped
python scripts/reference.py table --split cath-mini   # results/SPLIT.json and the README's table
"""

import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import mfbench
from mfbench.learned.checkpoint import EMBEDDED
from mfbench.method import Budget
from mfbench.results import read_results
from mfbench.statistics import groups_of, ratio

ROOT = Path(__file__).resolve().parent.parent
METRICS = ("energy_rmse", "energy_rmse_within", "force_rmse")
KS = (0, 5, 10, 20, 50)
VARIANTS = {"-long": "300 steps", "-narrow": "learning offsets"}
"""Endings of run names that stand at K = 50 alone. ``scratch-narrow`` is a rival setting of its tuning: a
narrow prior of the correction leaves molecular offsets to the network."""
BEGIN, END = "<!-- reference table: scripts/reference.py -->", "<!-- end of reference table -->"


@dataclass(frozen=True)
class Run:
    name: str
    method: str
    ks: tuple[int, ...] = KS
    steps: int = 20
    support: str = "own"
    options: dict = field(default_factory=dict)
    draws: int = 5


RUNS = (
    *(Run(m, m) for m in ("constant", "offset", "pretrain", "maml", "fomaml", "reptile", "scratch")),
    *(Run(f"{m}-long", m, (50,), 300, draws=2) for m in ("pretrain", "maml")),
    Run("scratch-narrow", "scratch", (50,), options={"rate": 1e-2, "prior_scale": 0.25}, draws=2),
    *(Run(f"{m}-wrong-family", m, (50,), 20, "wrong-family") for m in ("offset", "pretrain", "maml")),
)


def run(split, names, folder, workers):
    for item in RUNS:
        if names and item.name not in names:
            continue
        out = folder / item.name
        mfbench.evaluate(
            item.method, split, ks=item.ks, draws=item.draws, out=out, resume=(out / "run.json").is_file(),
            budget=Budget(steps=item.steps), support_from=item.support, options=_options(split, item),
            workers=workers, progress=True,
        )  # fmt: skip


def _options(split, item):
    """A long run has settings of its own, see scripts/tune.py."""
    if not item.name.endswith("-long"):
        return item.options
    return json.loads((EMBEDDED / split / "tuning.json").read_text())[f"mace-{item.name}"]["chosen"]


def collect(folder):
    """What the tables need of every finished run: aggregates, and errors per family."""
    found = {}
    for item in RUNS:
        path = folder / item.name / "results.json"
        if not path.is_file():
            continue
        results = read_results(path)
        wanted = (*METRICS, "adapt_seconds", "gradient_evaluations")
        found[item.name] = {
            "method": item.method,
            "steps": item.steps,
            "support": item.support,
            "options": results.run["options"],
            "draws": item.draws,
            "data_hash": results.run["data_hash"],
            "seed": results.run["seed"],
            "failures": len(results.failures),
            "aggregate": [row.model_dump() for row in results.aggregate if row.metric in wanted],
            "families": {m: {str(k): results.per_family(m, k) for k in results.ks} for m in METRICS},
            "sessions": json.loads((folder / item.name / "run.json").read_text()).get("sessions"),
        }
    return found


def table(found, split):
    """Markdown: errors against K, then what the ratios say."""
    groups = {
        t.family_id: g for t, g in zip(split.test, groups_of([t.clusters for t in split.test]), strict=True)
    }
    missing = [run.name for run in RUNS if run.name not in found]
    note = ["", "Not run yet: " + ", ".join(f"`{name}`" for name in missing) + "."] if missing else []
    return "\n".join([*_errors(found), "", *_ratios(found, groups), *note])


def _cell(found, name, k):
    rows = {r["metric"]: r for r in found[name]["aggregate"] if r["k"] == k and r["query"] == "all"}
    return " / ".join(f"{rows[m]['value']:.2f}" for m in METRICS) if rows else "–"


def _errors(found):
    lines = [
        "RMSE over all queries: energy / energy within fragments (kcal/mol) / forces (kcal/mol/Å); "
        "mean over 6 test families and 5 draws.",
        "",
        "| method | " + " | ".join(f"K = {k}" for k in KS) + " | gradients, seconds at K = 50 |",
        "|---|" + "---|" * (len(KS) + 1),
    ]
    last = {r: _cost(found, r) for r in found}
    plain = [r for r in found if "-" not in r]
    plain.sort(key=lambda r: -_value(found, r, "force_rmse", 50))
    for name in plain:
        cells = " | ".join(_cell(found, name, k) for k in KS)
        lines.append(f"| `{name}` | {cells} | {last[name]} |")
    for name in found:
        for ending, what in VARIANTS.items():
            if name.endswith(ending):
                cells = " | ".join(_cell(found, name, k) if k == 50 else "" for k in KS)
                title = f"`{found[name]['method']}`, {what}, {found[name]['draws']} draws"
                lines.append(f"| {title} | {cells} | {last[name]} |")
    return lines


def _cost(found, name):
    rows = {r["metric"]: r["value"] for r in found[name]["aggregate"] if r["k"] == 50}
    return f"{rows['gradient_evaluations']:,.0f}, {rows['adapt_seconds']:.1f}"


def _value(found, name, metric, k):
    return float(np.mean(list(found[name]["families"][metric][str(k)].values())))


def _ratios(found, groups):
    lines = [
        "Ratios of errors: geometric mean over test families, 95 % interval; above 1 the second is better.",
        "",
        "| | energy | within fragments | forces |",
        "|---|---|---|---|",
    ]
    pairs = [
        ("`scratch` ÷ `{m}` at K = 50", lambda m: ("scratch", 50, m, 50)),
        ("`scratch`, learning offsets, ÷ `{m}` at K = 50", lambda m: ("scratch-narrow", 50, m, 50)),
        ("`scratch` ÷ `{m}`, 300 steps, at K = 50", lambda m: ("scratch", 50, f"{m}-long", 50)),
        ("adaptation gain of `{m}`: K = 0 ÷ K = 50", lambda m: (m, 0, m, 50)),
        ("wrong-family ÷ own support, `{m}`, K = 50", lambda m: (f"{m}-wrong-family", 50, m, 50)),
        ("`offset` ÷ `{m}` at K = 50", lambda m: ("offset", 50, m, 50)),
        ("`pretrain` ÷ `{m}` at K = 50", lambda m: ("pretrain", 50, m, 50)),
    ]
    for title, pick in pairs:
        for method in ("offset", "pretrain", "maml"):
            a, ka, b, kb = pick(method)
            if a not in found or b not in found or (a, ka) == (b, kb):
                continue
            cells = [_ratio(found, groups, m, a, ka, b, kb) for m in METRICS]
            lines.append(f"| {title.format(m=method)} | " + " | ".join(cells) + " |")
    return lines


def _ratio(found, groups, metric, a, ka, b, kb):
    top, bottom = found[a]["families"][metric][str(ka)], found[b]["families"][metric][str(kb)]
    names = sorted(top)
    value, lo, hi = ratio(
        np.array([top[n] for n in names]),
        np.array([bottom[n] for n in names]),
        np.array([groups[n] for n in names]),
    )
    return f"{value:.2f} [{lo:.2f}, {hi:.2f}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=["run", "table"])
    parser.add_argument("--split", default="cath-mini")
    parser.add_argument("--only", default="", help="names of runs, separated by commas")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "reference")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    split = mfbench.load_split(arguments.split)
    stored = ROOT / "results" / f"{split.name}.json"
    if arguments.command == "run":
        names = [name for name in arguments.only.split(",") if name]
        run(arguments.split, names, arguments.runs / split.name, arguments.workers)
        return
    # Runs that were made elsewhere stay, as long as they are of this data.
    kept = json.loads(stored.read_text()) if stored.is_file() else {}
    found = {**kept, **collect(arguments.runs / split.name)}
    known = [run.name for run in RUNS if run.name in found]
    found = {n: found[n] for n in known if found[n]["data_hash"] == split.manifest.data_hash}
    stored.parent.mkdir(exist_ok=True)
    stored.write_text(json.dumps(found, indent=1) + "\n")
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    readme.write_text(f"{before}{BEGIN}\n{table(found, split)}\n{END}{after}")


if __name__ == "__main__":
    main()
