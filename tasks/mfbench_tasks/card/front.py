"""The card's YAML front matter: how the Hub and ``datasets`` find configurations and side tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from mfbench.data.manifest import OWN
from mfbench.errors import DataError
from mfbench_tasks.card.facts import Construction

__all__ = ["PRETTY_NAME", "front_matter", "licence_id"]

PRETTY_NAME = "mfbench: few-shot force fields of protein families"
_TAGS = [
    "chemistry",
    "biology",
    "molecules",
    "proteins",
    "force-field",
    "interatomic-potential",
    "few-shot",
    "meta-learning",
    "xtb",
]
_SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M")


def front_matter(
    constructions: Sequence[Construction], configurations: int, more: Sequence[dict[str, Any]] = ()
) -> str:
    """The block between the two ``---``.

    Args:
        configurations: stored in all.
        more: entries beside the constructions'.
    """
    default = next((c.name for c in constructions if c.name == "cath"), constructions[0].name)
    configs = []
    for c in constructions:
        split = [{"split": fold, "path": list(facts.shards)} for fold, facts in c.folds.items()]
        configs.append(_config(c.name, split, default=c.name == default))
    for c in constructions:
        for file in sorted(OWN):
            table = file.removesuffix(".parquet")
            configs.append(_config(f"{c.name}.{table}", [{"split": table, "path": [f"{c.name}/{file}"]}]))
    fragments = sorted({path for c in constructions for path in c.fragment_shards})
    configs.append(_config("fragments", [{"split": "fragments", "path": fragments}]))
    configs += more
    content = {
        "pretty_name": PRETTY_NAME,
        "license": licence_id(constructions).lower(),
        "tags": _TAGS,
        "size_categories": [_SIZES[max(min(len(str(configurations)) - 3, len(_SIZES) - 1), 0)]],
        "configs": configs,
    }
    return f"---\n{yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)}---\n"


def licence_id(constructions: Sequence[Construction]) -> str:
    """The one licence of all constructions, as SPDX writes it.

    Raises:
        DataError: they have several.
    """
    found = sorted({c.manifest.license for c in constructions})
    if len(found) > 1:
        raise DataError(f"constructions have different licences ({', '.join(found)}): publish them apart")
    return found[0]


def _config(name: str, files: list[dict[str, Any]], *, default: bool = False) -> dict[str, Any]:
    return {"config_name": name, **({"default": True} if default else {}), "data_files": files}
