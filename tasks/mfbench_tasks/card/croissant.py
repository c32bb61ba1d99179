"""Croissant metadata (JSON-LD, https://mlcommons.org/croissant): files with hashes, records with types."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from mfbench.data.manifest import OWN
from mfbench.data.parquet import sha256
from mfbench_tasks.card.facts import Construction
from mfbench_tasks.card.features import CONFIGURATIONS, SIDE_TABLES, Feature
from mfbench_tasks.card.front import PRETTY_NAME, licence_id

__all__ = ["croissant"]

_PARQUET = "application/x-parquet"
_WHOLE = {"atomic_numbers", "total_charge", "n_unpaired", "draw", "rank"}
_REAL = {"positions", "energy", "atomic_forces", "temperature_K", "relaxed_positions"}
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "excludes": "cr:excludes",
    "isArray": "cr:isArray",
    "arrayShape": "cr:arrayShape",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(folder: Path, constructions: Sequence[Construction]) -> str:
    """The JSON text: one file object per table; one record set per fold and per side table."""
    files: dict[str, dict[str, Any]] = {}
    sets: list[dict[str, Any]] = []
    records: list[dict[str, Any]] = []

    def add(name: str, paths: Sequence[str], features: Sequence[Feature], meaning: str) -> None:
        for path in paths:
            files.setdefault(path, _file(folder, path))
        columns = set(pq.read_schema(folder / paths[0]).names)
        sets.append(_file_set(name, paths))
        records.append(_record_set(name, [f for f in features if f.name in columns], meaning))

    for c in constructions:
        for fold, facts in c.folds.items():
            add(
                f"{c.name}/{fold}",
                facts.shards,
                CONFIGURATIONS,
                f"Configurations of {c.name}'s {fold} fold.",
            )
    for c in constructions:
        for file in sorted(OWN):
            table = file.removesuffix(".parquet")
            add(f"{c.name}/{table}", [f"{c.name}/{file}"], SIDE_TABLES[table], f"The {table} of {c.name}.")
    shards = sorted({path for c in constructions for path in c.fragment_shards})
    add("fragments", shards, SIDE_TABLES["fragments"], "The molecules of the pool.")

    versions = ", ".join(f"{c.name} {c.manifest.version} ({c.manifest.data_hash})" for c in constructions)
    levels = ", ".join(sorted({c.manifest.level_of_theory for c in constructions}))
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": "mfbench",
        "description": f"{PRETTY_NAME}. Fragments of proteins with energies and forces at {levels}; "
        "families, folds and published support sets for few-shot evaluation.",
        "license": f"https://spdx.org/licenses/{licence_id(constructions)}.html",
        "version": constructions[0].manifest.version.removesuffix("-partial"),
        "citeAs": f"@misc{{mfbench, title={{{PRETTY_NAME}}}, note={{{versions}}}}}",
        "isLiveDataset": False,
        "distribution": [*files.values(), *sets],
        "recordSet": records,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _file(folder: Path, path: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "contentSize": f"{(folder / path).stat().st_size} B",
        "encodingFormat": _PARQUET,
        "sha256": sha256(folder / path),
    }


def _file_set(name: str, paths: Sequence[str]) -> dict[str, Any]:
    """Tables that lie beside the metadata: readers join no file objects, so the set names them again."""
    return {
        "@type": "cr:FileSet",
        "@id": f"{name}/files",
        "name": f"{name}/files",
        "encodingFormat": _PARQUET,
        "includes": list(paths),
    }


def _record_set(name: str, features: Sequence[Feature], meaning: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": meaning,
        "field": [_field(name, feature) for feature in features],
    }


def _field(record_set: str, feature: Feature) -> dict[str, Any]:
    unit = f" ({feature.unit})" if feature.unit else ""
    kind = "sc:Integer" if feature.name in _WHOLE else "sc:Float" if feature.name in _REAL else "sc:Text"
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{record_set}/{feature.name}",
        "name": f"{record_set}/{feature.name}",
        "description": feature.meaning + unit,
        "dataType": kind,
        "source": {
            "fileSet": {"@id": f"{record_set}/files"},
            "extract": {"column": feature.name},
        },
    }
    if feature.shape:
        field |= {"isArray": True, "arrayShape": {"n, 3": "-1,3"}.get(feature.shape, "-1")}
    return field
