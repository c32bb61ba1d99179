"""Units and sign of energies and forces, each with its proof."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mfbench.data.configuration import Configuration
from mfbench.errors import DataError
from mfbench.own.frames import Frames
from mfbench.own.preflight.finding import Choices, Finding
from mfbench.own.preflight.scales import Scale, closest_unit, differences, scale_between
from mfbench.own.units import ENERGY_UNITS, FORCE_UNITS, unit_named

__all__ = ["Reference", "convert_labels"]

Reference = Callable[[Sequence[Configuration]], tuple[np.ndarray, list[np.ndarray]]]
"""Configurations → energies [n] in eV (any zero) and forces (n arrays [atoms, 3]) in eV/Å."""
_LOOKED_AT = 24
"""Frames that the reference is asked about, spread over the file."""


def convert_labels(
    frames: Frames, geometries: Sequence[Configuration], reference: Reference | None, choices: Choices
) -> tuple[list[tuple[float, np.ndarray]], list[Finding]]:
    """Energy (eV) and forces [n, 3] (eV/Å) of every frame, and how their units are known.

    Args:
        frames: all with energy and forces.
        geometries: the same frames in Å, with charge and spin.
        reference: what they are compared with; None: units must be declared or given.
        choices: what the user says.

    Raises:
        DataError: a unit cannot be proved and was not given, or contradicts what the file declares.
    """
    rows = np.unique(np.linspace(0, len(frames) - 1, _LOOKED_AT).round().astype(int))
    energies, forces = _scales(frames, [geometries[i] for i in rows], rows, reference)
    sign, sign_line = _sign(frames, forces, choices)
    energy_unit, energy_line = _unit(
        "energy", ENERGY_UNITS, energies, frames.units.get("energy"), choices.energy_unit
    )
    candidates = {u: f for u, f in FORCE_UNITS.items() if u.startswith(f"{energy_unit}/")}
    if forces is not None and not closest_unit(forces, candidates):
        candidates = FORCE_UNITS  # energies and forces may well have different units
    force_unit, force_line = _unit(
        "forces", candidates, forces, frames.units.get("forces"), choices.forces_unit, FORCE_UNITS
    )
    factors = ENERGY_UNITS[energy_unit], sign * FORCE_UNITS[force_unit]
    labels = []
    for frame in frames.frames:
        assert frame.energy is not None  # the caller keeps labelled frames only
        assert frame.forces is not None
        labels.append((factors[0] * frame.energy, factors[1] * frame.forces))
    return labels, [energy_line, force_line, sign_line]


def _scales(
    frames: Frames, geometries: Sequence[Configuration], rows: np.ndarray, reference: Reference | None
) -> tuple[Scale | None, Scale | None]:
    if reference is None:
        return None, None
    modelled, pulls = reference(geometries)
    chosen = [frames.frames[i] for i in rows]
    groups = [c.graph_id for c in geometries]
    energy = scale_between(
        differences([float(f.energy or 0.0) for f in chosen], groups),
        differences(modelled.tolist(), groups),
    )
    force = scale_between(
        np.concatenate([np.ravel(f.forces) for f in chosen if f.forces is not None]),
        np.concatenate([p.ravel() for p in pulls]),
    )
    return energy, force


def _sign(frames: Frames, forces: Scale | None, choices: Choices) -> tuple[float, Finding]:
    named = "gradients" if frames.gradients else "forces"
    proof = f"the key is '{frames.keys.get('forces', '')}'"
    if choices.sign is not None:
        if choices.sign not in ("forces", "gradients"):
            raise DataError(f"--sign is forces or gradients, not '{choices.sign}'")
        return _factor(choices.sign), Finding("sign", choices.sign, "as you say", "--sign")
    if forces is not None and abs(forces.correlation) >= 0.5:
        found = "forces" if forces.correlation > 0 else "gradients"
        return _factor(found), Finding(
            "sign", found, f"correlation with the reference {forces.correlation:.2f}; {proof}", "--sign"
        )
    if forces is not None:
        raise DataError(
            f"the sign of the forces cannot be proved (correlation with the reference "
            f"{forces.correlation:.2f}): give --sign forces or --sign gradients"
        )
    return _factor(named), Finding("sign", named, proof, "--sign")


def _factor(sign: str) -> float:
    return 1.0 if sign == "forces" else -1.0


def _unit(
    what: str,
    units: dict[str, float],
    scale: Scale | None,
    declared: str | None,
    asked: str | None,
    known: dict[str, float] | None = None,
) -> tuple[str, Finding]:
    option = f"--{what}-unit"
    known = known or units
    if asked is not None:
        unit = unit_named(asked, known)
        return unit, Finding(what, unit, "as you say", option)
    fitting = closest_unit(scale, units) if scale is not None else []
    proof = (
        f"size {scale.ratio:.4g} per {'eV' if what == 'energy' else 'eV/Å'} of the reference, "
        f"correlation {scale.correlation:.2f}"
        if scale is not None
        else "no reference at hand"
    )
    if declared is not None:
        unit = unit_named(declared, known)
        if fitting and unit not in closest_unit(scale, known) if scale is not None else False:
            raise DataError(
                f"the file declares {what} in {unit}, but they have the size of {fitting[0]} ({proof}): "
                f"give {option}"
            )
        return unit, Finding(what, unit, f"declared; {proof}", option)
    if not fitting:
        raise DataError(f"the unit of the {what} cannot be proved ({proof}): give {option}")
    if len(fitting) > 1:
        raise DataError(f"the {what} may be in {' or '.join(fitting)} ({proof}): choose with {option}")
    return fitting[0], Finding(what, fitting[0], proof, option)
