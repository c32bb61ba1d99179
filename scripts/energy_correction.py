"""Which terms the closed-form energy correction needs: priors compared on validation families.

    python scripts/energy_correction.py --json results/energy-correction.json

No network is trained. What a model leaves of the energies of every validation configuration is computed
once; then each prior corrects it from K configurations, over the published draws. Models: the labels of the
reference level (an ideal network of that level), and the networks that ship. Root mean square errors of
total energies in kcal/mol, means over families and draws: of all query configurations, and of those on
molecules that the support shows and does not show.

With K = 0 nothing is corrected, and what counts is where a new level's energies are put. ``zeros`` compares
rules on every level with train or validation tasks, as if it were new: root mean square of labels less
those of the reference level over its tasks, kcal/mol.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration
from mfbench.data.levels import read_level_labels
from mfbench.data.molecular_graph import bonds
from mfbench.data.split import Split, Task, load_split
from mfbench.errors import DataError
from mfbench.learned.adaptation.initial_model import baseline_of, initialisation
from mfbench.protocol.correction_prior import BETWEEN_LEVELS, ONE_LEVEL, CorrectionPrior
from mfbench.protocol.energy_baseline import correction_between, correction_kernel
from mfbench.protocol.method import MethodContext
from mfbench_tasks.levels.energy_shifts import shift_by_atoms, shift_by_fit, shift_by_molecules
from mfbench_tasks.levels.reference_molecules import ReferenceMolecules, read_reference_molecules

KS = (0, 5, 10, 20, 50)
PRIORS = {
    "elements, graphs": ONE_LEVEL,
    **{
        f"… bonds {b:g}, charge {q:g}": CorrectionPrior(bond=b, charge=q)
        for b in (0.0, 0.3, 1.0, 3.0, 10.0)
        for q in (0.0, 3.0, 10.0)
        if b or q
    },
    "… bonds 3, charge 3, elements 1": CorrectionPrior(element=1.0, bond=3.0, charge=3.0),
}
"""Spreads in units of the noise; an element's is 0.1 and a graph's 3 where nothing else is said."""

Features = Callable[[Configuration], Mapping[Any, int]]
Residuals = list[tuple[Task, dict[str, float]]]
"""Families with what a model leaves of each configuration's energy, kcal/mol."""


def _atoms_by_bonds(c: Configuration) -> Mapping[Any, int]:
    ends = np.bincount(bonds(c.atomic_numbers, c.positions).ravel(), minlength=len(c))
    return Counter(zip(c.atomic_numbers.tolist(), ends.tolist(), strict=True))


def _environments(c: Configuration) -> Mapping[Any, int]:
    around: list[list[int]] = [[] for _ in range(len(c))]
    for i, j in bonds(c.atomic_numbers, c.positions):
        around[i].append(int(c.atomic_numbers[j]))
        around[j].append(int(c.atomic_numbers[i]))
    return Counter((int(z), *sorted(near)) for z, near in zip(c.atomic_numbers, around, strict=True))


RIVALS: dict[str, tuple[Features, float]] = {
    f"… {name} {spread:g}": (features, spread)
    for name, features in (("atoms by bonds", _atoms_by_bonds), ("environments", _environments))
    for spread in (1.0, 3.0)
}
"""Terms that were tried in place of bonds: counted features, with their spread."""


def _rival_kernel(features: Features, spread: float, some: Sequence[Configuration]) -> np.ndarray:
    found = [features(c) for c in some]
    columns = {key: i for i, key in enumerate(dict.fromkeys(key for f in found for key in f))}
    table = np.zeros((len(some), len(columns)))
    for row, counts in zip(table, found, strict=True):
        row[[columns[key] for key in counts]] = list(counts.values())
    return correction_kernel(some, some) + spread**2 * table @ table.T


def left_by_reference(split: Split, constructions: Sequence[str] = ("cath", "chemistry")) -> Residuals:
    """Labels of the validation tasks less those of the reference level."""
    known = {
        c.config_id: c.label[0]
        for name in constructions
        for t in load_split(name, verify=False).tasks
        for c in t.everything
    }
    return [
        (t, {c.config_id: EV_TO_KCAL_MOL * (c.label[0] - known[c.config_id]) for c in t.everything})
        for t in split.validation
    ]


def left_by_network(split: Split, start: str) -> Residuals:
    """Labels less what the shipped network of another split says; without families that it cannot do."""
    from mfbench_jax.engine import ENGINE

    trained = load_split(start)
    checkpoint = initialisation("pretrain", MethodContext(trained))
    baseline = baseline_of(checkpoint, trained)
    out: Residuals = []
    for t in split.validation:
        some = t.everything
        if not {int(z) for c in some for z in c.atomic_numbers} <= set(checkpoint.config.elements):
            continue
        engine = ENGINE.sized_for(some, checkpoint.config)
        modelled, _ = engine.predict(engine.arrays(checkpoint.params), checkpoint.config, some)
        left = np.array([c.label[0] for c in some]) - baseline.energies(some) - modelled
        out.append((t, {c.config_id: EV_TO_KCAL_MOL * x for c, x in zip(some, left, strict=True)}))
    return out


def errors(residuals: Residuals, kernel: Callable[[Sequence[Configuration]], np.ndarray]) -> dict[str, Any]:
    """K → mean errors of all, of shown and of unseen molecules."""
    found: dict[int, list[list[float]]] = {k: [] for k in KS}
    for task, left in residuals:
        query = (*task.query, *task.heldout)
        values = kernel((*task.support, *query))
        y = np.array([left[c.config_id] for c in task.support])
        wanted = np.array([left[c.config_id] for c in query])
        across = values[len(task.support) :, : len(task.support)]
        for k in KS:
            if k > task.draws.shape[1]:
                continue
            for draw in task.draws[: 1 if k == 0 else None]:
                chosen = draw[:k]
                shown = {task.support[i].graph_id for i in chosen}
                operator = correction_between(values[np.ix_(chosen, chosen)], across[:, chosen])
                error = wanted - operator @ y[chosen]
                if not np.isfinite(error).all():
                    raise DataError(f"{task.family_id}: an energy is not finite")
                seen = np.array([c.graph_id in shown for c in query])
                found[k].append([_rms(error), _rms(error[seen]), _rms(error[~seen])])
    names = ("all", "shown", "unseen")
    return {
        str(k): {
            name: round(float(column[~np.isnan(column)].mean()), 2)  # NaN: the query has no such molecule
            for name, column in zip(names, np.array(rows).T, strict=True)
            if not np.isnan(column).all()
        }
        for k, rows in found.items()
        if rows
    }


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else float("nan")


def zeros(split: Split, data: Path, molecules: ReferenceMolecules) -> dict[str, dict[str, float]]:
    """Level → rule → error at K = 0. The last rule sees the level's own tasks, and knows elements
    and charges."""
    atoms, levels = split.isolated_atom_energies, {}
    known = {
        c.config_id: c for n in ("cath", "chemistry") for t in load_split(n).tasks for c in t.everything
    }
    organic = {1, 6, 7, 8, 16}
    for name in sorted({t.level for t in (*split.train, *split.validation)} - {"gfn2"}):
        card, labels = read_level_labels(data / "labels" / name)
        start = shift_by_atoms(atoms, card.isolated_atom_energies_eV)
        asked = {c.config_id for t in split.tasks if t.level == name for c in t.everything}
        some = [known[n] for n in sorted(asked) if organic.issuperset(known[n].atomic_numbers.tolist())]
        pair = molecules.molecules, molecules.energies["gfn2"]
        found = shift_by_molecules(*pair, molecules.energies[name], start)
        rules = {
            "isolated atoms": start,
            "molecules, elements and charges alone": found.model_copy(update={"bonds": {}}),
            "molecules": found,
            "fit on its own tasks": shift_by_fit(some, labels, start),
        }
        levels[name] = {
            rule: round(
                _rms(np.array([c.label[0] - labels[c.config_id][0] - shift.of(c) for c in some]))
                * EV_TO_KCAL_MOL,
                1,
            )
            for rule, shift in rules.items()
        }
    return levels


def main() -> None:
    """Compare, write, and print the mean error at K = 10."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    levels = load_split("levels", verify=False)
    sources = {
        "levels, labels of gfn2": left_by_reference(levels),
        "levels, network of cath-mini": left_by_network(levels, "cath-mini"),
        "cath, network of cath-mini": left_by_network(load_split("cath", verify=False), "cath-mini"),
        "chemistry, network of chemistry-mini": left_by_network(
            load_split("chemistry", verify=False), "chemistry-mini"
        ),
    }
    table: dict[str, Any] = {}
    for name, residuals in sources.items():
        table[name] = {"families": len(residuals), "errors": {}}
        rows = table[name]["errors"]
        for label, prior in PRIORS.items():
            rows[label] = errors(residuals, lambda some, p=prior: correction_kernel(some, some, prior=p))  # type: ignore[misc]
        for label, (features, spread) in RIVALS.items():
            rows[label] = errors(
                residuals,
                lambda some, f=features, s=spread: _rival_kernel(f, s, some),  # type: ignore[misc]
            )
        print(name)
        for label, row in rows.items():
            print(f"  {label:34s} K = 10: {row['10']['all']:6.2f}, unseen {row['10']['unseen']:6.2f}")
    data = Path("tasks")
    molecules = read_reference_molecules(data / "recipes" / "reference-molecules.xyz")
    at_zero = zeros(levels, data / "data", molecules)
    for name, row in at_zero.items():
        print(name, row)
    chosen = {"one level": asdict(ONE_LEVEL), "between levels": asdict(BETWEEN_LEVELS)}
    record = {"data": levels.manifest.data_hash, "chosen": chosen, "sources": table, "zeros": at_zero}
    arguments.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
