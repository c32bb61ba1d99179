"""The drawings of the rooms in ``docs/_static``, made from the imports.

python docs/drawings/draw_rooms.py            # writes them
python docs/drawings/draw_rooms.py --check    # exit code 1 if one would change
"""

from __future__ import annotations

import sys
import textwrap
from html import escape
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))

from layout import Row, arrange
from rooms import ROOT, Rooms, read_rooms

BOX_WIDTH, BEND_WIDTH, LINE, GAP_X, GAP_Y, MARGIN = 176.0, 12.0, 13.0, 16.0, 44.0, 12.0
CHARACTERS = 29
STYLE = """\
text { font-family: Helvetica, Arial, sans-serif; font-size: 10.5px; fill: #33414d; }
.name { font-size: 12.5px; font-weight: bold; fill: #112233; }
rect { fill: #f4f7fa; stroke: #7d93a8; rx: 5px; }
.around rect { fill: #fdf3e3; stroke: #c79a4a; }
path { fill: none; stroke: #8ea2b3; stroke-width: 1.2; }
"""
DRAWINGS = {
    "rooms-mfbench.svg": (
        "mfbench",
        ("mfbench_tasks", "mfbench_jax", "mfbench_torch", "mfbench_leaderboard"),
    ),
    "rooms-tasks.svg": ("mfbench_tasks", ()),
}
"""File → the package whose rooms it shows, and the packages around it, one box each."""


def draw(rooms: Rooms, inside: str) -> str:
    """The drawing as SVG: who imports stands above, an arrow runs down to what is imported.

    Arrows that a longer way round implies are left out.

    Raises:
        ValueError: rooms import each other in a circle.
    """
    rows, chains = arrange(rooms.layers(), rooms.needed_arrows())
    width = 2 * MARGIN + max(_width(row, rooms) for row in rows)
    places: dict[str, tuple[float, float, float]] = {}
    boxes, y = [], MARGIN
    for row in rows:
        texts = {
            room: textwrap.wrap(rooms.summaries[room], CHARACTERS)
            for room in row
            if room in rooms.summaries
        }
        height = 24 + LINE * max(map(len, texts.values()))
        x = (width - _width(row, rooms)) / 2
        for item in row:
            wide = BOX_WIDTH if item in texts else BEND_WIDTH
            places[item] = (x + wide / 2, y, height)
            if item in texts:
                boxes.append(_box(item, inside, texts[item], x, y, height))
            x += wide + GAP_X
        y += height + GAP_Y
    arrows = [_arrow([places[item] for item in chain]) for chain in chains]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {y - GAP_Y + MARGIN:.0f}" '
        f'role="img" aria-label="Rooms of {inside} and their imports">\n<style>\n{STYLE}</style>\n'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0 L8 4 L0 8" style="stroke-width:1.4"/></marker></defs>\n'
    )
    return head + "\n".join(arrows + boxes) + "\n</svg>\n"


def made() -> dict[Path, str]:
    """File → the drawing, as the imports are now."""
    folder = ROOT / "docs" / "_static"
    return {
        folder / name: draw(read_rooms(inside, around), inside)
        for name, (inside, around) in DRAWINGS.items()
    }


def main() -> None:
    """Write the drawings, or check them."""
    found = made()
    if "--check" in sys.argv:
        changed = [p.name for p, text in found.items() if not p.is_file() or p.read_text() != text]
        if changed:
            sys.exit(f"{', '.join(changed)} would change: run python docs/drawings/draw_rooms.py")
        return
    for path, text in found.items():
        path.write_text(text)


def _width(row: Row, rooms: Rooms) -> float:
    return sum((BOX_WIDTH if item in rooms.summaries else BEND_WIDTH) + GAP_X for item in row) - GAP_X


def _box(room: str, inside: str, text: list[str], x: float, y: float, height: float) -> str:
    own = room == inside or room.startswith(inside + ".")
    lines = [
        f'<text x="{x + 9:.1f}" y="{y + 30 + LINE * i:.1f}">{escape(line)}</text>'
        for i, line in enumerate(text)
    ]
    name = escape(room.removeprefix(f"{inside}."))
    title = f'<text class="name" x="{x + 9:.1f}" y="{y + 16:.1f}">{name}</text>'
    frame = f'<rect x="{x:.1f}" y="{y:.1f}" width="{BOX_WIDTH:.0f}" height="{height:.0f}"/>'
    return f'<g class="{"own" if own else "around"}">{frame}{title}{"".join(lines)}</g>'


def _arrow(stops: list[tuple[float, float, float]]) -> str:
    """A line from the foot of the first box to the head of the last, straight through the bends between."""
    (x, top, height), *rest = stops
    y = top + height
    line = f"M{x:.1f} {y:.1f}"
    for i, (x1, top, height) in enumerate(rest):
        half = (top - y) / 2
        line += f" C{x:.1f} {y + half:.1f} {x1:.1f} {top - half:.1f} {x1:.1f} {top:.1f}"
        x, y = x1, top
        if i < len(rest) - 1:
            y = top + height
            line += f" L{x:.1f} {y:.1f}"
    return f'<path marker-end="url(#tip)" d="{line}"/>'


if __name__ == "__main__":
    main()
