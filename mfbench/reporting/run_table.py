"""The table at the end of a run, for a terminal of any width."""

from __future__ import annotations

import math

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mfbench.protocol.protocol import Selector, Support
from mfbench.protocol.run_episode import ROOM_K
from mfbench.protocol.stated import COVERAGE
from mfbench.results.results import AggregateRow, Results

__all__ = ["print_report"]

QUANTITIES = (
    ("energy_rmse", "energy", "kcal/mol"),
    ("energy_rmse_within", "within", "kcal/mol"),
    ("force_rmse", "force", "kcal/mol/Å"),
)
QUERIES = ("all", "seen", "unseen")
_WIDE = 98
"""Columns that the one-line-per-K table needs."""


def print_report(results: Results, console: Console | None = None) -> None:
    """Print the table, what to know about it, and where the files are."""
    console = console or Console()
    console.print(_heading(results), "", sep="\n")
    console.print(_wide(results) if console.width >= _WIDE else _narrow(results))
    for note in _notes(results):
        console.print(note, soft_wrap=False)
    if results.folder:
        for label, name in (("figure ", "rmse_vs_k.png"), ("results", "results.json")):
            # Never wrapped: a path is there to be copied.
            console.print(f"{label}  {results.folder / name}", soft_wrap=True, highlight=False)


def _heading(results: Results) -> Text:
    run = results.run
    model = " ".join(str(run[x]) for x in ("arch", "backend") if run.get(x))
    families = len({row.family_id for row in results.episodes})
    text = Text(f"{run['method']}", style="bold")
    text.append(f"{' (' + model + ')' if model else ''} on {run['split']}", style="not bold")
    draws = "1 draw" if run["draws"] == 1 else f"{run['draws']} draws"
    text.append(f"   {families} {run['fold']} families, {draws}, {run['level_of_theory']}", style="dim")
    if run["support"] != Support.OWN:
        text.append(f"\n{Support(run['support']).describe()}", style="yellow")
    if results.selector is not Selector.RANDOM:
        text.append(f"\nsupport selected by {results.selector}", style="yellow")
    if left_out := run.get("exclude"):
        text.append(
            f"\nwithout {len(left_out['families'])} families and {left_out['query_configurations']} other "
            f"query configurations that overlap with the train families of {left_out['against']}",
            style="yellow",
        )
    return text


def _wide(results: Results) -> Table:
    """A row per K; every cell a value over its 95 % interval."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", collapse_padding=True)
    table.add_column("\nK", justify="right")
    for _, title, _ in QUANTITIES:
        for query in QUERIES:
            table.add_column(f"{title if query == 'all' else ''}\n{query}", justify="right", no_wrap=True)
    table.add_column("\ngrads", justify="right", no_wrap=True)
    table.add_column("adapt\ns", justify="right", no_wrap=True)
    for k in results.ks:
        cells = [
            _cell(results.find(metric, k, query), "\n") for metric, _, _ in QUANTITIES for query in QUERIES
        ]
        table.add_row(str(k), *cells, *_costs(results, k))
    return table


def _narrow(results: Results) -> Table:
    """A row per K and quantity, for 80 columns."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("K", justify="right")
    table.add_column("RMSE")
    for query in QUERIES:
        table.add_column(query, justify="right", no_wrap=True)
    table.add_column("grads", justify="right", no_wrap=True)
    table.add_column("adapt s", justify="right", no_wrap=True)
    for k in results.ks:
        for i, (metric, title, _) in enumerate(QUANTITIES):
            cells = [_cell(results.find(metric, k, query), " ") for query in QUERIES]
            costs = _costs(results, k) if i == 0 else ("", "")
            table.add_row(str(k) if i == 0 else "", title, *cells, *costs, end_section=i == 2)
    return table


def _notes(results: Results) -> list[Text]:
    notes = [
        Text(
            "RMSE in kcal/mol (energy; within: less each fragment's mean error) and kcal/mol/Å (force); "
            "mean over families and its 95 % interval.",
            style="dim",
        )
    ]
    notes += [Text(line) for line in _by_level(results)]
    if results.run["method"] not in ("constant", "random"):
        flagged = [
            f"{title} at K = {', '.join(map(str, ks))}"
            for metric, title, _ in QUANTITIES
            if (ks := [k for m, k, q in results.not_better_than_constant if (m, q) == (metric, "all")])
        ]
        if flagged:
            notes.append(Text("not better than the constant method: " + "; ".join(flagged), style="yellow"))
    stable = [(k, found.value) for k in results.ks if (found := results.find("stable_share", k))]
    if stable:
        shown = ", ".join(f"{100 * share:.0f} % at K = {k}" for k, share in stable)
        warm = results.run.get("dynamics_K", ROOM_K)
        notes.append(
            Text(f"stable trajectories of {results.run['dynamics_ps']:g} ps at {warm:g} K: {shown}")
        )
    held = [f"{_percent(results, k)} at K = {k}" for k in results.ks if _percent(results, k)]
    if held:
        notes.append(Text(f"inside the stated {COVERAGE:.0%} interval: {', '.join(held)}"))
    for row in results.failures[:10]:
        where = f"{row.family_id}, K = {row.k}, draw {row.draw}"
        notes.append(Text(f"failed  {where}: {row.failure}", style="red"))
    if len(results.failures) > 10:
        notes.append(Text(f"... and {len(results.failures) - 10} more failed episodes", style="red"))
    if results.failures:
        notes.append(
            Text(
                "Failed episodes score the worse of the constant method and this method's worst.",
                style="red",
            )
        )
    return notes


def _by_level(results: Results) -> list[str]:
    """Force errors apart by level of theory; nothing where all tasks are of one, or have none."""
    levels = results.run.get("levels", {})
    if len(levels) < 2:
        return []
    lines = []
    for level, families in levels.items():
        errors = {k: results.per_family("force_rmse", k) for k in results.ks}
        means = [f"{np.mean([errors[k][f] for f in families]):.2f} at K = {k}" for k in results.ks]
        lines.append(f"{level}, {len(families)} families: force {', '.join(means)}")
    return lines


def _percent(results: Results, k: int) -> str:
    """Shares of truths inside the stated interval; empty where none is stated."""
    rows = {title: results.find(f"{name}_coverage", k) for name, title in _STATED.items()}
    return " and ".join(f"{100 * row.value:.0f} % of {title}" for title, row in rows.items() if row)


_STATED = {"energy": "energies", "force": "force components"}


def _costs(results: Results, k: int) -> tuple[str, str]:
    gradients, seconds = (results.find(m, k) for m in ("gradient_evaluations", "adapt_seconds"))
    return (
        f"{gradients.value:.0f}" if gradients else "–",
        _seconds(seconds.value) if seconds else "–",
    )


def _cell(row: AggregateRow | None, joint: str) -> Text:
    if row is None:
        return Text("–", style="dim")
    text = Text(_number(row.value, _decimals(row.value, 3)))
    lo, hi = row.ci95
    if lo is not None and hi is not None:
        text.append(joint + _interval(lo, hi), style="dim")
    return text


def _interval(lo: float, hi: float) -> str:
    """Both bounds with two significant digits of the upper one, and one more where they look equal."""
    decimals = _decimals(hi, 2)
    texts = [_number(x, decimals) for x in (lo, hi)]
    if texts[0] == texts[1] and lo != hi:
        texts = [_number(x, decimals + 1) for x in (lo, hi)]
    return "–".join(texts)


def _decimals(value: float, digits: int) -> int:
    """Decimals that show ``digits`` significant ones."""
    if value == 0 or not math.isfinite(value):
        return 0
    return min(max(digits - 1 - math.floor(math.log10(abs(value))), 0), digits)


def _number(value: float, decimals: int) -> str:
    return f"{value:.0e}" if abs(value) >= 1e5 else f"{value:.{decimals}f}"


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
