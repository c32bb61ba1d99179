"""What the pages show, a reader can do: their Python runs, and so do the commands marked to run."""

import os
import shlex
import sys
from pathlib import Path

import pytest

from mfbench.cli import main

ROOT = Path(__file__).parents[2]

NEEDS = {
    "docs/own-dft.md": ("ase", "torch", "mace"),
    "docs/own-system.md": ("tblite", "torch", "mace"),
    "docs/add/level.md": ("ase", "tblite"),
    "README.md": ("ase",),
}
"""Extras that a page says it needs."""


def test_the_code_on_a_page_runs_from_top_to_bottom(running_page, blocks_of, tmp_path, monkeypatch, capsys):
    for name in NEEDS.get(running_page.relative_to(ROOT).as_posix(), ()):
        pytest.importorskip(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("MFBENCH_STORE", str(tmp_path / "store"))
    before = set(sys.modules)
    names = {"__name__": "page"}
    for block in blocks_of(running_page):
        if block.marker.startswith("file: "):
            (tmp_path / block.marker.removeprefix("file: ")).write_text(block.text)
        elif block.language == "python" and not block.skipped:
            exec(compile(block.text, block.place, "exec"), names)
        elif block.marker == "run":
            for line in block.commands:
                _run(line, block.place, capsys)
    for name in set(sys.modules) - before:  # a page's own files: the next page may use the same names
        if str(getattr(sys.modules[name], "__file__", "") or "").startswith(str(tmp_path)):
            del sys.modules[name]


def _run(line: str, place: str, capsys) -> None:
    words = shlex.split(line)
    if words[0] == "mkdir":
        os.makedirs(words[-1])
        return
    assert words[0] == "mfbench", f"{place}: only mfbench is run, not {words[0]}"
    assert main(words[1:]) == 0, f"{place}: {line}\n{capsys.readouterr().err}"


def test_few_blocks_are_left_alone_and_each_says_why(blocks):
    left = [b for b in blocks if b.skipped]
    assert all(len(b.marker.removeprefix("not run").strip(": ")) > 10 for b in left)
    assert len(left) <= 4, [b.place for b in left]


def test_every_block_is_of_a_kind_that_is_tested(blocks):
    kinds = {"python", "bash", "text", "yaml", "toml", "bibtex"}
    assert {b.language for b in blocks} <= kinds
    markers = {b.marker.partition(":")[0] for b in blocks if b.marker}
    assert markers <= {"run", "file", "not run"}
