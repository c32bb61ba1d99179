"""Where boxes stand in a drawing of layers, so that few arrows cross and none runs through a box.

The method is Sugiyama's: an arrow over several layers gets a bend in each, and the rows are ordered by the
mean place of what they are tied to, from above and from below in turn.
"""

from __future__ import annotations

from itertools import pairwise

__all__ = ["Row", "arrange"]

Row = list[str]
_SWEEPS = 12


def arrange(layers: list[list[str]], arrows: list[tuple[str, str]]) -> tuple[list[Row], list[list[str]]]:
    """Rows from the top, and each arrow as the items it passes.

    Args:
        layers: boxes by height, lowest first.
        arrows: (from, to); ``to`` stands in a lower layer.

    Returns:
        Rows of boxes and bends, in the order to draw them; and for each arrow its box, bends, box.
    """
    height = {box: level for level, layer in enumerate(layers) for box in layer}
    rows = [list(layer) for layer in layers]
    chains = []
    for a, b in arrows:
        bends = [f"{a}>{b}@{level}" for level in range(height[a] - 1, height[b], -1)]
        for level, bend in zip(range(height[a] - 1, height[b], -1), bends, strict=True):
            rows[level].append(bend)
        chains.append([a, *bends, b])
    steps = [step for chain in chains for step in pairwise(chain)]
    best = [list(row) for row in rows]
    for sweep in range(_SWEEPS):
        order = range(1, len(rows)) if sweep % 2 else range(len(rows) - 2, -1, -1)
        for level in order:
            other = rows[level - 1] if sweep % 2 else rows[level + 1]
            rows[level] = _ordered(rows[level], other, steps)
        if _crossings(rows, steps) < _crossings(best, steps):
            best = [list(row) for row in rows]
    return best[::-1], chains


def _ordered(row: Row, other: Row, steps: list[tuple[str, str]]) -> Row:
    place = {item: (i + 0.5) / len(other) for i, item in enumerate(other)}

    def mean(item: str) -> float:
        tied = [place[b] for a, b in steps if a == item and b in place]
        tied += [place[a] for a, b in steps if b == item and a in place]
        return sum(tied) / len(tied) if tied else (row.index(item) + 0.5) / len(row)

    return sorted(row, key=lambda item: (mean(item), item))


def _crossings(rows: list[Row], steps: list[tuple[str, str]]) -> int:
    place = {item: i for row in rows for i, item in enumerate(row)}
    level = {item: i for i, row in enumerate(rows) for item in row}
    found = 0
    for i, (a, b) in enumerate(steps):
        for c, d in steps[:i]:
            if level[a] == level[c] and (place[a] - place[c]) * (place[b] - place[d]) < 0:
                found += 1
    return found
