"""From finished jobs to the folder of a split: five tables and a manifest."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import ground_state_magnetic_moments

from mfbench.data.manifest import FILES, data_hash
from mfbench.data.parquet import sha256, write_configurations
from mfbench.data.split_tables import DRAWS, FAMILIES, ROLES, write_rows
from mfbench.errors import DataError
from mfbench.work.files import write_text
from mfbench_tasks.build.job import Outcome
from mfbench_tasks.build.roles import Member, draw_rows, role_rows
from mfbench_tasks.build.split_tables import FRAGMENTS, fragment_row, graph_of
from mfbench_tasks.families.cath import Family
from mfbench_tasks.labelling.tblite import LEVEL_OF_THEORY, Gfn2
from mfbench_tasks.recipes.recipe import SplitRecipe
from mfbench_tasks.sampling.role import Role, stored_role

__all__ = ["assemble", "isolated_atoms", "make_manifest"]

_TOOLS = ("tblite", "biotite", "hydride", "ase", "scipy", "numpy", "pyarrow")


def assemble(
    recipe: SplitRecipe,
    families: Sequence[Family],
    outcomes: Sequence[Outcome],
    out: Path,
    *,
    tools: Sequence[str] = (),
) -> dict[str, Any]:
    """Write the split's folder; the same outcomes give the same bytes.

    Args:
        tools: packages whose versions the manifest names beside the usual ones.

    Returns:
        The manifest.

    Raises:
        DataError: a fragment was not accepted, or a family holds the same molecular graph twice.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    by_family: dict[str, list[Outcome]] = {f.family_id: [] for f in families}
    for outcome in sorted(outcomes, key=lambda o: (o.family_id, o.number)):
        if outcome.labelled is None:
            reasons = ", ".join(r["gate"] for r in outcome.rejections)
            raise DataError(f"no candidate of {outcome.job} passes (rejected: {reasons}): add candidates")
        by_family[outcome.family_id].append(outcome)
    for family_id, jobs in by_family.items():
        graphs = {graph_of(job.accepted) for job in jobs}
        if len(graphs) < len(jobs):
            raise DataError(f"family {family_id} holds a molecular graph twice")
    labelled = sorted(
        (o.accepted for jobs in by_family.values() for o in jobs), key=lambda m: m.fragment_id
    )
    if len({m.fragment_id for m in labelled}) < len(labelled):
        raise DataError("two fragments share an id: choose another seed")

    write_configurations(out / "configurations.parquet", [c for m in labelled for c in m.configurations])
    write_rows(out / "fragments.parquet", [fragment_row(m) for m in labelled], FRAGMENTS)
    write_rows(
        out / "families.parquet",
        [_family_row(f, by_family[f.family_id]) for f in families],
        FAMILIES,
    )
    members = {name: [m for job in jobs for m in _members(job)] for name, jobs in by_family.items()}
    write_rows(out / "roles.parquet", role_rows(members), ROLES)
    draws = draw_rows(members, draws=recipe.draws, length=recipe.draw_length, seed=recipe.seed)
    write_rows(out / "draws.parquet", draws, DRAWS)
    return make_manifest(
        out,
        FILES,
        name=recipe.name,
        version=recipe.version,
        seed=recipe.seed,
        recipe=recipe.model_dump(mode="json"),
        counts={
            "families": len(families),
            "fragments": len(labelled),
            "configurations": sum(len(m.configurations) for m in labelled),
            "graphs": len({graph_of(m) for m in labelled}),
            **{f"{fold}_families": sum(f.fold == fold for f in families) for fold in _FOLDS},
        },
        changelog=recipe.changelog,
        atomic_numbers=np.unique(np.concatenate([m.fragment.atomic_numbers for m in labelled])).tolist(),
        tools=tools,
    )


def _members(outcome: Outcome) -> list[Member]:
    role = Role.HELDOUT if outcome.heldout else None
    found = outcome.accepted.configurations
    return [Member(c.config_id, c.fragment_id, role or stored_role(c.trajectory_id)) for c in found]


def isolated_atoms(atomic_numbers: Sequence[int]) -> dict[str, float]:
    """Energies in eV of isolated neutral atoms in their ground-state spin, at the level of theory."""
    out = {}
    for number in sorted({int(z) for z in atomic_numbers}):
        unpaired = int(ground_state_magnetic_moments[number])
        label = Gfn2(np.array([number]), 0, unpaired).label(np.zeros((1, 3)))
        out[str(number)] = label.energy
    return out


def _family_row(family: Family, jobs: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "family_id": family.family_id,
        "fold": family.fold,
        "stratum": family.family_class,
        "title": family.title,
        "proteins": [p.name for p in family.proteins],
        "cluster30": [p.cluster30 for p in family.proteins],
        "pool_fragments": [o.accepted.fragment_id for o in jobs if not o.heldout],
        "heldout_fragments": [o.accepted.fragment_id for o in jobs if o.heldout],
    }


def make_manifest(
    folder: Path,
    files: Sequence[str],
    *,
    name: str,
    version: str,
    seed: int,
    recipe: dict[str, Any],
    counts: dict[str, Any],
    changelog: Sequence[str],
    atomic_numbers: Sequence[int],
    tools: Sequence[str] = (),
) -> dict[str, Any]:
    """Write ``manifest.json`` for a folder's files (relative names).

    Args:
        atomic_numbers: elements that occur.
        tools: packages beside the usual ones.

    Returns:
        The manifest.
    """
    hashes = {file: sha256(folder / file) for file in files}
    manifest = {
        "schema": 1,
        "name": name,
        "version": version,
        "level_of_theory": LEVEL_OF_THEORY,
        "license": "CC-BY-4.0",
        "seed": seed,
        "recipe": recipe,
        "tools": {tool: package_version(tool) for tool in (*_TOOLS, *tools)}
        | {"python": platform.python_version()},
        "isolated_atom_energies_eV": isolated_atoms(atomic_numbers),
        "counts": counts,
        "changelog": list(changelog),
        "files": hashes,
        "data_hash": data_hash(hashes),
    }
    write_text(folder / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return manifest


_FOLDS = ("train", "validation", "test")
