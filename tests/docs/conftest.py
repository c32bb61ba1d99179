"""The code blocks of README.md, CONTRIBUTING.md and docs/, as data.

How a block is treated is said by the line before it:

- nothing: Python is run, page by page, in an empty folder; bash is read, word by word, against the
  commands and options that there are;
- ``<!-- run -->``: bash whose ``mfbench`` lines are run, between the page's Python blocks;
- ``<!-- file: NAME -->``: written to that file, where later blocks find it;
- ``<!-- not run: WHY -->``: left alone. There are few, and each says why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")],
    key=lambda path: path.relative_to(ROOT).as_posix(),
)
_BLOCK = re.compile(
    r"^(?:<!-- *(?P<marker>[^\n]*?) *-->\n)?```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^```$", re.M | re.S
)
_INLINE = re.compile(r"`(mfbench [a-z][^`…]*|make [a-z]+|python (?:scripts|docs)/[^`…]*)`")


@dataclass(frozen=True)
class Block:
    """One fenced block: ``place`` is ``page:line``, ``marker`` the comment before it."""

    page: Path
    place: str
    language: str
    text: str
    marker: str

    @property
    def skipped(self) -> bool:
        """Whether it says that it is not run."""
        return self.marker.startswith("not run")

    @property
    def runs(self) -> bool:
        """Whether a test runs it."""
        return self.marker == "run" or (self.language == "python" and not self.skipped)

    @property
    def commands(self) -> list[str]:
        """The command lines of a bash block, continued ones joined, comments cut."""
        lines = self.text.replace("\\\n", " ").splitlines()
        cut = (re.sub(r"(^|\s)#.*", "", line).strip() for line in lines)
        return [line for line in cut if line]


def read_blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = page.read_text()
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("text"))
        place = f"{page.relative_to(ROOT).as_posix()}:{line}"
        found.append(Block(page, place, match["language"], match["text"], match["marker"] or ""))
    return found


def all_blocks() -> list[Block]:
    """The blocks of all pages."""
    return [block for page in PAGES for block in read_blocks(page)]


def command_lines() -> list[tuple[str, str, bool]]:
    """(place, line, whether it is whole) of every command in a bash block, and of those named in prose."""
    found = [(b.place, line, True) for b in all_blocks() if b.language == "bash" for line in b.commands]
    for page in PAGES:
        prose = _BLOCK.sub("", page.read_text())
        found += [(page.relative_to(ROOT).as_posix(), line, False) for line in _INLINE.findall(prose)]
    return found


def pytest_generate_tests(metafunc):
    """``running_page``: each page with blocks that run; ``command_line``: each command of every page."""
    if "running_page" in metafunc.fixturenames:
        pages = [page for page in PAGES if any(b.runs for b in read_blocks(page))]
        metafunc.parametrize("running_page", pages, ids=lambda page: page.relative_to(ROOT).as_posix())
    if "command_line" in metafunc.fixturenames:
        metafunc.parametrize("command_line", command_lines(), ids=lambda c: f"{c[0]} {c[1][:60]}")


@pytest.fixture
def blocks():
    """All blocks of all pages."""
    return all_blocks()


@pytest.fixture
def blocks_of():
    """Page → its blocks."""
    return read_blocks
