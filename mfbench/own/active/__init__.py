"""Asking for labels where they teach most: committee, selection, label, adapt, until it is enough."""

from mfbench.own.active.explore import Expedition, ExploreSettings, run_explore
from mfbench.own.active.loop import ActiveResult, ActiveSettings, Round, run_active
from mfbench.own.active.record import read_finished, request_of, write_rounds
from mfbench.own.active.select import SELECTORS

__all__ = [
    "SELECTORS",
    "ActiveResult",
    "ActiveSettings",
    "Expedition",
    "ExploreSettings",
    "Round",
    "read_finished",
    "request_of",
    "run_active",
    "run_explore",
    "write_rounds",
]
