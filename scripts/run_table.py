"""A table of runs: what was run, its errors, and what adapting gained.

    python scripts/run_table.py RUN... --out results/public-models.md --title "Public models" --about TEXT

RUN are folders that ``mfbench evaluate`` wrote. Beside the table goes a JSON file with the same numbers.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from mfbench import Split, load_split
from mfbench.metrics.statistics import Interval, bootstrap_mean, ratio
from mfbench.results.results import Results, read_results
from mfbench.results.score_run import family_groups

METRICS = {"energy_rmse": "energy", "energy_rmse_within": "within", "force_rmse": "forces"}
LINE = "pretrain"
"""What every other method is divided by."""
TEXT = """# {title}

Written by `scripts/run_table.py` from runs of `mfbench evaluate`. Errors in kcal/mol (energy; within:
less each fragment's mean error) and kcal/mol/Å (forces), means over test families with 95 % intervals over
families. One seed. {about}

{table}
{gains}{ratios}
{models}What was run:

```text
{commands}
```
"""


@dataclass(frozen=True, eq=False)
class Run:
    """A run and the data that it ran on."""

    request: dict[str, Any]
    card: dict[str, Any]
    results: Results
    split: Split

    @classmethod
    def read(cls, folder: Path) -> Run:
        """The run in a folder; a run on another version of its data is refused."""
        run, results = json.loads((folder / "run.json").read_text()), read_results(folder)
        split = load_split(run["request"]["split"])
        if split.manifest.data_hash != run["request"]["data_hash"]:
            name = _name(run["request"])
            raise SystemExit(f"a run of {name} is of another version of {split.name}: run it again")
        return cls(run["request"], run["card"] or {}, results, split)

    @property
    def levels(self) -> list[str]:
        """Levels of theory of its tasks; one empty name where they have none of their own."""
        run = {e.family_id for e in self.results.episodes}
        return sorted({task.level for task in self.split.test if task.family_id in run})

    def errors(self, metric: str, k: int, level: str) -> dict[str, float]:
        """Family → error, of the tasks at a level."""
        here = {task.family_id for task in self.split.test if task.level == level}
        return {f: e for f, e in self.results.per_family(metric, k).items() if f in here}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--title", required=True)
    parser.add_argument("--about", default="", help="a sentence on how the methods were trained and tuned")
    given = parser.parse_args()
    runs = [Run.read(folder) for folder in given.runs]
    models = {
        public["name"]: f"{public['name']} ({public['level']}, {public['licence']})"
        for run in runs
        if (public := run.card.get("public_model"))
    }
    record = {
        "rows": [row for run in runs for row in _rows(run)],
        "gains": [gain for run in runs for gain in _gains(run)],
        "ratios": _ratios(runs),
        "models": list(models.values()),
        "commands": [_command(run.request) for run in runs],
    }
    given.out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    text = TEXT.format(
        title=given.title,
        about=given.about,
        table=_table(record["rows"]),
        gains="".join(map(_gain_text, record["gains"])),
        ratios=_ratio_table(record["ratios"]),
        models=f"Model, level and licence: {'; '.join(models.values())}.\n\n" if models else "",
        commands="\n".join(record["commands"]),
    )
    given.out.write_text(text, encoding="utf-8")


def _gains(run: Run) -> list[dict[str, Any]]:
    """Force error at K = 0 ÷ at the largest K; nothing where only one was run or no label moves a force."""
    first, last = min(run.results.ks), max(run.results.ks)
    found = []
    for level in run.levels:
        before, after = (run.errors("force_rmse", k, level) for k in (first, last))
        if first == 0 < last and before != after:
            values = _paired(run.split, before, after)
            found.append(
                {"method": _name(run.request), "level": level, "k": last, "force_ratio": list(values)}
            )
    return found


def _paired(split: Split, top: dict[str, float], bottom: dict[str, float]) -> Interval:
    """Geometric mean of a ratio over the families that both have."""
    families = sorted(top.keys() & bottom.keys())
    groups = np.array([family_groups(split, families)[f] for f in families])
    return ratio(*(np.array([of[f] for f in families]) for of in (top, bottom)), groups)


def _ratios(runs: list[Run]) -> list[dict[str, Any]]:
    """Errors of every method ÷ those of ``pretrain`` on the same split, level and K, its own labels given."""
    found = []
    for line in (r for r in runs if _name(r.request) == LINE):
        for run in runs:
            same = run.split.name == line.split.name and run.request["draws"] == line.request["draws"]
            if run is line or not same or run.request.get("support", "own") != "own":
                continue
            for level, k in product(line.levels, line.results.ks):
                if k not in run.results.ks or not k:
                    continue
                pairs = {m: (run.errors(m, k, level), line.errors(m, k, level)) for m in METRICS}
                if pairs["force_rmse"][0].keys() & pairs["force_rmse"][1].keys():
                    values = {m: list(_paired(run.split, *pair)) for m, pair in pairs.items()}
                    found.append({"method": _name(run.request), "level": level, "k": k, **values})
    return found


def _rows(run: Run) -> list[dict[str, Any]]:
    strategy = run.card.get("strategy") or {}
    found = []
    for level, k in product(run.levels, run.results.ks):
        cells = {}
        for metric in METRICS:
            errors = run.errors(metric, k, level)
            families = sorted(errors)
            groups = np.array([family_groups(run.split, families)[f] for f in families])
            mean = bootstrap_mean(np.array([errors[f] for f in families]), groups, least=0.0)
            cells[metric] = [mean.value, mean.lo, mean.hi]
        failures = [e for e in run.results.failures if e.k == k and e.family_id in families]
        found.append(
            {
                "split": run.request["split"],
                "level": level,
                "method": _name(run.request),
                "strategy": strategy.get("strategy", "none"),
                "moving": strategy.get("moving"),
                "track": str(run.results.track),
                "k": k,
                "draws": run.request["draws"],
                "families": len(families),
                "failed": len(failures),
                **cells,
            }
        )
    return found


def _name(request: dict[str, Any]) -> str:
    """The method, and whose labels it got where they are not the family's own."""
    support = request.get("support", "own")
    name: str = request["method"]
    return name if support == "own" else f"{name}, {support}"


def _table(rows: list[dict[str, Any]]) -> str:
    ordered = sorted(rows, key=lambda r: (r["split"], r["level"], r["k"], r["method"], r["strategy"]))
    columns = {"split": [row["split"] for row in ordered]}
    if any(row["level"] for row in ordered):
        columns["level"] = [row["level"] for row in ordered]
    columns |= {
        "method": [f"`{row['method']}`" for row in ordered],
        "K": [str(row["k"]) for row in ordered],
        "draws": [str(row["draws"]) for row in ordered],
        **{name: [_cell(row.get(metric)) for row in ordered] for metric, name in METRICS.items()},
        "families": [str(row["families"]) for row in ordered],
        "failed": [str(row["failed"]) for row in ordered],
    }
    if any(row["strategy"] != "none" for row in ordered):
        columns["strategy"] = [row["strategy"] for row in ordered]
        columns["numbers that move"] = [f"{row['moving']:,}" if row["moving"] else "–" for row in ordered]
    return _markdown(columns)


def _ratio_table(ratios: list[dict[str, Any]]) -> str:
    """Empty where nothing stands beside the line."""
    if not ratios:
        return ""
    ordered = sorted(ratios, key=lambda r: (r["level"], r["k"], r["method"]))
    columns = {"level": [row["level"] for row in ordered]} if any(r["level"] for r in ordered) else {}
    columns |= {
        "method": [f"`{row['method']}`" for row in ordered],
        "K": [str(row["k"]) for row in ordered],
        **{name: [_cell(row[metric]) for row in ordered] for metric, name in METRICS.items()},
    }
    return f"\nErrors ÷ those of `{LINE}`, geometric means over families (below 1: better):\n\n{_markdown(columns)}"


def _gain_text(gain: dict[str, Any]) -> str:
    at = f" at {gain['level']}" if gain["level"] else ""
    return f"`{gain['method']}`{at}, forces, K = 0 ÷ K = {gain['k']}: {_cell(gain['force_ratio'])}.\n"


def _markdown(columns: dict[str, list[str]]) -> str:
    lines = [columns.keys(), ["---"] * len(columns), *zip(*columns.values(), strict=True)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(values: list[float] | None) -> str:
    return "–" if values is None else f"{values[0]:.2f} [{values[1]:.2f}, {values[2]:.2f}]"


def _command(request: dict[str, Any]) -> str:
    extra = "" if request.get("support", "own") == "own" else f" --support {request['support']}"
    options = " ".join(f"--option {key}={value}" for key, value in request["options"].items())
    ks = ",".join(map(str, request["ks"]))
    text = (
        f"mfbench evaluate -m {request['method']} -s {request['split']} --k {ks} --draws {request['draws']}"
    )
    return f"{text}{extra} {options}".rstrip()


if __name__ == "__main__":
    main()
