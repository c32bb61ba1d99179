"""The reference runs on a mini split, and the tables that results/ shows.

python scripts/reference.py run --split cath-mini     # hours; resumes where it stopped
python scripts/reference.py table --split cath-mini   # results/SPLIT.json, results/SPLIT.md
"""

import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import mfbench
from mfbench.learned.checkpoint import EMBEDDED, embedded_checkpoint
from mfbench.metrics.statistics import groups_of, ratio
from mfbench.protocol.protocol import Budget
from mfbench.protocol.registry import start_of
from mfbench.results.compact_json import as_lines
from mfbench.results.results import read_results

ROOT = Path(__file__).resolve().parent.parent
METRICS = ("energy_rmse", "energy_rmse_within", "force_rmse")
VARIANTS = {"-long": "300 steps", "-narrow": "learning offsets"}
"""Endings of run names that stand at K = 50 alone. ``scratch-narrow`` is a rival setting of its tuning: a
narrow prior of the correction leaves molecular offsets to the network."""
METHODS = ("constant", "offset", "ridge", "pretrain", "maml", "fomaml", "reptile", "maml++", "anil")


NOTE = """\
RMSE over all queries with 95 % intervals over test families: energy and energy within fragments in
kcal/mol, forces in kcal/mol/Å; *meta-training* in configuration-gradients, *adapting* in gradients and
seconds. One meta-training seed; too few test families for ranks. Compute differs between architectures
(NequIP and Allegro are small, l ≤ 1, and had less of it), so the table does not rank them."""


@dataclass(frozen=True)
class Run:
    name: str
    method: str
    ks: tuple[int, ...] = (0, 10, 50)
    steps: int = 20
    support: str = "own"
    options: dict = field(default_factory=dict)
    draws: int = 2
    arch: str = "mace"


_ARCHITECTURES = tuple(
    Run(f"{method}-{arch}", method, arch=arch)
    for arch in ("nequip", "allegro")
    for method in ("pretrain", "maml")
)
_FIRST = ("constant", "offset", "pretrain", "maml", "fomaml", "reptile", "scratch")
RUNS = {
    "cath-mini": (
        *(Run(m, m, (0, 5, 10, 20, 50), draws=5) for m in _FIRST),
        *(Run(m, m) for m in METHODS if m not in _FIRST),
        *_ARCHITECTURES,
        *(Run(f"{m}-long", m, (50,), 300) for m in ("pretrain", "maml")),
        Run("scratch-narrow", "scratch", (50,), options={"rate": 1e-2, "prior_scale": 0.25}),
        *(
            Run(f"{m}-wrong-family", m, (50,), support="wrong-family")
            for m in ("offset", "pretrain", "maml")
        ),
    ),
    "chemistry-mini": (
        *(Run(m, m) for m in METHODS),
        *_ARCHITECTURES,
        *(
            Run(f"{m}-wrong-family", m, (50,), support="wrong-family")
            for m in ("offset", "pretrain", "maml")
        ),
    ),
}


def run(split, names, folder, workers):
    for item in RUNS[split]:
        if names and item.name not in names:
            continue
        out = folder / item.name
        mfbench.evaluate(
            item.method, split, ks=item.ks, draws=item.draws, out=out, resume=(out / "run.json").is_file(),
            budget=Budget(steps=item.steps), support=item.support, options=_options(split, item),
            workers=workers, progress=True, arch=item.arch,
        )  # fmt: skip


def _options(split, item):
    """A long run has settings of its own, see scripts/tune.py."""
    if not item.name.endswith("-long"):
        return item.options
    return json.loads((EMBEDDED / split / "tuning.json").read_text())[f"mace-{item.name}"]["chosen"]


def collect(split, folder):
    """What the tables need of every finished run: aggregates, and errors per family."""
    found = {}
    for item in RUNS[split]:
        path = folder / item.name / "results.json"
        if not path.is_file():
            continue
        results = read_results(path)
        wanted = (*METRICS, "adapt_seconds", "gradient_evaluations")
        found[item.name] = {
            "method": item.method,
            "arch": item.arch,
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


def short_table(found, split):
    """Markdown: errors at K = 10 and 50 with their intervals, and what they cost."""
    columns = [(m, k) for m in METRICS for k in (10, 50)]
    names = {"energy_rmse": "energy", "energy_rmse_within": "within", "force_rmse": "forces"}
    heads = [f"{names[m]}, K = {k}" for m, k in columns]
    lines = [
        "| method | model | draws | " + " | ".join(heads) + " | meta-training | adapting at K = 50 |",
        "|---|---|---|" + "---|" * (len(columns) + 2),
    ]
    for name in _plain(found):
        item = found[name]
        cells = " | ".join(_interval(found, name, m, k) for m, k in columns)
        model = "–" if item["method"] == "constant" else _arch(item)
        spent = _meta_training(split.name, item)
        start = f"| `{item['method']}` | {model} | {item['draws']} |"
        lines.append(f"{start} {cells} | {spent} | {_cost(found, name)} |")
    missing = [run.name for run in RUNS[split.name] if run.name not in found]
    note = ["", "Not run yet: " + ", ".join(f"`{name}`" for name in missing) + "."] if missing else []
    return "\n".join([*lines, *note])


def _plain(found):
    """Runs on own support within the standard budget, the largest force error first."""
    names = [n for n in found if found[n]["support"] == "own" and not n.endswith(tuple(VARIANTS))]
    return sorted(names, key=lambda n: -_value(found, n, "force_rmse", 50))


def _arch(item):
    return item.get("arch", "mace")


def _interval(found, name, metric, k):
    for row in found[name]["aggregate"]:
        if (row["metric"], row["k"], row["query"]) == (metric, k, "all"):
            lo, hi = row["ci95"]
            return f"{row['value']:.2f} [{lo:.2f}, {hi:.2f}]"
    return "–"


def _meta_training(split, item):
    if item["method"] in ("constant", "scratch"):
        return "–"
    start = start_of(item["method"])
    card = embedded_checkpoint(split, _arch(item), start).with_suffix(".json")
    return f"{json.loads(card.read_text())['gradients']:,}"


def long_table(found, split):
    """Markdown for results/: the short table, errors against K, then what the ratios say."""
    groups = {
        t.family_id: g for t, g in zip(split.test, groups_of([t.clusters for t in split.test]), strict=True)
    }
    title = f"# Reference runs on {split.name} {split.manifest.version}"
    made = f"Made by `python scripts/reference.py table --split {split.name}` from `{split.name}.json`."
    tables = (
        short_table(found, split),
        "\n".join(_errors(found, split)),
        "\n".join(_ratios(found, groups)),
    )
    return "\n\n".join([title, made, NOTE, *tables])


def _cell(found, name, k):
    rows = {r["metric"]: r for r in found[name]["aggregate"] if r["k"] == k and r["query"] == "all"}
    return " / ".join(f"{rows[m]['value']:.2f}" for m in METRICS) if rows else "–"


def _errors(found, split):
    ks = sorted({row["k"] for item in found.values() for row in item["aggregate"]})
    lines = [
        "RMSE over all queries: energy / energy within fragments (kcal/mol) / forces (kcal/mol/Å); "
        f"mean over {len(split.test)} test families.",
        "",
        "| method | " + " | ".join(f"K = {k}" for k in ks) + " | gradients, seconds at K = 50 |",
        "|---|" + "---|" * (len(ks) + 1),
    ]
    for name in _plain(found):
        cells = " | ".join(_cell(found, name, k) for k in ks)
        title = f"`{found[name]['method']}`" + f", {_arch(found[name])}" * (_arch(found[name]) != "mace")
        lines.append(f"| {title} | {cells} | {_cost(found, name)} |")
    for name in found:
        for ending, what in VARIANTS.items():
            if name.endswith(ending):
                cells = " | ".join(_cell(found, name, k) if k == 50 else "" for k in ks)
                title = f"`{found[name]['method']}`, {what}, {found[name]['draws']} draws"
                lines.append(f"| {title} | {cells} | {_cost(found, name)} |")
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
    own = [n for n in _plain(found) if n not in ("constant", "scratch")]
    three = [n for n in ("offset", "pretrain", "maml") if n in found]
    pairs = [
        *(("`scratch` ÷ `{m}` at K = 50", "scratch", 50, m, 50) for m in three),
        *(("`scratch`, learning offsets, ÷ `{m}` at K = 50", "scratch-narrow", 50, m, 50) for m in three),
        *(("`scratch` ÷ `{m}`, 300 steps, at K = 50", "scratch", 50, f"{m}-long", 50) for m in three),
        *(("adaptation gain of `{m}`: K = 0 ÷ K = 50", m, 0, m, 50) for m in own),
        *(("wrong-family ÷ own support, `{m}`, K = 50", f"{m}-wrong-family", 50, m, 50) for m in three),
        *(("`offset` ÷ `{m}` at K = 10", "offset", 10, m, 10) for m in own),
        *(("`offset` ÷ `{m}` at K = 50", "offset", 50, m, 50) for m in own),
        *(("`pretrain` ÷ `{m}` at K = 50", "pretrain", 50, m, 50) for m in own),
    ]
    for title, a, ka, b, kb in pairs:
        if a not in found or b not in found or (a, ka) == (b, kb):
            continue
        cells = [_ratio(found, groups, m, a, ka, b, kb) for m in METRICS]
        lines.append(f"| {title.format(m=b.removesuffix('-long'))} | " + " | ".join(cells) + " |")
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
    parser.add_argument("--split", default="cath-mini", choices=sorted(RUNS))
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
    found = {**kept, **collect(split.name, arguments.runs / split.name)}
    known = [run.name for run in RUNS[split.name] if run.name in found]
    found = {n: found[n] for n in known if found[n]["data_hash"] == split.manifest.data_hash}
    stored.parent.mkdir(exist_ok=True)
    stored.write_text(as_lines(found))
    stored.with_suffix(".md").write_text(long_table(found, split) + "\n")


if __name__ == "__main__":
    main()
