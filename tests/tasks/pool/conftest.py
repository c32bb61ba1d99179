"""A pool of two peptides, made here, and the constructions over it."""

from types import SimpleNamespace

import pytest

pytest.importorskip("tblite")
pytest.importorskip("biotite")

from biotite.structure.io import pdbx

from mfbench.cli import main
from mfbench.work.executor import Here
from mfbench_tasks.families.table import FamilyRow, write_families
from mfbench_tasks.pool.make_pool import make_pool
from mfbench_tasks.pool.recipe import load_pool_recipe
from mfbench_tasks.structures.ideal_peptide import ideal_peptide

RECIPE = """
seed: 5
draws: 2
draw_length: 4
min_support: 4
plan:
  pool: [residue, residue]
  heldout: [residue]
  candidates: 1
  charged_share: 0.0
  max_atoms: {residue: 30, contact: 24, hbond: 24}
sampling:
  support_md_K: [300]
  support_md_frames: [1]
  support_displaced_K: [300]
  support_displaced_frames: [1]
  query_md_K: [400]
  query_md_frames: [1]
  query_displaced_K: [400]
  query_displaced_frames: [1]
  start: {torsion_deg: 30, shift: 0.2, turn_deg: 10}
  jitter: {torsion_deg: 10, shift: 0.1, turn_deg: 5}
  relax_fmax: 0.3
  relax_steps: 20
  start_steps: 2
  timestep_fs: 2.0
  friction_per_fs: 0.02
  equilibration_steps: 3
  spacing_steps: 2
  mode_floor: 250
blocks:
  - name: b1
    groups:
      - {id: 1aaa_A}
  - name: b2
    groups:
      - {id: 1bbb_A, beside: 1aaa_A}
constructions:
  - {name: two, version: "0", families: families.tsv, changelog: []}
  - {name: "null", version: "0", shuffles: two, changelog: []}
  - {name: small, version: "0", mini_of: two, only: [b], changelog: []}
"""
PEPTIDES = {
    "1aaa": ("ALA", "GLY", "SER", "ALA", "ALA"),
    "1bbb": ("GLY", "ASN", "CYS", "THR", "GLY"),
}


@pytest.fixture(scope="session")
def structures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("structures")
    (folder / "entries").mkdir()
    for name, sequence in PEPTIDES.items():
        file = pdbx.CIFFile()
        pdbx.set_structure(file, ideal_peptide(sequence), data_block=name)
        file.write(folder / "entries" / f"{name}.cif")
    return folder


@pytest.fixture(scope="session")
def recipe_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "pool.yaml"
    path.write_text(RECIPE)
    write_families(
        path.with_name("families.tsv"), [_row("a", "train", "1aaa_A"), _row("b", "test", "1bbb_A")]
    )
    return path


def _row(family_id, fold, pool, heldout=None, **changes):
    heldout = heldout or pool
    proteins = tuple(dict.fromkeys((pool, heldout)))
    fields = dict(family_class="s", title="t", proteins=proteins, clusters=proteins) | changes
    return FamilyRow(family_id=family_id, fold=fold, support_group=pool, heldout_group=heldout, **fields)


def _run(recipe_file, structures, folder, **options):
    make_pool(
        load_pool_recipe(recipe_file),
        structures=structures,
        out=folder / "blocks",
        report=folder / "report",
        journal=folder / "journal",
        **{"executor": Here(), **options},
    )


@pytest.fixture(scope="session")
def built(recipe_file, structures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    _run(recipe_file, structures, folder)
    return folder


@pytest.fixture(scope="session")
def constructed(built, recipe_file):
    command = [
        "data",
        "construct",
        str(recipe_file),
        "--pool",
        str(built / "blocks"),
        "--out",
        str(built),
    ]
    assert main([*command, "--report", str(built / "r")]) == 0
    return built


@pytest.fixture(scope="session")
def tools():
    """What tests call: ``RECIPE``, ``row`` (of a family table), ``run`` (a pool, in this process)."""
    return SimpleNamespace(RECIPE=RECIPE, row=_row, run=_run)
