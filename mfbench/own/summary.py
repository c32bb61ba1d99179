"""What an adaptation's report and metrics say, computed from its cross-validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration
from mfbench.data.molecular_graph import bonds
from mfbench.errors import TrainingError
from mfbench.own.adapt import Adaptation
from mfbench.own.cross_validate import HeldOut, calibrated
from mfbench.own.fit import fit_member
from mfbench.own.learning_curve import LearningCurve, fit_learning_curve
from mfbench.own.preflight import Finding
from mfbench.own.report.content import Parity, ReportContent, Tried, WorstConfiguration
from mfbench.own.starts import SCRATCH
from mfbench.own.uncertainty import COVERAGE

__all__ = ["learning_curves", "measured_coverage", "metrics_of", "report_content"]

_ROUGH = 3.0
"""kcal/mol/Å: force errors above this are too large for dynamics that is to be trusted."""
_WORST = 6


def metrics_of(done: Adaptation, configurations: Sequence[Configuration]) -> dict[str, float | int | None]:
    """The content of ``metrics.json``: errors on held-out blocks in kcal/mol and kcal/mol/Å."""
    held_out = done.tried[0] if done.tried else None
    return {
        "energy_rmse": held_out.energy_rmse(configurations) if held_out else None,
        "within_rmse": held_out.within_rmse(configurations) if held_out else None,
        "force_rmse": held_out.force_rmse(configurations) if held_out else None,
        "n_support": len(configurations),
        "n_test": len(configurations) if held_out else 0,
        "seconds": done.seconds,
    }


def measured_coverage(
    held_out: HeldOut, configurations: Sequence[Configuration], folds: Sequence[np.ndarray]
) -> dict[str, tuple[float, float]]:
    """Promised and measured share of errors within intervals, each fold calibrated on the others."""
    atoms = np.array([len(c) for c in configurations])
    errors, spreads = held_out.energy_errors(configurations), held_out.energy_spreads
    forces, widths = held_out.force_errors(configurations), [w.ravel() for w in held_out.force_spreads]
    inside: dict[str, list[np.ndarray]] = {"energies": [], "forces": []}
    for fold in folds:
        found = calibrated(held_out, configurations, np.setdiff1d(np.arange(len(configurations)), fold))
        inside["energies"].append(abs(errors[fold]) <= found.energy_half_width(spreads[fold], atoms[fold]))
        inside["forces"] += [abs(forces[i]) <= found.forces_half_width(widths[i]) for i in fold]
    return {what: (COVERAGE, float(np.mean(np.concatenate(hits)))) for what, hits in inside.items()}


def learning_curves(
    done: Adaptation, configurations: Sequence[Configuration], *, seed: int = 0
) -> dict[str, LearningCurve]:
    """Force error on the first held-out block against labels, of the chosen start and of ``scratch``."""
    if not done.tried:
        return {}
    chosen = done.tried[0]
    scratch = next((t for t in done.tried if t.start.name == SCRATCH), None)
    curves = {chosen.start.name: _curve(done, chosen, configurations, seed)}
    if scratch is not None and chosen.start.name != SCRATCH:
        curves["from scratch"] = _curve(done, scratch, configurations, seed)
    return {name: curve for name, curve in curves.items() if curve is not None}


def _curve(
    done: Adaptation, tried: HeldOut, configurations: Sequence[Configuration], seed: int
) -> LearningCurve | None:
    fold = done.folds[0]
    rest = np.random.default_rng([seed, 11]).permutation(np.setdiff1d(np.arange(len(configurations)), fold))
    asked = [configurations[i] for i in fold]
    labels, errors = [], []
    for share in (0.25, 0.5, 1.0):
        count = max(round(share * len(rest)), 2)
        learned = [configurations[i] for i in sorted(rest[:count])]
        try:
            member = fit_member(done.model.engine, tried.start, tried.recipe, learned, seed)
        except TrainingError:
            return None
        _, forces = member.predict(done.model.engine, asked)
        left = np.concatenate(
            [(f - np.asarray(c.forces)).ravel() for f, c in zip(forces, asked, strict=True)]
        )
        labels.append(count)
        errors.append(float(np.sqrt(np.mean(left**2))) * EV_TO_KCAL_MOL)
    return fit_learning_curve(labels, errors)


def report_content(
    title: str,
    done: Adaptation,
    configurations: Sequence[Configuration],
    findings: Sequence[Finding],
    curves: dict[str, LearningCurve],
) -> ReportContent:
    """Everything that the report of an adaptation with cross-validation shows."""
    chosen = done.tried[0]
    force, within = chosen.force_rmse(configurations), chosen.within_rmse(configurations)
    size = float(done.model.card["rms_force_of_labels"])
    curve = curves.get(chosen.start.name)
    return ReportContent(
        title=title,
        verdict=_verdict(force, within, size),
        facts={
            "start": chosen.start.name,
            "recipe": chosen.recipe.name,
            "labels": str(len(configurations)),
            "force error": f"{force:.2f} kcal/mol/Å",
            "energy error": f"{within:.2f} kcal/mol",
            "time": f"{done.seconds:.0f} s",
        },
        parity=_parity(done, chosen, configurations),
        curves=curves,
        tried=[
            Tried(
                t.start.name,
                t.recipe.name,
                t.within_rmse(configurations),
                t.force_rmse(configurations),
                t.seconds,
                t is chosen,
            )
            for t in done.tried
        ],
        findings=findings,
        coverage=measured_coverage(chosen, configurations, done.folds),
        worst=_worst(chosen, configurations),
        advice=_advice(force, curve, done.diverged),
    )


def _verdict(force: float, within: float, size: float) -> str:
    start = (
        f"On blocks of the file that were not learned from, forces are off by {force:.2f} kcal/mol/Å "
        f"({100 * force / size:.0f} % of their size) and energies of one molecule by {within:.2f} kcal/mol."
    )
    if force > _ROUGH:
        return f"{start} That is too rough for dynamics that is to be trusted: add labels."
    return f"{start} That is good enough to try dynamics near what was sampled."


def _advice(force: float, curve: LearningCurve | None, diverged: Sequence[str]) -> list[str]:
    lines = []
    if curve is not None and curve.doubling > 1.05:
        lines.append(
            f"Twice as many labels would bring the force error down by a factor of about "
            f"{curve.doubling:.2f}."
        )
    elif curve is not None:
        lines.append("More labels of the same kind would hardly help: sample other geometries instead.")
    if force <= _ROUGH:
        lines.append("Run mfbench simulate for 10 ps, and look at stability.json, before you rely on it.")
    lines.append("Error bars hold for geometries like those of the file, not for others.")
    lines += [f"Diverged and left out: {name}." for name in diverged]
    return lines


def _parity(done: Adaptation, chosen: HeldOut, configurations: Sequence[Configuration]) -> Parity:
    calibration = done.model.calibration
    atoms = np.array([len(c) for c in configurations])
    force_labels = np.concatenate([np.ravel(c.label[1]) for c in configurations])
    spreads = np.concatenate([w.ravel() for w in chosen.force_spreads])
    return Parity(
        energies=np.array([c.energy for c in configurations], float),
        predicted_energies=chosen.energies.mean(axis=0),
        energy_half_widths=np.zeros(len(configurations))
        if calibration is None
        else calibration.energy_half_width(chosen.energy_spreads, atoms),
        forces=force_labels,
        predicted_forces=force_labels + np.concatenate(chosen.force_errors(configurations)),
        force_half_widths=np.zeros(len(spreads))
        if calibration is None
        else calibration.forces_half_width(spreads),
    )


def _worst(chosen: HeldOut, configurations: Sequence[Configuration]) -> list[WorstConfiguration]:
    energies = chosen.energies.mean(axis=0)
    found = []
    for i, c in enumerate(configurations):
        errors = np.linalg.norm(
            np.mean([m[i] for m in chosen.forces], axis=0) - np.asarray(c.forces), axis=1
        )
        found.append(
            WorstConfiguration(
                name=f"frame {int(c.config_id) + 1}" if c.config_id.isdigit() else c.config_id,
                numbers=c.atomic_numbers,
                positions=c.positions,
                bonds=bonds(c.atomic_numbers, c.positions),
                atom_errors=errors * EV_TO_KCAL_MOL,
                energy_error=float(energies[i] - float(c.energy or 0.0)) * EV_TO_KCAL_MOL,
            )
        )
    return sorted(found, key=lambda w: -float(w.atom_errors.max()))[:_WORST]
