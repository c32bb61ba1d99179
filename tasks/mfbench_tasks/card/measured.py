"""What was measured on the constructions and lies beside them: leakage, gains from own-family support.

Each file names the ``data_hashes`` of the constructions that it describes, and is shown with these alone;
``hashes`` are those of the folder, construction → data hash.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mfbench.errors import DataError
from mfbench_tasks.card.markdown import number, paragraph, table

__all__ = ["admission", "gains", "leakage"]


def leakage(folder: Path, hashes: Mapping[str, str]) -> list[str]:
    """Lines: a table of all ``leakage*.json`` (``mfbench data leakage``) of a folder or its splits.

    Raises:
        DataError: one is damaged, or was measured on other data.
    """
    rows = []
    for path, content in _files(folder, "leakage*.json", hashes):
        try:
            for fold, found in sorted(content["summary"].items()):
                levels = ", ".join(f"{level} {n}" for level, n in sorted(found["nearest_cath"].items()))
                rows.append(
                    (
                        content["split"],
                        content["against"],
                        fold,
                        found["families"],
                        f"{found['cluster30_in_train']:.0%}",
                        levels,
                        f"{found['query_graphs_in_train']:.0%}",
                        number(found["environment_median"]),
                        number(found["environment_median_ratio"]),
                    )
                )
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path} is not what 'mfbench data leakage' writes ({error})") from None
    head = ("split", "train of", "fold", "families", "share a 30 % cluster", "deepest CATH level shared",
            "molecules that train holds", "environments", "÷ train")  # fmt: skip
    return table(head, rows) if rows else []


def gains(folder: Path, hashes: Mapping[str, str]) -> list[str]:
    """Lines: the table of ``gains.json``, ``{"note": text, "rows": [{column: value}, …]}``.

    Raises:
        DataError: it is damaged, or was measured on other data.
    """
    lines: list[str] = []
    for path, content in _files(folder, "gains*.json", hashes):
        rows = content.get("rows")
        if not (isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows)):
            raise DataError(f"{path} needs a list of rows, each of them columns and values")
        head = list(dict.fromkeys(key for row in rows for key in row))
        lines += [str(content["note"]), ""] if "note" in content else []
        lines += [*table(head, [[_cell(row.get(key)) for key in head] for row in rows]), ""]
    return lines[:-1]


def admission(folder: Path, hashes: Mapping[str, str]) -> list[str]:
    """Lines: the table of ``admission.json`` (``scripts/admission.py``), and what it says.

    Raises:
        DataError: it is damaged, or was measured on other data.
    """
    lines: list[str] = []
    for path, content in _files(folder, "admission*.json", hashes):
        try:
            rows = [_admission_row(row) for row in content["rows"]]
        except (KeyError, TypeError, IndexError) as error:
            raise DataError(f"{path} is not what scripts/admission.py writes ({error})") from None
        head = ("construction", *_CONTRASTS, "molecule", "family", "level")
        lines += [*_ADMISSION, "", *table(head, rows)]
    return lines


_CONTRASTS = ("K = 0 ÷ K = 50", "wrong level ÷ own", "wrong family ÷ own")


def _admission_row(row: dict[str, Any]) -> tuple[str, ...]:
    shown = []
    for name in _CONTRASTS:
        value = row.get(name)
        shown.append("–" if value is None else f"{value[0]:.2f} [{value[1]:.2f}, {value[2]:.2f}]")
    for name in ("molecule", "family", "level"):
        found = row["variance"][name]
        shown.append("–" if found is None else f"{found[0]:.0%}, F = {found[1]:.3g}")
    return (f"`{row['construction']}`", *shown)


_ADMISSION = [
    paragraph(
        """A construction tests few-shot learning if labels of the task itself teach what other labels do
        not. Ratios of force errors of `pretrain` (95 % intervals over families): no labels ÷ 50 labels, and
        at K = 50 labels of another level of the same configurations, or of another family, ÷ own ones. Then
        what explains how wrong a network without labels is, fragment by fragment: the molecule, and of what
        it leaves the family and the level of theory; F near 1 is chance, – cannot be told (one level, or
        every fragment its own molecule)."""
    ),
    "",
    paragraph(
        """**In `levels` tasks need adapting**: the level decides, and only its own labels help.
        **`chemistry`** holds out chemistry, where own labels help a little. **`cath` and `cluster30` are no
        families of tasks**: after the molecule the family explains nothing, and another family's labels
        serve as well.
        They test how pre-training generalises to proteins that it has not seen, and what it saves beside
        training from scratch. `shuffled` is their null."""
    ),
]


def _files(folder: Path, pattern: str, hashes: Mapping[str, str]) -> list[tuple[Path, dict[str, Any]]]:
    out = []
    for path in sorted([*folder.glob(pattern), *folder.glob(f"*/{pattern}")]):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(f"{path} is not JSON ({error})") from None
        if not isinstance(content, dict):
            raise DataError(f"{path} is not a JSON object")
        _check_current(path, content, hashes)
        out.append((path, content))
    return out


def _check_current(path: Path, content: dict[str, Any], hashes: Mapping[str, str]) -> None:
    """Refuse what was measured on other data than those beside it, or does not say on which."""
    rows, measured = content.get("rows"), content.get("data_hashes", {})
    named = [row.get("construction") for row in rows or () if isinstance(row, dict)] + [
        content.get("split")
    ]
    for name in (n for n in named if isinstance(n, str)):
        if name not in measured:
            raise DataError(
                f"{path} does not say on which version of {name} it was measured: measure again"
            )
        if name not in hashes:
            raise DataError(f"{path} describes {name}, which is not in this folder: remove it, or add that")
    for name, found in measured.items():
        if hashes.get(name, found) != found:
            raise DataError(f"{path} was measured on another version of {name}: measure it again")


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_cell(item) for item in value)}]"
    return number(value) if isinstance(value, float) else "" if value is None else str(value)
