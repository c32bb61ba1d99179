"""What the names of trajectories tell: frames that follow one another look alike."""

from __future__ import annotations

from collections.abc import Sequence

from mfbench.data.configuration import Configuration

__all__ = ["frames_of_molecules", "telling_names"]


def telling_names(configurations: Sequence[Configuration]) -> list[str]:
    """Names of their trajectories, as far as they tell any: one name for all frames, or one for each, says
    nothing, and is empty here."""
    names = [c.trajectory_id for c in configurations]
    return names if 1 < len(set(names)) < len(names) else [""] * len(names)


def frames_of_molecules(configurations: Sequence[Configuration]) -> dict[str, list[int]]:
    """Trajectory and molecular graph → its frames, in their order."""
    found: dict[str, list[int]] = {}
    for i, (name, c) in enumerate(zip(telling_names(configurations), configurations, strict=True)):
        found.setdefault(f"{name} {c.graph_id}", []).append(i)
    return found
