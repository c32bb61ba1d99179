"""A fragment in three dimensions: lit balls and sticks as meshes, drawn offline by Plotly's own script."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from mfbench.data.elements import symbol
from mfbench.data.molecular_graph import METALS, bonds, covalent_radius

__all__ = ["molecule"]

_COLOURS = {
    1: "#eef1f0", 6: "#59666a", 7: "#3a6fd8", 8: "#d9372c", 9: "#7fc97f", 11: "#8f6bd1", 12: "#6aa84f",
    15: "#f08a24", 16: "#e3b505", 20: "#6aa84f", 25: "#9c6ade", 26: "#d2691e", 29: "#b87333", 30: "#7d80b0",
}  # fmt: skip
_OTHER = "#a05195"
_LIGHT = {"ambient": 0.55, "diffuse": 0.75, "specular": 0.35, "roughness": 0.45, "fresnel": 0.15}
_STICK = 0.13  # Å
_REACH = 2.75
"""Å. A metal is drawn with sticks to N, O and S nearer than this; a distance is all there is to go by."""

_EDGE = 0.5
"""Å. Wider than any ball's radius."""
_SIZE = 1.1
"""Of the molecule's box, corner to corner, with the camera 1.45 away: it is whole however it is turned."""


def molecule(atomic_numbers: np.ndarray, positions: np.ndarray, *, height: int = 460) -> go.Figure:
    """Ball and stick. One mesh an element, so that the legend switches elements.

    Args:
        atomic_numbers: [n].
        positions: [n, 3] Å.
    """
    sticks = _sticks(atomic_numbers, positions)
    figure = go.Figure()
    for z in sorted({int(z) for z in atomic_numbers}, key=lambda z: (z == 1, z)):
        atoms = np.flatnonzero(atomic_numbers == z)
        radius = 0.24 if z == 1 else 0.18 + 0.25 * covalent_radius(z)
        balls = [(positions[a] + radius * _SPHERE[0], _SPHERE[1]) for a in atoms]
        rods = [_rod(a, b) for element, a, b in sticks if element == z]
        points, faces = _merge([*balls, *rods])
        figure.add_trace(
            go.Mesh3d(
                x=points[:, 0], y=points[:, 1], z=points[:, 2],
                i=faces[:, 0], j=faces[:, 1], k=faces[:, 2],
                color=_COLOURS.get(z, _OTHER), flatshading=False, lighting=_LIGHT,
                lightposition={"x": 3000, "y": 4000, "z": 6000},
                name=symbol(z), showlegend=True, hoverinfo="name",
            )
        )  # fmt: skip
    low, high = positions.min(axis=0) - _EDGE, positions.max(axis=0) + _EDGE
    share = _SIZE * (high - low) / np.linalg.norm(high - low)
    axes = {
        f"{name}axis": {"visible": False, "showbackground": False, "range": [float(a), float(b)]}
        for name, a, b in zip("xyz", low, high, strict=True)
    }
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        scene={
            **axes, "aspectmode": "manual", "aspectratio": dict(zip("xyz", share.tolist(), strict=True)),
            "dragmode": "orbit",
            "camera": {"eye": {"x": 0.95, "y": 0.95, "z": 0.55}},
        },
        legend={"x": 0.01, "y": 0.98, "bgcolor": "rgba(0,0,0,0)"},
    )  # fmt: skip
    return figure


def _sticks(numbers: np.ndarray, x: np.ndarray) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """(element, from, to): each bond as two halves in the colours of its ends."""
    pairs = [(int(i), int(j)) for i, j in bonds(numbers, x)]
    for metal in (i for i, z in enumerate(numbers) if int(z) in METALS):
        distance = np.linalg.norm(x - x[metal], axis=1)
        near = [j for j in np.flatnonzero(distance < _REACH) if int(numbers[j]) in (7, 8, 16)]
        pairs += [(metal, int(j)) for j in near]
    halves = []
    for i, j in pairs:
        middle = (x[i] + x[j]) / 2
        halves += [(int(numbers[i]), x[i], middle), (int(numbers[j]), middle, x[j])]
    return halves


def _sphere(rings: int = 9, sides: int = 14) -> tuple[np.ndarray, np.ndarray]:
    """Unit sphere: points [p, 3] and faces [f, 3]."""
    polar = np.linspace(0, np.pi, rings + 1)
    around = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    grid = [[np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), np.cos(p)] for p in polar for a in around]
    return np.array(grid), _mantle(rings, sides)


def _mantle(rings: int, sides: int) -> np.ndarray:
    """Faces between rings of points."""
    faces = []
    for r in range(rings):
        for s in range(sides):
            a, b = r * sides + s, r * sides + (s + 1) % sides
            faces += [[a, b, a + sides], [b, b + sides, a + sides]]
    return np.array(faces)


def _rod(a: np.ndarray, b: np.ndarray, sides: int = 10) -> tuple[np.ndarray, np.ndarray]:
    axis = (b - a) / np.linalg.norm(b - a)
    aside = np.cross(axis, [1.0, 0, 0] if abs(axis[0]) < 0.8 else [0, 1.0, 0])
    aside /= np.linalg.norm(aside)
    across = np.cross(axis, aside)
    angles = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    circle = _STICK * (np.cos(angles)[:, None] * aside + np.sin(angles)[:, None] * across)
    return np.concatenate([a + circle, b + circle]), _mantle(1, sides)


def _merge(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    shift = np.cumsum([0, *(len(points) for points, _ in parts)])[:-1]
    faces = [faces + s for (_, faces), s in zip(parts, shift, strict=True)]
    return np.concatenate([points for points, _ in parts]).round(3), np.concatenate(faces)


_SPHERE = _sphere()
