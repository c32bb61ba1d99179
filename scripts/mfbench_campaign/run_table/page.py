"""The page of a table of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mfbench.compare.text import interval, markdown
from mfbench_campaign.run_table.kept import METRICS
from mfbench_campaign.run_table.rows import LINE, gains_of, groups_of, ratios_of, rows_of, starts_of
from mfbench_campaign.run_table.runs import Run, measured

__all__ = ["run_page", "run_record"]

PAGE = """# {title}

Written by `scripts/run_table.py` from runs of `mfbench evaluate`. Errors in kcal/mol (energy; within:
less each fragment's mean error) and kcal/mol/Å (forces), means over test families with 95 % intervals over
families and seeds. {about}

{table}
{gains}{ratios}{starts}
{models}What was run:

```text
{commands}
```
"""


def run_record(runs: Sequence[Run]) -> dict[str, Any]:
    """Everything that the page says, as plain values."""
    models = {
        public["name"]: f"{public['name']} ({public['level']}, {public['licence']})"
        for run in runs
        if (public := run.card.get("public_model"))
    }
    methods = measured(runs)
    return {
        "rows": rows_of(methods),
        "gains": gains_of(methods),
        "ratios": ratios_of(methods),
        "groups": groups_of(runs),
        "models": list(models.values()),
        "starts": starts_of(methods),
        "commands": [_command(run) for run in runs],
    }


def run_page(record: dict[str, Any], title: str, about: str) -> str:
    """The page, in Markdown.

    Args:
        record: see ``run_record``.
        title: of the page.
        about: a sentence on how the methods were trained and tuned.
    """
    models = record["models"]
    return PAGE.format(
        title=title,
        about=about,
        table=_table(record["rows"]),
        gains="".join(map(_gain_text, record["gains"])),
        ratios=_ratio_table(record["ratios"]),
        starts=_start_table(record["starts"]),
        models=f"Model, level and licence: {'; '.join(models)}.\n\n" if models else "",
        commands="\n".join(record["commands"]),
    )


def _table(rows: list[dict[str, Any]]) -> str:
    ordered = sorted(rows, key=lambda r: (r["split"], r["level"], r["k"], r["method"]))
    columns = {
        "split": [row["split"] for row in ordered],
        **_which(ordered),
        "seeds": [str(row["seeds"]) for row in ordered],
        "draws": [str(row["draws"]) for row in ordered],
        **_errors(ordered),
        "families": [str(row["families"]) for row in ordered],
        "failed": [str(row["failed"]) for row in ordered],
    }
    if any(row["moving"] for row in ordered):
        columns["numbers that move"] = [f"{row['moving']:,}" if row["moving"] else "–" for row in ordered]
    return _markdown(columns)


def _ratio_table(ratios: list[dict[str, Any]]) -> str:
    """Empty where nothing stands beside the line."""
    if not ratios:
        return ""
    ordered = sorted(ratios, key=lambda r: (r["level"], r["k"], r["method"]))
    about = f"Errors ÷ those of `{LINE}`, geometric means over families (below 1: better):"
    return f"\n{about}\n\n{_markdown(_which(ordered) | _errors(ordered))}"


def _start_table(starts: list[dict[str, Any]]) -> str:
    """Empty where nothing was trained before."""
    if not starts:
        return ""
    columns = {
        "start of": [f"`{start['method']}`" for start in starts],
        "gradients": [f"{start['gradients']:,}" for start in starts],
        "phases: steps, and how far they moved the weights": [
            "; ".join(
                f"{p['name']} {p['done']:,}" + (f" ({p['displacement']:.2f})" if p["displacement"] else "")
                for p in start["phases"]
            )
            for start in starts
        ],
    }
    about = "How starts were trained (first seed; displacement of the weights relative to their norm):"
    return f"\n{about}\n\n{_markdown(columns)}"


def _which(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Columns that name a row; levels of theory only where tasks have some."""
    levels = {"level": [row["level"] for row in rows]} if any(row["level"] for row in rows) else {}
    return levels | {
        "method": [f"`{row['method']}`" for row in rows],
        "K": [str(row["k"]) for row in rows],
    }


def _errors(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {
        name: [interval(*row[metric]) if metric in row else "–" for row in rows]
        for metric, name in METRICS.items()
    }


def _gain_text(gain: dict[str, Any]) -> str:
    at = f" at {gain['level']}" if gain["level"] else ""
    return f"`{gain['method']}`{at}, forces, K = 0 ÷ K = {gain['k']}: {interval(*gain['force_ratio'])}.\n"


def _markdown(columns: dict[str, list[str]]) -> str:
    return markdown(list(columns), list(zip(*columns.values(), strict=True))) + "\n"


def _command(run: Run) -> str:
    asked = run.request
    words = [f"mfbench evaluate -m {asked['method']} -s {asked['split']}"]
    if names := asked["families"]:
        at_level = [task.family_id for task in run.split.test if task.level == run.levels[0]]
        alone = names == at_level and run.levels[0]
        words += [f"--level {run.levels[0]}" if alone else f"--families {','.join(names)}"]
    words += [f"--k {','.join(map(str, asked['ks']))} --draws {asked['draws']}"]
    words += [f"--track {asked['track']}"] * (asked["track"] != "standard")
    words += [f"--support {asked['support']}"] * (asked["support"] != "own")
    words += [f"--seed {asked['seed']}"] * bool(asked["seed"])
    words += [f"--checkpoint {path}"] if (path := asked.get("checkpoint")) else []
    words += [f"--option {key}={value}" for key, value in asked["options"].items()]
    return " ".join(words)
