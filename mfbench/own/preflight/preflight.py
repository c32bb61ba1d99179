"""From a file's frames to labelled configurations in eV and Å, each step with its proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mfbench.data.alignment import aligned_rmsd
from mfbench.data.configuration import Configuration
from mfbench.data.elements import symbol
from mfbench.data.molecular_graph import graph_id
from mfbench.errors import DataError
from mfbench.own.frames import Frames
from mfbench.own.preflight.consistency import check_consistency
from mfbench.own.preflight.finding import NOTHING_SAID, Choices, Finding
from mfbench.own.preflight.labels import Reference, convert_labels
from mfbench.own.preflight.lengths import find_length_unit
from mfbench.own.units import ENERGY_UNITS, LENGTH_UNITS

__all__ = ["Preflight", "preflight"]

_SAME = 1e-3
"""Å: frames nearer than this after alignment are one frame."""
_SAME_ENERGY = 1e-3
"""eV: equal frames whose energies differ by more contradict each other."""
_STRAY = 20.0
"""A force so many times the median of the largest forces is worth a second look."""


@dataclass(frozen=True, eq=False)
class Preflight:
    """A file that passed.

    Attributes:
        configurations: labelled, in eV and Å; ``trajectory_id`` is the group that the file names.
        findings: what was found, in the order in which it was looked at.
        isolated_atoms: atomic number → eV, from frames of one atom.
    """

    configurations: tuple[Configuration, ...]
    findings: tuple[Finding, ...]
    isolated_atoms: Mapping[int, float] = field(default_factory=dict)


def preflight(
    frames: Frames,
    reference: Reference | None = None,
    choices: Choices = NOTHING_SAID,
    known_elements: Sequence[int] = (),
) -> Preflight:
    """Check and convert what was read; nothing ambiguous is guessed.

    Args:
        frames: of one file.
        reference: a model of the same molecules, to prove units and sign; see ``Reference``.
        choices: what the user says.
        known_elements: atomic numbers that the start was trained on; empty: not looked at.

    Raises:
        DataError: periodic cells, numbers that are not finite, charges that do not fit the electrons,
            labels whose unit or sign cannot be proved, equal frames or isolated atoms with different
            labels, no label.
    """
    lines = [Finding("keys", ", ".join(f"{k} from '{v}'" for k, v in frames.keys.items()) or "none")]
    frames, atoms = _apart(frames)
    lines += _ions(frames)
    _refuse_periodic(frames)
    frames, line = _labelled(frames)
    lines.append(line)
    _refuse_nonfinite(frames)
    unit, line = find_length_unit(frames.frames, frames.units.get("length"), choices.length_unit)
    lines.append(line)
    geometries, line = _geometries(frames, LENGTH_UNITS[unit], choices)
    lines.append(line)
    labels, found = convert_labels(frames, geometries, reference, choices)
    lines += found
    labelled = [c.with_label(e, f) for c, (e, f) in zip(geometries, labels, strict=True)]
    labelled, line = _distinct(labelled, choices.keep_duplicates)
    lines += [
        check_consistency(labelled, choices),
        line,
        _stray(labelled),
        *_elements(labelled, known_elements),
    ]
    isolated = _isolated(frames, atoms, ENERGY_UNITS[found[0].found])
    if isolated:
        said = ", ".join(f"{symbol(z)} {e:.3f}" for z, e in isolated.items())
        lines.append(Finding("isolated atoms", said, "eV, from frames of one atom; not learned from"))
    return Preflight(tuple(labelled), tuple(lines), isolated)


def _apart(frames: Frames) -> tuple[Frames, dict[int, list[float]]]:
    """Other frames, and energies of neutral isolated atoms (file's unit), which many files carry."""
    found: dict[int, list[float]] = {}
    others = []
    for f in frames.frames:
        if len(f) == 1 and f.energy is not None and not f.charge:
            found.setdefault(int(f.numbers[0]), []).append(float(f.energy))
        else:
            others.append(f)
    if not any(len(f) > 1 for f in others):
        return frames, {}
    return replace(frames, frames=tuple(others)), found


def _ions(frames: Frames) -> list[Finding]:
    """Frames of one atom that are none of the isolated atoms."""
    alone = [f for f in frames.frames if len(f) == 1]
    if not alone:
        return []
    said = ", ".join(
        symbol(int(f.numbers[0])) + (f" at charge {f.charge:+d}" if f.charge else "") for f in alone
    )
    return [Finding("single atoms", said, "charged or without energy: not taken as isolated atoms")]


def _isolated(frames: Frames, atoms: Mapping[int, Sequence[float]], unit: float) -> dict[int, float]:
    """Energies of isolated atoms in eV, one per element."""
    for z, energies in sorted(atoms.items()):
        apart = unit * (max(energies) - min(energies))
        if not apart <= _SAME_ENERGY:
            raise DataError(
                f"{frames.path} has frames of one {symbol(z)} atom with energies {apart:.3g} eV apart: "
                "leave one"
            )
    return {z: unit * energies[0] for z, energies in sorted(atoms.items())}


def _refuse_periodic(frames: Frames) -> None:
    for i, frame in enumerate(frames.frames):
        if frame.periodic:
            raise DataError(
                f"{frames.path}: frame {i + 1} has periodic boundaries, and the networks here see "
                "molecules without images: cut a cluster, or set pbc to F F F"
            )


def _labelled(frames: Frames) -> tuple[Frames, Finding]:
    whole = tuple(f for f in frames.frames if f.energy is not None and f.forces is not None)
    if not whole:
        missing = [what for what in ("energy", "forces") if what not in frames.keys] or ["labels"]
        raise DataError(
            f"{frames.path} has no frame with energy and forces (no {' and no '.join(missing)} found): "
            "name the keys with --energy-key and --forces-key, or label it with mfbench label"
        )
    total, count = len(frames), len(whole)
    said = f"{count} frames" if count == total else f"{count} of {total} frames; the others lack a label"
    return replace(frames, frames=whole), Finding("labels", said)


def _refuse_nonfinite(frames: Frames) -> None:
    for i, frame in enumerate(frames.frames):
        for what in ("positions", "energy", "forces"):
            if not np.all(np.isfinite(getattr(frame, what))):
                raise DataError(f"{frames.path}: {what} of labelled frame {i + 1} are not finite")


def _geometries(
    frames: Frames, to_angstrom: float, choices: Choices
) -> tuple[list[Configuration], Finding]:
    found = []
    for i, frame in enumerate(frames.frames):
        charge = choices.charge if choices.charge is not None else frame.charge or 0
        unpaired = choices.n_unpaired if choices.n_unpaired is not None else frame.n_unpaired or 0
        electrons = int(np.sum(frame.numbers)) - charge
        if unpaired > electrons or (electrons - unpaired) % 2:
            raise DataError(
                f"{frames.path}: labelled frame {i + 1} has {electrons} electrons at charge {charge:+d}, "
                f"which cannot leave {unpaired} unpaired: give --charge or --unpaired"
            )
        x = to_angstrom * frame.positions
        graph = graph_id(frame.numbers, x, charge, unpaired)
        found.append(
            Configuration(
                frame.numbers,
                x,
                charge,
                unpaired,
                trajectory_id=frame.group,
                graph_id=graph,
                config_id=str(i),
            )
        )
    charges = sorted({c.total_charge for c in found})
    said = ", ".join(f"{q:+d}" if q else "0" for q in charges)
    key = frames.keys.get("charge")
    known = choices.charge is not None or key is not None
    proof = (
        ("as you say" if choices.charge is not None else f"key '{key}'")
        if known
        else ("no key says it; the number of electrons is even")
    )
    return found, Finding("charge", said, proof, "--charge")


def _distinct(labelled: list[Configuration], keep: bool) -> tuple[list[Configuration], Finding]:
    """Equal frames leave one; equal frames whose labels differ are an error."""
    kept: list[Configuration] = []
    by_atoms: dict[bytes, list[Configuration]] = {}
    for c in labelled:
        seen = by_atoms.setdefault(c.atomic_numbers.tobytes(), [])
        twin = _twin(c, seen)
        if twin is not None and not keep:
            apart = abs(float(c.energy or 0.0) - float(twin.energy or 0.0))
            if apart > _SAME_ENERGY:
                raise DataError(
                    f"frames {int(twin.config_id) + 1} and {int(c.config_id) + 1} are the same geometry "
                    f"with energies {apart:.3g} eV apart: remove one"
                )
            continue
        seen.append(c)
        kept.append(c)
    dropped = len(labelled) - len(kept)
    said = "none" if not dropped else f"{dropped} equal frames dropped"
    return kept, Finding("duplicates", said, f"nearer than {_SAME} Å after alignment", "--keep-duplicates")


def _twin(c: Configuration, seen: Sequence[Configuration]) -> Configuration | None:
    if not seen:
        return None
    distances = aligned_rmsd(c.positions, np.array([s.positions for s in seen]))
    nearest = int(distances.argmin())
    return seen[nearest] if distances[nearest] < _SAME else None


def _stray(labelled: Sequence[Configuration]) -> Finding:
    largest = np.array([np.linalg.norm(c.label[1], axis=1).max() for c in labelled])
    middle = float(np.median(largest))
    far: list[int] = np.flatnonzero(largest > _STRAY * max(middle, 0.05)).tolist()
    stray = [int(labelled[i].config_id) + 1 for i in far]
    said = "none" if not stray else f"frames {', '.join(map(str, stray[:8]))}"
    return Finding("outliers", said, f"largest force {largest.max():.3g} eV/Å, median {middle:.3g}")


def _elements(labelled: Sequence[Configuration], known: Sequence[int]) -> list[Finding]:
    if not known:
        return []
    new = sorted({int(z) for c in labelled for z in c.atomic_numbers} - {int(z) for z in known})
    said = "all known to the start" if not new else f"unseen by the start: {', '.join(map(symbol, new))}"
    return [Finding("elements", said)]
