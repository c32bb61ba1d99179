"""Numbers as people read them."""

from __future__ import annotations

import math

from mfbench.metrics.errors import CALIBRATION, COSTS, DYNAMICS, METRICS

__all__ = ["HEADLINES", "TITLES", "interval", "number", "seconds", "unit"]

HEADLINES = ("force_rmse", "energy_rmse_within", "energy_rmse")
"""The three errors that always stand together."""
TITLES = {
    "energy_rmse": "Energy",
    "energy_rmse_within": "Energy within fragments",
    "force_rmse": "Forces",
    "energy_rmse_per_atom": "Energy per atom",
}
_MORE = {"peak_memory_bytes": "bytes"}


def unit(metric: str) -> str:
    """Unit of a metric."""
    found = METRICS.get(metric) or COSTS.get(metric) or DYNAMICS.get(metric) or CALIBRATION.get(metric)
    return found.unit if found else _MORE.get(metric, "")


def number(value: float | None, digits: int = 3) -> str:
    """Significant digits without exponents where it can be; a dash where there is nothing."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 1e5:
        return f"{value:.1e}"
    decimals = min(max(digits - 1 - math.floor(math.log10(abs(value))), 0), digits)
    return f"{value:,.{decimals}f}"


def interval(lo: float | None, hi: float | None) -> str:
    """Both bounds with the same decimals; empty where there is no interval."""
    if lo is None or hi is None or not (math.isfinite(lo) and math.isfinite(hi)):
        return ""
    decimals = 0 if hi <= 0 else min(max(1 - math.floor(math.log10(abs(hi))), 0), 3)
    if f"{lo:.{decimals}f}" == f"{hi:.{decimals}f}":
        decimals += 1
    return f"{lo:.{decimals}f} – {hi:.{decimals}f}"


def seconds(value: float | None) -> str:
    """Seconds with their unit, minutes from two of them on."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value / 60:.1f} min" if value >= 120 else f"{number(value, 2)} s"
