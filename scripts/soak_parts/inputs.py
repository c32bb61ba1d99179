"""Small inputs for long work: structures, a split, a run, a store. Those of the tests, made once."""

from __future__ import annotations

import os
import runpy
import shutil
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
        run: a finished run on it.
        store: with submissions, and no index.
    """

    recipe: Path
    structures: Path
    molecules: Path
    split: Path
    run: Path
    store: Path


def make_inputs(folder: Path) -> Inputs:
    """Write all inputs, and let the split be found by its name in this process and its children."""
    shared = runpy.run_path(str(TESTS / "conftest.py"))
    tiny = runpy.run_path(str(TESTS / "tasks" / "build" / "conftest.py"))
    (folder / "structures").mkdir(parents=True)
    tiny["_write_structures"](folder / "structures", tiny["PEPTIDES"])
    (folder / "tiny.yaml").write_text(tiny["RECIPE"])
    (folder / "molecules.xyz").write_text("".join(XYZ.format(x=0.01 * i) for i in range(24)))
    split = shared["write_split"](folder / "data" / "soak", name="soak")
    os.environ["MFBENCH_DATA"] = str(folder / "data")
    mfbench.evaluate("random", "soak", out=folder / "run")
    store = folder / "store"
    for seed in (1, 2, 3):
        out = folder / f"run{seed}"
        mfbench.evaluate("random", "soak", out=out, seed=seed)
        _file(out, store)
    for derived in ("index.parquet", "parts"):
        path = store / derived
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    return Inputs(
        folder / "tiny.yaml",
        folder / "structures",
        folder / "molecules.xyz",
        split,
        folder / "run",
        store,
    )


def _file(run: Path, store: Path) -> None:
    from mfbench.store import file_submission, open_store
    from mfbench.submission import check_run

    checked = check_run(run)
    card = checked.card.model_copy(update={"description": "A run of the soak test."})
    file_submission(open_store(str(store)), replace(checked, card=card))
