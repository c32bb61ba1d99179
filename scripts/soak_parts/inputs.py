"""Small inputs for long work: structures, a split, a run, a store. Those of the tests, made once."""

from __future__ import annotations

import os
import runpy
import shutil
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import mfbench

__all__ = ["Inputs", "make_inputs"]

TESTS = Path(__file__).resolve().parents[2] / "tests"
XYZ = """3
total_charge=0
O {x:.3f} 0.000 0.000
H {x:.3f} 0.757 0.586
H {x:.3f} -0.757 0.586
"""


@dataclass(frozen=True)
class Inputs:
    """Folders and files that trials start from; nobody writes into them.

    Attributes:
        recipe, structures: of a build.
        molecules: extxyz to label.
        split: a synthetic split, found by its name.
        run: a drafted submission of a finished run on it.
        store: with submissions, and no index.
    """

    recipe: Path
    structures: Path
    molecules: Path
    split: Path
    run: Path
    store: Path


def make_inputs(folder: Path, names: Collection[str]) -> Inputs:
    """Write what these commands need, and let the split be found by its name from here on."""
    made = Inputs(
        folder / "tiny.yaml",
        folder / "structures",
        folder / "molecules.xyz",
        folder / "data" / "soak",
        folder / "run",
        folder / "store",
    )
    runpy.run_path(str(TESTS / "conftest.py"))["write_split"](made.split, name="soak")
    os.environ["MFBENCH_DATA"] = str(made.split.parent)
    made.molecules.write_text("".join(XYZ.format(x=0.01 * i) for i in range(24)))
    if "build" in names:
        tiny = runpy.run_path(str(TESTS / "tasks" / "build" / "conftest.py"))
        made.structures.mkdir(parents=True)
        tiny["_write_structures"](made.structures, tiny["PEPTIDES"])
        made.recipe.write_text(tiny["RECIPE"])
    if "submit" in names:
        mfbench.evaluate("random", "soak", out=folder / "run0")
        _draft(folder / "run0", made.run)
    if "board" in names:
        _fill(made.store, folder)
    return made


def _fill(store: Path, folder: Path) -> None:
    """Submissions without an index: the board has to make it."""
    for seed in (1, 2, 3):
        out = folder / f"run{seed}"
        mfbench.evaluate("random", "soak", out=out, seed=seed)
        _file(out, store)
    shutil.rmtree(store / "parts", ignore_errors=True)
    (store / "index.parquet").unlink(missing_ok=True)


def _draft(run: Path, folder: Path) -> None:
    from mfbench.submission import draft_submission
    from mfbench.submission.card import write_card

    card = draft_submission(run, folder).card
    text = write_card(card.model_copy(update={"description": "A run of the soak test."}))
    (folder / "submission.yaml").write_text(text)


def _file(run: Path, store: Path) -> None:
    from mfbench.store import file_submission, open_store
    from mfbench.submission import check_run

    checked = check_run(run)
    card = checked.card.model_copy(update={"description": "A run of the soak test."})
    file_submission(open_store(str(store)), replace(checked, card=card))
