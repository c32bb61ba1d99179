"""Validation error against optimiser steps of every training run, and which had not levelled off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfbench.compare.text import markdown

__all__ = ["convergence_table", "is_converged"]

STILL_FALLING = 0.01
"""A phase whose validation force error falls by more than this share in its last quarter is unconverged."""


def is_converged(validation: list[Mapping[str, float]]) -> bool:
    """Whether the validation force error has levelled off in the last quarter of a phase."""
    last = validation[-1]
    before = [row for row in validation if row["step"] <= 0.75 * last["step"]]
    if not before:
        return False
    return last["force_rmse"] > (1 - STILL_FALLING) * before[-1]["force_rmse"]


def convergence_table(trainings: Mapping[str, Any]) -> str:
    """One row a training run: validation errors along its last phase."""
    rows = []
    for name, card in trainings.items():
        phase = card["phases"][-1]
        curve = phase["validation"]
        points = [curve[0], curve[len(curve) // 2], curve[-1]]
        state = "levelled off" if is_converged(curve) else "**still falling**"
        shown = [f"{p['energy_rmse']:.2f} / {p['force_rmse']:.2f} ({p['step']:,})" for p in points]
        rows.append([name, f"{card['gradients']:,}", f"{phase['seconds'] / 60:.1f}", *shown, state])
    head = ["training run", "gradients", "minutes of the last phase"]
    return markdown([*head, "first validation", "middle", "last", "forces"], rows)
