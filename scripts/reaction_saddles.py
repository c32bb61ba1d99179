"""Are the tops of the scanned reaction paths near true saddles? Sella's saddle beside the scan's top.

    pip install sella
    python scripts/reaction_saddles.py tasks/recipes/reaction.yaml --journal tasks/data/reaction.journal \
        claisen.allyl-vinyl-ether methyl-transfer.sme3-ammonia

Takes the paths from a build's journal. For each system: the scan's barrier and the saddle's, both from the
lowest point before the top, and the saddle's imaginary frequencies (one makes it a saddle).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from ase import Atoms

from mfbench.data.configuration import EV_TO_KCAL_MOL
from mfbench.work.journal import Journal
from mfbench_tasks.build.run_jobs import finished_outcomes
from mfbench_tasks.labelling.tblite import Gfn2
from mfbench_tasks.reaction.build import request_of, systems_of
from mfbench_tasks.reaction.jobs import ScanJob, path_of
from mfbench_tasks.reaction.settings import load_reaction_recipe
from mfbench_tasks.sampling.dynamics import SurfaceCalculator
from mfbench_tasks.sampling.normal_modes import hessian

IMAGINARY = -0.05  # eV/Å² amu: softer modes are left over from rotations


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("systems", nargs="+", metavar="FAMILY.SYSTEM")
    options = parser.parse_args()
    recipe = load_reaction_recipe(options.recipe)
    done = finished_outcomes(Journal(options.journal, request_of(recipe), resume=True))
    systems = {s.fragment_id: s for family in recipe.families for s in systems_of(family)}
    print(f"{'system':44s} {'scan':>6s} {'saddle':>7s}  kcal/mol; force, eV/Å; imaginary modes")
    for name in options.systems:
        system = systems[name]
        path = path_of(system, done[ScanJob(system).name])
        engine = Gfn2(system.atomic_numbers, system.total_charge)
        x = saddle(engine, system.atomic_numbers, path.lower(path.positions)[path.top])
        label = engine.label(x)
        lowest = path.lower(path.energies)[: path.top + 1].min()
        print(
            f"{name:44s} {path.barrier * EV_TO_KCAL_MOL:6.1f} "
            f"{(label.energy - lowest) * EV_TO_KCAL_MOL:7.1f}  {np.abs(label.forces).max():.3f}  "
            f"{imaginary(engine, system.atomic_numbers, x)}",
            flush=True,
        )
    return 0


def saddle(engine: Gfn2, numbers: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The saddle [n, 3] (Å) that Sella finds from a start."""
    from sella import Sella

    atoms = Atoms(numbers, start)
    atoms.calc = SurfaceCalculator(engine)
    Sella(atoms, order=1, internal=False, logfile=None).run(fmax=0.01, steps=150)
    return atoms.positions.copy()


def imaginary(engine: Gfn2, numbers: np.ndarray, x: np.ndarray) -> int:
    """Number of modes with a clearly negative curvature."""
    masses = np.repeat(Atoms(numbers).get_masses(), 3)
    ahead = hessian(lambda y: engine.label(y).forces, x)
    behind = hessian(lambda y: -engine.label(2.0 * x - y).forces, x)
    matrix = (ahead + behind) / 2.0  # central differences: rotations come out free
    return int(np.sum(np.linalg.eigvalsh(matrix / np.sqrt(np.outer(masses, masses))) < IMAGINARY))


if __name__ == "__main__":
    sys.exit(main())
