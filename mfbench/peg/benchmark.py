"""A split as a benchmark of ml-peg: its test families as structures, and the three scripts that it runs."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration
from mfbench.data.split import Split, Task, as_split
from mfbench.data.xyz_frame import xyz_frame
from mfbench.errors import ProtocolError
from mfbench.work.files import new_folder
from mfbench.work.ownership import holds_nothing

__all__ = ["CATEGORY", "PEG_VERSION", "file_stem", "write_benchmark"]

PEG_VERSION = "0.7.0"
"""Whose interface the scripts are written for."""
CATEGORY = "mfbench"
_SCRIPTS = {"calcs": "calc", "analysis": "analyse", "app": "app"}

_METRICS = """metrics:
  Energy RMSE within fragments:
    good: 0.0
    bad: 5.0
    unit: kcal/mol
    weight: 1
    tooltip: Energies less the mean error of each fragment, mean over families.
    level_of_theory: "{level}"
  Force RMSE:
    good: 0.0
    bad: 10.0
    unit: kcal/mol/Å
    weight: 1
    tooltip: Root mean square error of force components, mean over families.
    level_of_theory: "{level}"
"""
_CITATIONS = """implementers:
  - name: "the mfbench developers"
contributors: []
citations:
  - key: "mfbench-{test}-{version}"
    role: reference_data
    title: "mfbench: few-shot force fields of protein families, {name} {version}, data {data_hash}"
    authors:
      - "the mfbench developers"
    year: 2026
"""
_TITLE = """title: mfbench
description: Fragments of protein families, with labels at several levels of theory
weight: 0
"""


def write_benchmark(split: str | Path | Split, out: Path) -> list[Path]:
    """Write ``calcs``, ``analysis`` and ``app`` as ml-peg lays them out, and a README that says where to.

    The folder appears when it is complete.

    Returns:
        All files.

    Raises:
        ProtocolError: ``out`` holds something, or the split has no test families.
    """
    out, found = Path(out), as_split(split)
    if out.exists() and (not out.is_dir() or not holds_nothing(out)):
        raise ProtocolError(f"{out} is not empty: choose another folder with --out")
    if not found.test:
        raise ProtocolError(f"{found.name} has no test families: there is nothing to ask ml-peg's models")
    test = re.sub(r"\W", "_", found.name)
    facts = _facts(found, test, str(split) if not isinstance(split, Split) else found.name)
    with new_folder(out) as folder:
        for part, script in _SCRIPTS.items():
            place = folder / part / CATEGORY / test
            place.mkdir(parents=True)
            text = _template(f"{script}.py.txt", facts)
            (place / f"{script}_{test}.py").write_text(text, encoding="utf-8")
        calcs, level = folder / "calcs" / CATEGORY / test, facts["level"]
        (folder / "analysis" / CATEGORY / test / "metrics.yml").write_text(
            _METRICS.format(level=level), encoding="utf-8"
        )
        (folder / "app" / CATEGORY / f"{CATEGORY}.yml").write_text(_TITLE, encoding="utf-8")
        (calcs / "citations.yml").write_text(_CITATIONS.format(**facts), encoding="utf-8")
        (calcs / "data").mkdir()
        for task in found.test:
            frames = [_frame(c) for c in (*task.query, *task.heldout)]
            (calcs / "data" / f"{file_stem(task)}.xyz").write_text("".join(frames), encoding="utf-8")
        (folder / "README.md").write_text(_template("README.md.txt", facts), encoding="utf-8")
    return sorted(path for path in out.rglob("*") if path.is_file())


def file_stem(task: Task) -> str:
    """Of the files of a family."""
    return re.sub(r"[^\w.+-]", "_", task.family_id)


def _facts(split: Split, test: str, asked: str) -> dict[str, Any]:
    manifest, tasks = split.manifest, split.test
    levels = sorted({task.level for task in tasks if task.level})
    return {
        "split": asked,
        "name": split.name,
        "version": manifest.version,
        "license": manifest.license,
        "data_hash": manifest.data_hash,
        "level": ", ".join(levels) or manifest.level_of_theory,
        "test": test,
        "category": CATEGORY,
        "peg": PEG_VERSION,
        "n": sum(len(task.query) + len(task.heldout) for task in tasks),
        "families": len(tasks),
        "ev_to_kcal": repr(EV_TO_KCAL_MOL),
    }


def _template(name: str, facts: dict[str, Any]) -> str:
    text = (files("mfbench.peg") / "templates" / name).read_text(encoding="utf-8")
    return Template(text).substitute(facts)


def _frame(c: Configuration) -> str:
    """One labelled configuration, with charge and multiplicity where ASE's calculators look for them."""
    energy, forces = c.label
    facts = {
        "ref_energy": repr(float(energy)),
        "charge": c.total_charge,
        "spin": c.n_unpaired + 1,
        "config_id": f'"{c.config_id}"',
        "fragment_id": f'"{c.fragment_id}"',
    }
    return xyz_frame(c, facts, {"ref_forces": forces})
