"""A table of runs: what was run, its errors, and what adapting gained.

    python scripts/run_table.py RUN... --out results/public-models.md --title "Public models" --about TEXT

RUN are folders that ``mfbench evaluate`` wrote. Beside the table goes a JSON file with the same numbers.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from mfbench import load_split
from mfbench.metrics.statistics import ratio
from mfbench.results.results import Results, read_results
from mfbench.results.score_run import family_groups

METRICS = {"energy_rmse": "energy", "energy_rmse_within": "within", "force_rmse": "forces"}
TEXT = """# {title}

Written by `scripts/run_table.py` from runs of `mfbench evaluate`. Errors in kcal/mol (energy; within:
less each fragment's mean error) and kcal/mol/Å (forces), means over test families with 95 % intervals over
families. One seed. {about}

{table}
{gains}
{models}What was run:

```text
{commands}
```
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--title", required=True)
    parser.add_argument("--about", default="", help="a sentence on how the methods were trained and tuned")
    given = parser.parse_args()
    rows, gains, models, commands = [], [], {}, []
    for folder in given.runs:
        run, results = json.loads((folder / "run.json").read_text()), read_results(folder)
        rows += _rows(run, results)
        gains += _gain(run, results)
        commands.append(_command(run["request"]))
        if public := (run["card"] or {}).get("public_model"):
            models[public["name"]] = f"{public['name']} ({public['level']}, {public['licence']})"
    record = {"rows": rows, "gains": gains, "models": list(models.values()), "commands": commands}
    given.out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    text = TEXT.format(
        title=given.title,
        about=given.about,
        table=_table(rows),
        gains="".join(
            f"`{g['method']}`, forces, K = 0 ÷ K = {g['k']}: {_cell(g['force_ratio'])}.\n" for g in gains
        ),
        models=f"Model, level and licence: {'; '.join(models.values())}.\n\n" if models else "",
        commands="\n".join(commands),
    )
    given.out.write_text(text, encoding="utf-8")


def _gain(run: dict[str, Any], results: Results) -> list[dict[str, Any]]:
    """Force error at K = 0 ÷ at the largest K; nothing where only one was run or no label moves a force."""
    split = load_split(run["request"]["split"])
    if split.manifest.data_hash != run["request"]["data_hash"]:
        name = _name(run["request"])
        raise SystemExit(f"a run of {name} is of another version of {split.name}: run it again")
    first, last = min(results.ks), max(results.ks)
    before, after = (results.per_family("force_rmse", k) for k in (first, last))
    families = sorted(before.keys() & after.keys())
    if first != 0 or last == 0 or all(before[f] == after[f] for f in families):
        return []
    group = family_groups(split, families)
    top, bottom, groups = (np.array([of[f] for f in families]) for of in (before, after, group))
    found = ratio(top, bottom, groups)
    return [{"method": _name(run["request"]), "k": last, "force_ratio": list(found)}]


def _rows(run: dict[str, Any], results: Results) -> list[dict[str, Any]]:
    strategy = (run["card"] or {}).get("strategy") or {}
    found = []
    for k in results.ks:
        cells = {}
        for metric in METRICS:
            if row := results.find(metric, k, "all"):
                cells[metric] = [row.value, *row.ci95]
        found.append(
            {
                "split": run["request"]["split"],
                "method": _name(run["request"]),
                "strategy": strategy.get("strategy", "none"),
                "moving": strategy.get("moving"),
                "track": str(results.track),
                "k": k,
                "draws": run["request"]["draws"],
                "families": len({e.family_id for e in results.episodes if e.failure is None}),
                "failed": sum(e.failure is not None for e in results.episodes if e.k == k),
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
    ordered = sorted(rows, key=lambda r: (r["split"], r["k"], r["method"], r["strategy"]))
    columns = {
        "split": [row["split"] for row in ordered],
        "method": [f"`{row['method']}`" for row in ordered],
        "K": [str(row["k"]) for row in ordered],
        "draws": [str(row["draws"]) for row in ordered],
        **{name: [_cell(row.get(metric)) for row in ordered] for metric, name in METRICS.items()},
        "failed": [str(row["failed"]) for row in ordered],
    }
    if any(row["strategy"] != "none" for row in ordered):
        columns["strategy"] = [row["strategy"] for row in ordered]
        columns["numbers that move"] = [f"{row['moving']:,}" if row["moving"] else "–" for row in ordered]
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
