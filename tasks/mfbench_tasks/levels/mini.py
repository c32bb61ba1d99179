"""Writes ``levels-mini``: few tasks of ``levels`` with their geometries and labels in one folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from mfbench.data.configuration import Configuration
from mfbench.data.label_table import write_labels
from mfbench.data.levels import read_level_labels, write_level
from mfbench.data.manifest import FILES, tables
from mfbench.data.parquet import read_configurations, read_table, sha256, write_configurations
from mfbench.data.split import Split, Task, load_split
from mfbench.data.split_tables import DRAWS, ROLES, write_rows
from mfbench.data.strict_yaml import read_yaml
from mfbench.errors import DataError
from mfbench_tasks.build.assemble import make_manifest
from mfbench_tasks.build.roles import Member, draw, role_rows
from mfbench_tasks.build.split_tables import FRAGMENTS
from mfbench_tasks.levels.build import LEVEL_FAMILIES, write_shifts
from mfbench_tasks.levels.plan import first_of_each_fragment
from mfbench_tasks.sampling.role import Role

__all__ = ["LevelsMiniRecipe", "build_levels_mini", "load_levels_mini_recipe"]


class MiniSize(BaseModel):
    """How many families, and how many configurations per fragment of each role."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    families: int
    support: int
    query: int
    heldout: int


class LevelsMiniRecipe(BaseModel):
    """``tasks/recipes/levels-mini.yaml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    seed: int
    draws: int
    mini_of: str
    train: MiniSize
    validation: MiniSize
    test: MiniSize
    dft: MiniSize
    draw_length: int
    changelog: list[str]


def load_levels_mini_recipe(path: Path) -> LevelsMiniRecipe:
    """Read a recipe.

    Raises:
        DataError: it is missing, or not such a recipe.
    """
    try:
        return LevelsMiniRecipe.model_validate(read_yaml(path))
    except ValidationError as error:
        raise DataError(f"{path} is no recipe of a mini ({' '.join(str(error).split()[:12])})") from None


def build_levels_mini(recipe: LevelsMiniRecipe, data: Path, out: Path) -> dict[str, Any]:
    """Write ``out/<name>`` from ``data/<mini_of>``; returns the manifest."""
    source = data / recipe.mini_of
    split = load_split(source)
    chosen = [(task, _thinned(task, size, recipe.seed)) for task, size in _choose(split, recipe)]
    folder = out / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {c.config_id for _, roles in chosen for cs in roles.values() for c in cs}
    fragments = {c.fragment_id for _, roles in chosen for cs in roles.values() for c in cs}
    _write_own(recipe, chosen, source, folder)
    files = [source / f for f in tables(split.manifest, "fragments")]
    rows = {r["fragment_id"]: r for f in files for r in read_table(f).to_pylist()}
    write_rows(folder / "fragments.parquet", [rows[name] for name in sorted(fragments)], FRAGMENTS)
    stored = [c for f in tables(split.manifest, "configurations") for c in read_configurations(source / f)]
    kept = sorted((c for c in stored if c.config_id in wanted), key=lambda c: c.config_id)
    write_configurations(folder / "configurations.parquet", kept)
    levels = sorted({t.level for t, _ in chosen} & set(split.manifest.energy_shifts))
    labels = [f for level in levels for f in _write_labels(data, folder, level, _at(chosen, level))]
    elements = sorted({int(z) for c in kept for z in set(c.atomic_numbers.tolist())})
    manifest = make_manifest(
        folder,
        [*FILES, *labels],
        name=recipe.name,
        version=recipe.version,
        seed=recipe.seed,
        recipe=recipe.model_dump(mode="json", exclude={"changelog"})
        | {"folds_disjoint_in": ["entries", "clusters"]},
        counts=_counts(chosen),
        changelog=recipe.changelog,
        atomic_numbers=elements,
    )
    return write_shifts(folder, manifest, {n: split.manifest.energy_shifts[n] for n in levels})


Chosen = Sequence[tuple[Task, dict[str, tuple[Configuration, ...]]]]
"""Tasks with what is left of their roles."""


def _choose(split: Split, recipe: LevelsMiniRecipe) -> list[tuple[Task, MiniSize]]:
    """The first families of each fold, subsets in turn; those of the DFT tasks first in test."""
    dft = [t for t in split.test if split.manifest.recipe["dft"]["level"] == t.level]
    cheap = [t for t in split.test if t not in dft]
    first = [t.family for t in sorted(dft, key=lambda t: -len(t.support))]
    out = []
    for tasks, size in (
        (split.train, recipe.train),
        (split.validation, recipe.validation),
        (cheap, recipe.test),
        (dft, recipe.dft),
    ):
        families = _in_turn({t.family: t.stratum for t in tasks}, first)[: size.families]
        out += [(t, size) for t in tasks if t.family in families]
    return out


def _in_turn(subsets: dict[str, str], first: Sequence[str]) -> list[str]:
    by_stratum: dict[str, list[str]] = {}
    for family in sorted(subsets):
        by_stratum.setdefault(subsets[family], []).append(family)
    queues = [by_stratum[s] for s in sorted(by_stratum)]
    turns = [q[i] for i in range(max(map(len, queues), default=0)) for q in queues if i < len(q)]
    return [f for f in first if f in subsets] + [f for f in turns if f not in first]


def _thinned(task: Task, size: MiniSize, seed: int) -> dict[str, tuple[Configuration, ...]]:
    return {
        role: first_of_each_fragment(getattr(task, role), getattr(size, role), seed)
        for role in ("support", "query", "heldout")
    }


def _at(chosen: Chosen, level: str) -> set[str]:
    return {c.config_id for t, roles in chosen if t.level == level for cs in roles.values() for c in cs}


def _write_own(recipe: LevelsMiniRecipe, chosen: Chosen, source: Path, folder: Path) -> None:
    rows = {r["family_id"]: r for r in read_table(source / "families.parquet").to_pylist()}
    families, members, draws = [], {}, []
    for task, roles in chosen:
        pool = sorted({c.fragment_id for r in ("support", "query") for c in roles[r]})
        heldout = sorted({c.fragment_id for c in roles["heldout"]})
        families.append(rows[task.family_id] | {"pool_fragments": pool, "heldout_fragments": heldout})
        found = [Member(c.config_id, c.fragment_id, Role(r)) for r, cs in roles.items() for c in cs]
        members[task.family_id] = found
        support = [m for m in found if m.role == Role.SUPPORT]
        length = min(recipe.draw_length, len(support))
        for number in range(recipe.draws):
            names = draw(support, length=length, seed=recipe.seed, family_id=task.family, number=number)
            draws += [
                {"family_id": task.family_id, "draw": number, "rank": rank, "config_id": name}
                for rank, name in enumerate(names)
            ]
    write_rows(folder / "families.parquet", families, LEVEL_FAMILIES)
    write_rows(folder / "roles.parquet", role_rows(members), ROLES)
    write_rows(folder / "draws.parquet", draws, DRAWS)


def _write_labels(data: Path, folder: Path, level: str, wanted: Iterable[str]) -> list[str]:
    card, labels = read_level_labels(data / "labels" / level)
    place = folder / "labels" / level
    place.mkdir(parents=True, exist_ok=True)
    part = "part-0000.parquet"
    kept = {name: labels[name] for name in wanted}
    write_labels(place / part, kept)
    files = {part: sha256(place / part)}
    write_level(place, card.model_copy(update={"labels": len(kept), "failed": {}, "files": files}))
    return [f"labels/{level}/level.json", f"labels/{level}/{part}"]


def _counts(chosen: Chosen) -> dict[str, int]:
    used = [c for _, roles in chosen for cs in roles.values() for c in cs]
    folds = Counter(str(t.fold) for t, _ in chosen)
    return {
        "families": len(chosen),
        "configurations": len(used),
        "fragments": len({c.fragment_id for c in used}),
        "graphs": len({c.graph_id for c in used}),
        **{f"{fold}_families": folds[fold] for fold in ("train", "validation", "test")},
        **{f"{level}_tasks": n for level, n in sorted(Counter(t.level for t, _ in chosen).items())},
    }
