"""Which room of the code imports which: read from the sources, nothing is imported.

A room is a folder of a package (``mfbench.data``) or a module that lies flat in it (``mfbench.evaluate``).
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PACKAGES", "Rooms", "read_rooms"]

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "mfbench": "mfbench",
    "mfbench_tasks": "tasks/mfbench_tasks",
    "mfbench_jax": "baselines/mfbench_jax",
    "mfbench_torch": "baselines/mfbench_torch",
    "mfbench_leaderboard": "leaderboard/mfbench_leaderboard",
}
"""Package → its folder."""
_NOT_ROOMS = ("__main__", "version", "mfbench_tasks.seeds")
"""Too small to draw: everybody may import them."""


@dataclass(frozen=True)
class Rooms:
    """The rooms of one drawing.

    Attributes:
        summaries: room → first sentence of its docstring.
        arrows: (room, a room that it imports).
    """

    summaries: dict[str, str]
    arrows: frozenset[tuple[str, str]]

    def below(self, room: str) -> set[str]:
        """Rooms that a room imports directly."""
        return {b for a, b in self.arrows if a == room}

    def circles(self) -> list[list[str]]:
        """Groups of rooms that import each other, directly or around; empty in a good house."""
        reach = {room: self._reachable(room) for room in self.summaries}
        groups = {
            tuple(sorted({other for other in reach[room] if room in reach[other]} | {room}))
            for room in self.summaries
            if room in reach[room]
        }
        return [list(group) for group in sorted(groups)]

    def layers(self) -> list[list[str]]:
        """Rooms by height: the lowest import none of the others, each lies above all that it imports.

        Raises:
            ValueError: rooms import each other in a circle.
        """
        if circles := self.circles():
            raise ValueError(f"rooms import each other in a circle: {circles}")
        height: dict[str, int] = {}

        def find(room: str) -> int:
            if room not in height:
                height[room] = max((find(other) + 1 for other in self.below(room)), default=0)
            return height[room]

        for room in self.summaries:
            find(room)
        return [
            sorted(room for room in height if height[room] == level)
            for level in range(max(height.values(), default=-1) + 1)
        ]

    def needed_arrows(self) -> list[tuple[str, str]]:
        """Arrows that no longer way round implies (the transitive reduction): the ones worth drawing."""
        reach = {room: self._reachable(room) for room in self.summaries}
        return sorted(
            (a, b)
            for a, b in self.arrows
            if not any(b in reach[other] for other in self.below(a) - {b} if a not in reach[other])
        )

    def _reachable(self, room: str) -> set[str]:
        found: set[str] = set()
        todo = [room]
        while todo:
            for other in self.below(todo.pop()) - found:
                found.add(other)
                todo.append(other)
        return found


def read_rooms(inside: str, around: tuple[str, ...] = ()) -> Rooms:
    """The rooms of a package, and other packages as one room each.

    Args:
        inside: package whose rooms are told apart.
        around: packages that are shown as a whole.
    """
    modules = {name: path for package in (inside, *around) for name, path in _modules(package).items()}

    def room_of(module: str) -> str | None:
        package, _, rest = module.partition(".")
        if package in around:
            return package
        room = f"{package}.{rest.partition('.')[0]}" if rest else package
        return None if room.endswith(_NOT_ROOMS) else room

    arrows = set()
    for module, path in modules.items():
        for target in _imports(path, modules):
            a, b = room_of(module), room_of(target)
            if a and b and a != b:
                arrows.add((a, b))
    rooms = {room for module in modules if (room := room_of(module))}
    if not any(inside in arrow for arrow in arrows):  # the package's own __init__ does nothing
        rooms.discard(inside)
    return Rooms({room: _summary(modules[room]) for room in sorted(rooms)}, frozenset(arrows))


def _modules(package: str) -> dict[str, Path]:
    folder = ROOT / PACKAGES[package]
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = [package, *path.relative_to(folder).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _imports(path: Path, known: dict[str, Path]) -> set[str]:
    """Modules of our own that a file imports, at its top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in known else node.module)
    return found & set(known)


def _summary(path: Path) -> str:
    text = " ".join((ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0].split())
    return text.replace("``", "").partition(". ")[0].rstrip(".")
