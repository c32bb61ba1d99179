"""A comparison as rows of text: the same for the terminal, for Markdown and for RESULTS.md."""

from __future__ import annotations

from collections.abc import Sequence

from mfbench.compare.comparison import Comparison, Transfer

__all__ = [
    "Table",
    "curve_table",
    "diversity_table",
    "gain_table",
    "interval",
    "markdown",
    "power_table",
    "transfer_table",
]

Table = tuple[list[str], list[list[str]]]
"""Titles of the columns, and rows."""
NOT_RUN = "not run"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def interval(value: float, lo: float | None, hi: float | None, digits: int = 2) -> str:
    """``1.36 [1.14, 1.61]``."""
    text = f"{value:.{digits}f}"
    return text if lo is None or hi is None else f"{text} [{lo:.{digits}f}, {hi:.{digits}f}]"


def diversity_table(comparison: Comparison) -> Table:
    """What each construction holds, and how far its tests are from it."""
    head = ["construction", "train families", "effective", "molecules", "elements"]
    head += ["test families", "known molecules", "distance", "÷ train", "new elements"]
    rows = []
    for item in comparison.constructions:
        if (d := item.diversity) is None:
            continue
        cells = [f"{d.train_families}", f"{d.effective_families:.1f}", f"{d.train_graphs}", f"{d.elements}"]
        cells += [f"{item.n_test_families}", f"{d.graphs_covered:.0%}".replace("%", " %")]
        rows.append(
            [item.name, *cells, f"{d.distance:.3f}", f"{d.distance_ratio:.2f}", f"{d.new_elements}"]
        )
    return head, rows


def transfer_table(comparison: Comparison, method: str) -> Table:
    """Rows: trained on; columns: tested on. Behind × the ratio to training at home."""
    found = {(t.trained_on, t.tested_on): t for t in comparison.transfer if t.method == method}
    rows_of = sorted({train for train, _ in found})
    columns = sorted({test for _, test in found})
    rows = [[train, *(_cell(found.get((train, test))) for test in columns)] for train in rows_of]
    return ["trained on", *(f"tested on {name}" for name in columns)], rows


def _cell(found: Transfer | None) -> str:
    if found is None:
        return NOT_RUN
    text = interval(found.value, found.lo, found.hi)
    if found.trained_on == found.tested_on:
        return f"**{text}**"
    text += f", {found.n_families} families"
    if found.ratio is None:
        return text
    return f"{text}, × {interval(found.ratio, found.ratio_lo, found.ratio_hi)}"


def gain_table(comparison: Comparison, metric: str, k: int) -> Table:
    """Both gains of every method on every construction."""
    chosen = [g for g in comparison.gains if (g.metric, g.k) == (metric, k)]
    found = {(g.method, g.construction, g.kind): g for g in chosen}
    names = [c.name for c in comparison.constructions]
    rows = []
    for method in sorted({g.method for g in chosen}):
        for kind, title in (("adaptation", f"K = 0 ÷ K = {k}"), ("wrong-family", "wrong family ÷ own")):
            cells = [found.get((method, name, kind)) for name in names]
            if any(cells):
                shown = [interval(g.value, g.lo, g.hi, 3) if g else NOT_RUN for g in cells]
                rows.append([method, title, *shown])
    return ["method", "gain", *names], rows


def power_table(comparison: Comparison, k: int) -> Table:
    """The smallest difference between two methods' errors that each construction can show, in per cent."""
    chosen = {(p.construction, p.metric): p.ratio - 1 for p in comparison.power if p.k == k}
    names, metrics = ({key[i] for key in chosen} for i in (0, 1))
    head = ["construction", *sorted(metrics)]

    def cell(name: str, metric: str) -> str:
        found = chosen.get((name, metric))
        return NOT_RUN if found is None else f"{100 * found:.1f} %"

    return head, [[name, *(cell(name, metric) for metric in head[1:])] for name in sorted(names)]


def curve_table(comparison: Comparison, over: str) -> Table:
    """Error against the number of training families or of configurations per family."""
    chosen = [c for c in comparison.curves if c.over == over]
    numbers: Sequence[int] = sorted({c.n for c in chosen})
    found = {(c.construction, c.method, c.n): c for c in chosen}
    rows = [
        [
            construction,
            method,
            *(
                interval(c.value, c.lo, c.hi) if (c := found.get((construction, method, n))) else NOT_RUN
                for n in numbers
            ),
        ]
        for construction, method in sorted({(c.construction, c.method) for c in chosen})
    ]
    return ["construction", "method", *(f"{n} {over}" for n in numbers)], rows
