"""A table of runs of public models: what was run, how it was tuned, and its errors.

    python scripts/public_models.py RUN... --out results/public-models.md

RUN are folders that ``mfbench evaluate`` wrote. Beside the table goes a JSON file with the same numbers.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mfbench.results.results import Results, read_results

METRICS = {"energy_rmse": "energy", "energy_rmse_within": "within", "force_rmse": "forces"}
TEXT = """# Public models

Written by `scripts/public_models.py` from runs of `mfbench evaluate`. Errors in kcal/mol (energy; within:
less each fragment's mean error) and kcal/mol/Å (forces), means over test families with 95 % intervals over
families. One seed. Rates of the strategies are the best of two or three on two validation families of
levels-mini, not the outcome of a search. Models of other people were trained on data that is no split here,
so overlap with test families is not known.

{table}
Model, level and licence: {models}.

What was run:

```text
{commands}
```
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    rows, models, commands = [], {}, []
    for folder in given.runs:
        run, results = json.loads((folder / "run.json").read_text()), read_results(folder)
        rows += _rows(run, results)
        commands.append(_command(run["request"]))
        if public := run["card"].get("public_model"):
            models[public["name"]] = f"{public['name']} ({public['level']}, {public['licence']})"
    record = {"rows": rows, "models": list(models.values()), "commands": commands}
    given.out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    text = TEXT.format(table=_table(rows), models="; ".join(models.values()), commands="\n".join(commands))
    given.out.write_text(text, encoding="utf-8")


def _rows(run: dict[str, Any], results: Results) -> list[dict[str, Any]]:
    strategy = run["card"].get("strategy") or {}
    found = []
    for k in results.ks:
        cells = {}
        for metric in METRICS:
            if row := results.find(metric, k, "all"):
                cells[metric] = [row.value, *row.ci95]
        found.append(
            {
                "split": run["request"]["split"],
                "method": run["request"]["method"],
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


def _table(rows: list[dict[str, Any]]) -> str:
    heads = ["split", "method", "strategy", "numbers that move", "K", "draws", *METRICS.values(), "failed"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in sorted(rows, key=lambda r: (r["split"], r["k"], r["method"], r["strategy"])):
        moving = f"{row['moving']:,}" if row["moving"] else "–"
        cells = [_cell(row.get(metric)) for metric in METRICS]
        facts = [
            row["split"],
            f"`{row['method']}`",
            row["strategy"],
            moving,
            str(row["k"]),
            str(row["draws"]),
        ]
        lines.append("| " + " | ".join([*facts, *cells, str(row["failed"])]) + " |")
    return "\n".join(lines) + "\n"


def _cell(values: list[float] | None) -> str:
    return "–" if values is None else f"{values[0]:.2f} [{values[1]:.2f}, {values[2]:.2f}]"


def _command(request: dict[str, Any]) -> str:
    options = " ".join(f"--option {key}={value}" for key, value in request["options"].items())
    ks = ",".join(map(str, request["ks"]))
    text = (
        f"mfbench evaluate -m {request['method']} -s {request['split']} --k {ks} --draws {request['draws']}"
    )
    return f"{text} {options}".rstrip()


if __name__ == "__main__":
    main()
