"""A recipe, its structures and its build, all made here: two families of two short peptides each."""

import csv
import gzip

import pytest

# The [label] extra is imported where it is used: a missing one skips the tests, not the folder.
RECIPE = """
name: tiny
version: "0"
seed: 5
draws: 2
draw_length: 4
changelog: []
families:
  - {id: "1.1.1", fold: train}
  - {id: "membrane.2.2.2", fold: test}
plan:
  pool: [residue, residue]
  heldout: [residue]
  proteins: 2
  candidates: 1
  charged_share: 0.0
  max_atoms: {residue: 24, contact: 24, hbond: 24}
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
"""
PEPTIDES = {
    "1aaa": ("ALA", "GLY", "SER", "ALA"),
    "1bbb": ("ALA", "ALA", "CYS", "GLY"),
    "2aaa": ("GLY", "GLY", "ALA", "ALA"),
    "2bbb": ("ALA", "SER", "GLY", "GLY"),
}


@pytest.fixture(scope="session")
def write_structures():
    """Write a folder of peptides: name → sequence; membrane and cluster by name where they differ."""
    return _write_structures


def _write_structures(folder, peptides, *, membrane=(), clusters=None):
    from biotite.structure.io import pdbx

    from mfbench_tasks.structures.ideal_peptide import ideal_peptide

    (folder / "entries").mkdir()
    index, chains = [], []
    for name, sequence in peptides.items():
        file = pdbx.CIFFile()
        pdbx.set_structure(file, ideal_peptide(sequence), data_block=name)
        file.write(folder / "entries" / f"{name}.cif")
        inside = name[0] == "2" or name in membrane
        index.append(dict(pdb_id=name, tier="A", resolution="1.5", membrane=str(int(inside))))
        topology = "1.1.1.10" if name[0] == "1" else "2.2.2.20"
        chains.append(
            dict(
                pdb_id=name,
                chain="A",
                cath_how="direct",
                bc30_cluster=(clusters or {}).get(name, f"c{name}"),
                cath_superfamilies=topology,
            )
        )
    for path, rows in ((folder / "index.tsv", index), (folder / "chain_cath_cluster.tsv.gz", chains)):
        with gzip.open(path, "wt") if path.suffix == ".gz" else open(path, "w") as file:
            writer = csv.DictWriter(file, rows[0], delimiter="\t")
            writer.writeheader()
            writer.writerows(rows)
    return folder


@pytest.fixture(scope="session")
def structures(tmp_path_factory):
    return _write_structures(tmp_path_factory.mktemp("structures"), PEPTIDES)


@pytest.fixture(scope="session")
def peptides():
    """Entry → sequence, of ``structures``."""
    return PEPTIDES


@pytest.fixture(scope="session")
def recipe_text():
    return RECIPE


@pytest.fixture(scope="session")
def recipe_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="session")
def run():
    """Build into a folder; returns the manifest."""
    from mfbench.work.executor import Here
    from mfbench_tasks.build.build import build
    from mfbench_tasks.recipes.recipe import load_recipe

    def into(recipe_file, structures, folder, **options):
        return build(
            load_recipe(recipe_file),
            structures=structures,
            out=folder / "out",
            report=folder / "report",
            journal=folder / "journal",
            **{"executor": Here(), **options},
        )

    return into


@pytest.fixture(scope="session")
def built(run, recipe_file, structures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    return folder, run(recipe_file, structures, folder)
