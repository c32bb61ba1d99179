"""All checks of a split, each run whether or not another one fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mfbench.audit.checks import geometry, labels, tables
from mfbench.audit.checks.check import Check, Subject, run_check
from mfbench.data.configuration import Configuration
from mfbench.data.side_tables import read_side_tables
from mfbench.data.split import Split, load_split
from mfbench.errors import DataError, MfbenchError

__all__ = ["CHECKS", "verify_split"]

CHECKS: dict[str, Callable[[Subject], str]] = {
    "counts": tables.counts,
    "roles": tables.roles,
    "folds": tables.folds,
    "draws": tables.draws,
    "lengths": geometry.lengths,
    "near-twins": geometry.near_twins,
    "independence": geometry.independence,
    "energies": labels.energies,
    "forces": labels.forces,
    "net force": labels.net_force,
}
"""In the order in which they are shown. ``hashes`` comes before them, ``labels`` after them."""

Relabel = Callable[..., Any]
"""(configurations, count[, level=]) → checked, energy and forces (largest differences), worst (id), ok."""


def verify_split(name: str | Path, *, relabel: Relabel | None = None, count: int = 0) -> list[Check]:
    """Check a split.

    Args:
        name: as for ``load_split``.
        relabel: labels ``count`` configurations again; the core itself has no labelling engine.

    Returns:
        One entry per check. Where the tables cannot be put together, ``tables`` says so in their place.

    Raises:
        UnknownNameError: no such split.
    """
    try:
        split, intact = load_split(name, verify=True), None
    except DataError as fault:
        intact = fault
        try:
            split = load_split(name, verify=False)
        except DataError as damage:
            found = [_hashes(None, fault)] if str(fault) != str(damage) else []
            return [*found, Check("tables", False, f"{damage} (the other checks need them)")]
    subject = Subject(split, read_side_tables(name, split))
    found = [_hashes(split, intact)]
    found += [run_check(check, partial(measure, subject)) for check, measure in CHECKS.items()]
    if relabel and count:
        for level, labelled in _by_level(split).items():
            name = f"labels at {level}" if level else "labels"
            found.append(run_check(name, partial(_labels, labelled, relabel, count, level)))
    return found


def _hashes(split: Split | None, fault: DataError | None) -> Check:
    if split is None or fault is not None:
        return Check("hashes", False, str(fault))
    manifest = split.manifest
    return Check("hashes", True, f"{len(manifest.files)} files, data hash {manifest.data_hash}")


def _by_level(split: Split) -> dict[str, list[Configuration]]:
    """Level → configurations with its labels on its own energy zero; "" where tasks have no levels."""
    found: dict[str, dict[str, Configuration]] = {}
    for task in split.tasks:
        shift = split.manifest.energy_shifts.get(task.level)
        for c in task.everything:
            raw = c if shift is None else c.with_label(c.label[0] - shift.of(c), c.label[1])
            found.setdefault(task.level, {})[c.config_id] = raw
    return {level: list(rows.values()) for level, rows in sorted(found.items())}


def _labels(labelled: Sequence[Configuration], relabel: Relabel, count: int, level: str) -> str:
    try:
        agreement = relabel(labelled, count, **({"level": level} if level else {}))
    except RuntimeError as error:  # what the labelling engine raises when it does not converge
        raise DataError(f"a configuration could not be labelled again: {error}") from None
    except DataError:
        raise
    except MfbenchError as error:  # a level that is not installed here
        return f"not labelled again: {error}"
    found = (
        f"{agreement.checked} labelled again: energies within {agreement.energy:.1e} eV, "
        f"forces within {agreement.forces:.1e} eV/Å"
    )
    if not agreement.ok:
        raise DataError(f"{agreement.worst} has another label here ({found})")
    return found
