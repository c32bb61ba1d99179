"""The tables of ``label_factor``: the curve from scratch, and what each method's labels are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mfbench.compare.record import RECORDED
from mfbench.compare.text import markdown
from mfbench_campaign.limits.label_worth.curve import Needed, labels_needed
from mfbench_campaign.limits.measured import Measured
from mfbench_campaign.limits.setting import LEARNED

__all__ = ["ASSUMED_CORE_HOURS", "payback", "savings", "savings_by_method", "table"]

ASSUMED_CORE_HOURS = 1.0
"""Assumed core-hours of one DFT label (energy and forces of a fragment of about 40 atoms). An assumption to
scale by, measured nowhere here: the labels of the splits are xTB's."""
TITLES = {RECORDED[2]: "forces", RECORDED[1]: "energy within", RECORDED[0]: "energy"}
METHODS = ("offset", *LEARNED, "pretrain-converged")


def payback(needed: Needed, used: int, train_labels: int) -> str:
    """New families after which the meta-train labels are earned back; ``never`` where nothing is saved."""
    saved = needed.labels - used
    if saved <= 0:
        # At most so many are needed, and that is no more than were used: or the curve does not say.
        return "never" if needed.bound != ">=" else "–"
    sign = {"=": "", "<=": "≥ ", ">=": "≤ "}[needed.bound]
    return f"{sign}{train_labels / saved:.3g}"


def table(measured: Sequence[Measured], *, core_hours: float = ASSUMED_CORE_HOURS) -> str:
    """The curves from scratch, what labels are worth in each family, and savings over families.

    ``core_hours``: assumed cost of one label.
    """
    scratch = [m for m in measured if m.identity.method == "scratch"]
    others = [m for m in measured if m.identity.method != "scratch"]
    if not measured:
        return "not run"
    note = (
        f"Core-hours at an assumed {core_hours:g} core-hours a DFT label, an assumption to scale by. "
        "Saving: labels that scratch needs ÷ labels used. Pays back: new families after which the "
        "meta-train labels are earned back."
    )
    parts = [_curves(scratch), _factors(scratch, others, core_hours), _summary(measured), note]
    return "\n\n".join(parts)


def savings(found: Sequence[Needed]) -> str:
    """Least and greatest of some savings, and how many are bounds: ``2× to ≥ 100× (1 of 5 bounds)``."""
    if not found:
        return "–"
    ordered = sorted(found, key=lambda needed: needed.labels)
    bounds = sum(needed.bound != "=" for needed in found)
    text = " to ".join(dict.fromkeys(f"{x}×" for x in (ordered[0], ordered[-1])))
    return f"{text} ({bounds} of {len(found)} bounds)"


def savings_by_method(measured: Sequence[Measured]) -> dict[tuple[str, int, str], list[Needed]]:
    """(method, K, error) → saving in each family with a deep pool."""
    scratch = [m for m in measured if m.identity.method == "scratch"]
    found: dict[tuple[str, int, str], list[Needed]] = {}
    for m in (m for m in measured if m.identity.method != "scratch"):
        for family, value in m.content.values.items():
            for metric in TITLES:
                curve = _curve(scratch, m.identity.split, family, metric)
                if curve and "failure" not in value:
                    k = m.identity.settings["k"]
                    needed = labels_needed(curve, value[metric]).over(k)
                    found.setdefault((m.identity.method, k, metric), []).append(needed)
    return found


def _summary(measured: Sequence[Measured]) -> str:
    """Least and greatest saving over the families of all constructions."""
    found = savings_by_method(measured)
    rows = [
        [f"`{method}`", str(k), *(savings(found.get((method, k, metric), [])) for metric in TITLES)]
        for method, k in sorted({key[:2] for key in found})
    ]
    head = ["method", "K", *(f"saving over families, {title}" for title in TITLES.values())]
    return markdown(head, rows) if rows else "savings over families: not run"


def _curves(scratch: Sequence[Measured]) -> str:
    ks = sorted({m.identity.settings["k"] for m in scratch})
    rows = []
    for split, family in _families(scratch):
        for metric, title in TITLES.items():
            cells = []
            for k in ks:
                found = _value(scratch, split, family, k)
                mark = "†" if found and found.get("stopped_by_limit") else ""
                cells.append(f"{found[metric]:.2f}{mark}" if found else "not run")
            rows.append([split, family, title, *cells])
    if not rows:
        return "scratch: not run"
    head = ["construction", "family", "scratch, error", *(f"K = {k:,}" for k in ks)]
    return markdown(head, rows) + "\n\n† ended by its limit of steps, not by early stopping."


def _factors(scratch: Sequence[Measured], others: Sequence[Measured], core_hours: float) -> str:
    head = ["construction", "family", "method", "K", "error", "value", "labels scratch needs", "saving"]
    head += ["core-hours, method", "core-hours, scratch", "pays back after"]
    rows = []
    methods = dict.fromkeys([*METHODS, *(m.identity.method for m in others)])
    for split, family in _families([*others, *scratch]):
        for metric, title in TITLES.items():
            curve = _curve(scratch, split, family, metric)
            for method in methods:
                of = [m for m in others if m.identity.method == method and m.identity.split == split]
                if not of:
                    rows.append([split, family, f"`{method}`", "–", title, "not run", *["–"] * 5])
                for m in sorted(of, key=lambda m: m.identity.settings["k"]):
                    k, found = m.identity.settings["k"], m.content.values.get(family)
                    row = [split, family, f"`{method}`", str(k), title]
                    if found and "failure" in found:
                        rows.append([*row, "failed", *["–"] * 5])
                        continue
                    cells = _cells(found[metric] if found else None, k, curve, core_hours, m.content.shared)
                    rows.append([*row, *cells])
    return markdown(head, rows)


def _cells(
    error: float | None, k: int, curve: dict[int, float], core_hours: float, shared: dict[str, Any]
) -> list[str]:
    if error is None:
        return ["not run", *["–"] * 5]
    if not curve:
        return [f"{error:.2f}", "not run", *["–"] * 4]
    needed = labels_needed(curve, error)
    hours = Needed(needed.labels * core_hours, needed.bound)
    spent = f"{k * core_hours:,.3g}"
    earned = payback(needed, k, shared["train_labels"])
    return [f"{error:.2f}", str(needed), f"{needed.over(k)}×", spent, str(hours), earned]


def _curve(scratch: Sequence[Measured], split: str, family: str, metric: str) -> dict[int, float]:
    found = {}
    for k in {m.identity.settings["k"] for m in scratch}:
        value = _value(scratch, split, family, k)
        if value and "failure" not in value:
            found[k] = value[metric]
    return found


def _value(measured: Sequence[Measured], split: str, family: str, k: int) -> dict[str, Any] | None:
    for m in measured:
        if m.identity.split == split and m.identity.settings["k"] == k and family in m.content.values:
            return m.content.values[family]
    return None


def _families(measured: Sequence[Measured]) -> list[tuple[str, str]]:
    return sorted({(m.identity.split, f) for m in measured for f in m.content.values})
