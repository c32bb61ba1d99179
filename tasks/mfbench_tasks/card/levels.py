"""The card's part about levels of theory: splits whose tasks have a level, their labels and distances."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath
from typing import Any

from mfbench.data.levels import LevelCard, read_level
from mfbench.data.manifest import OWN, Manifest, label_levels, read_manifest
from mfbench.data.parquet import read_table
from mfbench_tasks.card.markdown import paragraph, table

__all__ = ["LevelSplit", "level_configs", "level_section", "read_level_splits"]


_GEOMETRIES = ("configurations.parquet", "fragments.parquet")
"""Of a split that is complete in itself."""


@dataclass(frozen=True)
class LevelSplit:
    """A split whose tasks have levels: name, manifest, per level its card, and tasks by (fold, level)."""

    name: str
    manifest: Manifest
    cards: dict[str, LevelCard]
    tasks: dict[tuple[str, str], int]


def read_level_splits(folder: Path, names: Sequence[str]) -> list[LevelSplit]:
    """Those of the named splits whose tasks have levels.

    Raises:
        DataError: a file is missing or damaged.
    """
    out = []
    for name in names:
        manifest = read_manifest(folder / name)
        if not manifest.energy_shifts:
            continue
        rows = read_table(folder / name / "families.parquet").select(["fold", "level"]).to_pylist()
        places = sorted(label_levels(manifest).items())
        cards = {level: read_level(folder / name / place) for level, place in places}
        tasks = Counter((row["fold"], row["level"]) for row in rows)
        out.append(LevelSplit(name, manifest, cards, dict(tasks)))
    return out


def level_configs(splits: Sequence[LevelSplit]) -> list[dict[str, Any]]:
    """Entries of the front matter: labels with a split per level, and the side tables. Geometries are in
    the constructions of the same pool, by ``config_id``, or in tables of the split's own."""
    configs = []
    for s in splits:
        places = label_levels(s.manifest)
        files = [
            {
                "split": level.replace("-", "_"),
                "path": [normpath(f"{s.name}/{places[level]}/{part}") for part in sorted(card.files)],
            }
            for level, card in s.cards.items()
        ]
        configs.append({"config_name": s.name, "data_files": files})
        for file in sorted({*OWN, *(name for name in _GEOMETRIES if name in s.manifest.files)}):
            name = file.removesuffix(".parquet")
            files = [{"split": name, "path": [f"{s.name}/{file}"]}]
            configs.append({"config_name": f"{s.name}.{name}", "data_files": files})
    return configs


def level_section(splits: Sequence[LevelSplit], reports: Path) -> list[str]:
    """Lines of the card; empty where no split has levels.

    Args:
        splits: those that have.
        reports: folder of ``level-distances.json``, ``dft-distances.json`` and ``dft-tight.json``, as far
            as they were measured.
    """
    lines: list[str] = []
    for s in splits:
        head = ("level", "labels", "refused", "CPU s", "train", "validation", "test", "citation")
        rows = [_row(s, level, card) for level, card in s.cards.items()]
        lines += [
            paragraph(_about(s)),
            "",
            *table(head, rows),
            "",
        ]
    parts = {"level-distances": _distances, "dft-distances": _from_dft, "dft-tight": _tight}
    for name, part in parts.items():
        if lines and (reports / f"{name}.json").is_file():
            lines += part(json.loads((reports / f"{name}.json").read_text()))
    return lines


def _about(s: LevelSplit) -> str:
    reference = ", ".join(sorted({level for _, level in s.tasks} - set(s.cards)))
    counts, own = s.manifest.counts, _GEOMETRIES[0] in s.manifest.files
    whose, where = ("its own", f"{s.name}/labels") if own else ("those of the pool", "labels")
    there = "beside the geometries" if own else whose
    graphs = ""
    if "test_graphs" in counts:
        graphs = f"""Of {counts["test_graphs"]} molecular graphs of test tasks
        {counts["test_graphs_in_train"]} are in train too, at other levels."""
    return f"""`{s.name}` {s.manifest.version} (data hash `{s.manifest.data_hash}`): a task is a family at a
        level of theory. Its configurations are {whose}; `{where}/<level>` holds energies and
        forces by `config_id`, on each level's own energy zero. Columns: labels, those that a gate refused,
        median CPU seconds of one, and tasks of each fold; {reference} labels are {there}. What puts a
        level's energies on their scale is in the manifest (`energy_shifts`): at levels that no train task
        has, 27 reference molecules say it. {graphs}"""


def _row(s: LevelSplit, level: str, card: LevelCard) -> tuple[Any, ...]:
    folds = [s.tasks.get((fold, level), 0) for fold in ("train", "validation", "test")]
    return (level, card.labels, len(card.failed), f"{card.seconds_per_label:.3g}", *folds, card.citation)


def _distances(found: dict[str, Any]) -> list[str]:
    names, pairs = list(found["levels"]), found["pairs"]

    def cell(a: str, b: str) -> str:
        pair = pairs.get(f"{a} {b}") or pairs.get(f"{b} {a}")
        if a == b:
            return f"({found['levels'][a]['force_rms']:.3g})"
        return f"{pair['force_rmse']:.3g} / {pair['force_correlation']:.3f}" if pair else "–"

    n = len(found["sample"])
    return [
        paragraph(
            f"""How far levels are apart, on {n} configurations of train fragments: force RMSE in kcal/mol/Å
            and correlation; in brackets the level's own force RMS. This table, and nothing that a network
            does, decided which level serves which fold."""
        ),
        "",
        *table(("", *names), [(a, *(cell(a, b) for b in names)) for a in names]),
    ]


def _from_dft(found: dict[str, Any]) -> list[str]:
    pairs = sorted(found["pairs"].items(), key=lambda item: item[1]["force_rmse"])
    head = ("level", "force RMSE", "force correlation", "energy RMSE within fragments")
    return [
        "",
        paragraph(
            f"""How far the cheap levels are from ωB97X-D/def2-SVP, on {len(found["sample"])} of
            {found["labelled"]} configurations of test fragments that were labelled there (kcal/mol/Å,
            kcal/mol):"""
        ),
        "",
        *table(
            head,
            [
                (
                    n,
                    f"{p['force_rmse']:.3g}",
                    f"{p['force_correlation']:.3f}",
                    f"{p['energy_rmse_within']:.3g}",
                )
                for n, p in pairs
            ],
        ),
    ]


def _tight(found: dict[str, Any]) -> list[str]:
    return [
        "",
        paragraph(
            f"""A random sample of {found["configurations"]} DFT labels beside tight settings (grid level
            {found["settings"]["grid_level"]}, no density fitting, SCF to
            {found["settings"]["energy_tolerance"]:g} Hartree): energies differ by
            {found["energy_offset"]:.3g} kcal/mol in the mean and {found["energy_rms_about_offset"]:.3g} rms
            about it (at most {found["energy_max_about_offset"]:.3g}), forces by {found["force_rms"]:.3g}
            rms (at most {found["force_max"]:.3g} kcal/mol/Å). Bounds: 0.1 kcal/mol and 0.5 kcal/mol/Å."""
        ),
    ]
