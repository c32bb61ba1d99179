"""Writes the construction ``levels``: families, roles, draws and manifest over the pool and the labels."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from mfbench.data.label_table import Labels
from mfbench.data.levels import EnergyShift, LevelCard, read_level_labels
from mfbench.data.manifest import OWN, POOL, data_hash
from mfbench.data.parquet import read_table
from mfbench.data.split import Split, load_split
from mfbench.data.split_tables import DRAWS, FAMILIES, ROLES, write_rows
from mfbench.errors import DataError
from mfbench.work.files import write_text
from mfbench_tasks.build.assemble import make_manifest
from mfbench_tasks.build.roles import Member, draw, role_rows
from mfbench_tasks.levels.dft_tasks import read_queue
from mfbench_tasks.levels.energy_shifts import shift_by_atoms, shift_by_fit, shift_by_molecules
from mfbench_tasks.levels.plan import LevelTask, plan_dft, plan_semiempirical
from mfbench_tasks.levels.recipe import LevelsRecipe
from mfbench_tasks.levels.reference_molecules import ReferenceMolecules
from mfbench_tasks.sampling.role import Role

__all__ = ["LEVEL_FAMILIES", "build_levels", "write_shifts"]

LEVEL_FAMILIES = FAMILIES.append(pa.field("family", pa.string())).append(pa.field("level", pa.string()))
"""``family`` is the family of cath or chemistry, ``level`` the level of its labels."""


def build_levels(
    recipe: LevelsRecipe, queue: Path, data: Path, molecules: ReferenceMolecules
) -> dict[str, Any]:
    """Write ``data/<name>`` from what is labelled in ``data/labels``; returns the manifest.

    Args:
        recipe: of the construction.
        queue: of the DFT labels.
        data: holds cath, chemistry, pool and labels.
        molecules: say where the energies of levels lie that no train task has.

    Raises:
        DataError: a semiempirical level lacks labels that the recipe asks for.
    """
    cath, chemistry = load_split(data / "cath"), load_split(data / "chemistry")
    found = {
        p.parent.name: read_level_labels(p.parent) for p in sorted((data / "labels").glob("*/level.json"))
    }
    tasks = [_known(t, found, recipe) for t in plan_semiempirical(recipe, cath, chemistry)]
    if recipe.dft.level in found:
        tasks += plan_dft(recipe, cath, read_queue(queue), found[recipe.dft.level][1])
    folder = data / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    members = {t.task_id: _members(t) for t in tasks}
    write_rows(folder / "families.parquet", _family_rows(tasks, data), LEVEL_FAMILIES)
    write_rows(folder / "roles.parquet", role_rows(members), ROLES)
    write_rows(folder / "draws.parquet", _draw_rows(tasks, recipe), DRAWS)
    used = {level for t in tasks if (level := t.level) != recipe.reference}
    labels = {name: found[name] for name in sorted(used)}
    label_files = [
        f"../labels/{name}/{file}"
        for name, (card, _) in labels.items()
        for file in ("level.json", *card.files)
    ]
    configurations = [c for t in tasks for role in t.roles.values() for c in role]
    elements = sorted({int(z) for c in configurations for z in set(c.atomic_numbers.tolist())})
    manifest = make_manifest(
        folder,
        [*OWN, *_shards({c.config_id for c in configurations}, data, (cath, chemistry)), *label_files],
        name=recipe.name,
        version=recipe.version,
        seed=recipe.seed,
        recipe=recipe.model_dump(mode="json", exclude={"changelog"})
        | {"folds_disjoint_in": ["entries", "clusters"]},
        counts=_counts(tasks),
        changelog=recipe.changelog,
        atomic_numbers=elements,
    )
    atoms = manifest["isolated_atom_energies_eV"]
    return write_shifts(folder, manifest, _shifts(recipe, tasks, labels, atoms, molecules))


def write_shifts(
    folder: Path, manifest: dict[str, Any], shifts: Mapping[str, EnergyShift]
) -> dict[str, Any]:
    """Add energy shifts to a manifest and its data hash, and write it again; returns it."""
    record = {name: shift.model_dump(mode="json") for name, shift in shifts.items()}
    manifest |= {"energy_shifts": record, "data_hash": data_hash(manifest["files"], shifts)}
    write_text(folder / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return manifest


Found = Mapping[str, tuple[LevelCard, Labels]]
"""Level → its card and its labels."""


def _known(task: LevelTask, found: Found, recipe: LevelsRecipe) -> LevelTask:
    """The task without configurations whose label failed.

    Raises:
        DataError: one is neither labelled nor failed.
    """
    if task.level == recipe.reference:
        return task
    if task.level not in found:
        raise DataError(f"there are no labels at {task.level}: label its queue first")
    card, labels = found[task.level]
    wanted = {c.config_id for role in task.roles.values() for c in role}
    if missing := wanted - labels.keys() - card.failed.keys():
        raise DataError(f"{task.task_id}: {len(missing)} labels are missing, e.g. of {min(missing)}")
    roles = {role: tuple(c for c in cs if c.config_id in labels) for role, cs in task.roles.items()}
    return replace(task, roles=roles, draw_length=min(task.draw_length, len(roles["support"])))


def _members(task: LevelTask) -> list[Member]:
    return [Member(c.config_id, c.fragment_id, Role(role)) for role, cs in task.roles.items() for c in cs]


def _draw_rows(tasks: Sequence[LevelTask], recipe: LevelsRecipe) -> list[dict[str, Any]]:
    """A family draws alike at every level where its support is the same: contrasts are paired."""
    rows = []
    for t in tasks:
        support = [m for m in _members(t) if m.role == Role.SUPPORT]
        for number in range(recipe.draws):
            names = draw(
                support, length=t.draw_length, seed=recipe.seed, family_id=t.task.family_id, number=number
            )
            rows += [
                {"family_id": t.task_id, "draw": number, "rank": rank, "config_id": name}
                for rank, name in enumerate(names)
            ]
    return rows


def _family_rows(tasks: Sequence[LevelTask], data: Path) -> list[dict[str, Any]]:
    tables = {
        row["family_id"]: row
        for name in ("chemistry", "cath")
        for row in read_table(data / name / "families.parquet").to_pylist()
    }
    rows = []
    for t in sorted(tasks, key=lambda t: t.task_id):
        row = {name: tables[t.task.family_id].get(name) for name in FAMILIES.names}
        row |= {"family_id": t.task_id, "family": t.task.family_id, "level": t.level}
        row["pool_fragments"] = sorted({c.fragment_id for r in ("support", "query") for c in t.roles[r]})
        row["heldout_fragments"] = sorted({c.fragment_id for c in t.roles["heldout"]})
        rows.append(row)
    return rows


def _shards(wanted: set[str], data: Path, splits: Sequence[Split]) -> list[str]:
    """Shards of the pool that hold one of these configurations."""
    out = []
    for file in sorted({f for s in splits for f in s.manifest.files if f.startswith(POOL)}):
        if not file.endswith(".configurations.parquet"):
            continue
        names = read_table(data / "cath" / file).column("config_id").to_pylist()
        if not wanted.isdisjoint(names):
            out += [file, file.replace(".configurations.", ".fragments.")]
    return sorted(out)


def _shifts(
    recipe: LevelsRecipe,
    tasks: Sequence[LevelTask],
    labels: Found,
    reference: Mapping[str, float],
    molecules: ReferenceMolecules,
) -> dict[str, EnergyShift]:
    """Train levels by a fit on their train tasks, others by reference molecules.

    Raises:
        DataError: the molecules have no energies at a level.
    """
    atoms = {int(z): float(e) for z, e in reference.items()}
    seen: dict[str, list[Any]] = defaultdict(list)
    for t in tasks:
        if t.task.fold == "train":
            seen[t.level] += [c for role in t.roles.values() for c in role]
    starts = {n: shift_by_atoms(atoms, card.isolated_atom_energies_eV) for n, (card, _) in labels.items()}
    known = molecules.energies
    if lacking := sorted(({recipe.reference} | labels.keys() - seen.keys()) - known.keys()):
        raise DataError(f"the reference molecules have no energies at {', '.join(lacking)}: label them")
    pair = molecules.molecules, known[recipe.reference]
    return {
        n: shift_by_fit(seen[n], found, starts[n])
        if n in seen
        else shift_by_molecules(*pair, known[n], starts[n])
        for n, (_, found) in labels.items()
    }


def _counts(tasks: Sequence[LevelTask]) -> dict[str, int]:
    used = [c for t in tasks for role in t.roles.values() for c in role]
    folds = {fold: [t for t in tasks if t.task.fold == fold] for fold in ("train", "validation", "test")}
    graphs = {
        fold: {c.graph_id for t in found for role in t.roles.values() for c in role}
        for fold, found in folds.items()
    }
    return {
        "families": len(tasks),
        "configurations": len(used),
        "fragments": len({c.fragment_id for c in used}),
        "graphs": len({c.graph_id for c in used}),
        "test_graphs": len(graphs["test"]),
        "test_graphs_in_train": len(graphs["test"] & graphs["train"]),
        **{f"{fold}_families": len(found) for fold, found in folds.items()},
        **{f"{level}_tasks": n for level, n in sorted(Counter(t.level for t in tasks).items())},
    }
