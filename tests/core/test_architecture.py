"""The house keeps its shape: no import circles, arrows run down, few arrows, few flat modules."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "mfbench": ROOT / "mfbench",
    "mfbench_tasks": ROOT / "tasks" / "mfbench_tasks",
    "mfbench_jax": ROOT / "baselines" / "mfbench_jax",
    "mfbench_torch": ROOT / "baselines" / "mfbench_torch",
    "mfbench_leaderboard": ROOT / "leaderboard" / "mfbench_leaderboard",
    "mfbench_campaign": ROOT / "scripts" / "mfbench_campaign",
}
KNOWN_CIRCLES: list[set[str]] = [
    {"mfbench.data.at_level", "mfbench.data.split"},
]
"""Still there; each leaves this list when it is ended."""
ABOVE_THE_CORE = {
    "mfbench_tasks",
    "mfbench_jax",
    "mfbench_torch",
    "mfbench_leaderboard",
    "mfbench_campaign",
}
HEAVY = {"torch", "jax", "streamlit"}


@cache
def _modules(package):
    """Module → its file, of a whole package."""
    root = PACKAGES[package]
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = (package, *path.relative_to(root).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _imported(path, modules=frozenset()):
    """What a file imports, also in functions; ``from a import b`` names a.b where that is a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where an arrow goes"
            inside = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in modules else node.module for name in inside)


@cache
def _arrows(package):
    """Module → the modules of its package that it imports."""
    modules = _modules(package)
    return {name: set(_imported(path, modules)) & set(modules) - {name} for name, path in modules.items()}


def _child(module, parent):
    """What holds a module, of the files and folders directly in a package; None outside of it."""
    inside = module.startswith(f"{parent}.")
    return module[len(parent) + 1 :].partition(".")[0] if inside else None


def _rooms(package, parent=None):
    """Room → the rooms that it imports from. Rooms are the files and folders directly in a package."""
    parent = parent or package
    rooms = {}
    for module, imported in _arrows(package).items():
        here = _child(module, parent)
        if here is not None:
            others = {_child(other, parent) for other in imported} - {here, None}
            rooms.setdefault(here, set()).update(others)
    return rooms


def _circles(arrows):
    """Sets of nodes that reach each other (Tarjan's strongly connected components)."""
    index, low, stack, circles = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in arrows.get(node, ()):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            at = stack.index(node)
            if len(stack) - at > 1:
                circles.append(set(stack[at:]))
            del stack[at:]

    for node in arrows:
        if node not in index:
            visit(node)
    return circles


def test_the_search_for_circles_finds_one():
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "c"}}) == [{"b", "c"}]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_circle(package):
    assert _circles(_arrows(package)) == []


@pytest.mark.parametrize("package", ["mfbench", "mfbench_tasks", "mfbench_campaign"])
def test_no_folders_import_each_other_in_a_circle(package):
    parents = {name for name, path in _modules(package).items() if path.name == "__init__.py"}
    found = [circle for parent in sorted(parents) for circle in _circles(_rooms(package, parent))]
    assert found == []


def test_the_core_imports_nothing_that_stands_above_it():
    for path in _modules("mfbench").values():
        roots = {name.partition(".")[0] for name in _imported(path)}
        assert not roots & (ABOVE_THE_CORE | HEAVY), path


def test_the_general_build_knows_neither_reactions_nor_pools():
    special = {"reaction", "pool", "constructions", "fresh", "card"}
    assert not _rooms("mfbench_tasks")["build"] & special


@pytest.mark.parametrize(("package", "modules", "arrows"), [("mfbench", 6, 87), ("mfbench_tasks", 5, 116)])
def test_few_modules_lie_flat_and_few_arrows_join_the_rooms(package, modules, arrows):
    """What the public face, the package's own ``__init__``, imports is not counted."""
    flat = [path.name for path in PACKAGES[package].glob("*.py")]
    assert len(flat) <= modules, flat
    assert sum(map(len, _rooms(package).values())) <= arrows
