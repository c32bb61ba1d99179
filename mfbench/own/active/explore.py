"""Active learning without a pool: dynamics with the current model, labelled where it is unsure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mfbench.data.configuration import EV_TO_KCAL_MOL, Configuration, Prediction
from mfbench.errors import PredictionError, ProtocolError, TrainingError
from mfbench.learned.engine import Engine
from mfbench.own.active.loop import MEMBERS, ActiveResult, Labeller
from mfbench.own.calculator import calculator_of
from mfbench.own.committee import Committee
from mfbench.own.dynamics import DynamicsSettings, simulate
from mfbench.own.dynamics.trajectory import Trajectory
from mfbench.own.fit import RECIPES, fit_member, recipe_of
from mfbench.own.starts import Start
from mfbench.work.journal import Journal

__all__ = ["Expedition", "ExploreSettings", "run_explore"]


@dataclass(frozen=True)
class ExploreSettings:
    """How dynamics looks for what to label.

    Attributes:
        budget: labels in all, those of the given structures included.
        threshold: largest standard deviation of a force component that counts as sure, eV/Å: of the
            committee and of its last layer together. Members that were adapted to one label are equal; the
            last layer still says what that label leaves open.
        ps: length of a trajectory that is sure throughout.
        temperature_K: of the thermostat.
        seed: of everything that is drawn.
        steps: gradient steps of each adaptation.
    """

    budget: int
    threshold: float
    ps: float = 2.0
    temperature_K: float = 300.0
    seed: int = 0
    steps: int = RECIPES[1].steps

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.budget < 2:
            raise ProtocolError("active learning needs a budget of at least 2 labels")
        if not self.threshold > 0:
            raise ProtocolError("exploring needs --threshold, the spread of forces that is unsure, in eV/Å")
        self.dynamics(0)

    def dynamics(self, seed: int) -> DynamicsSettings:
        """Of one trajectory, which ends where the model is unsure or the molecule breaks."""
        return DynamicsSettings(
            ps=self.ps,
            temperature_K=self.temperature_K,
            seed=seed,
            record_fs=min(5.0, 1000 * self.ps),
            threshold=self.threshold,
            stop_when_unsure=True,
        )


@dataclass(frozen=True)
class Expedition:
    """One round: a trajectory from every structure, with one model.

    Attributes:
        labels: labelled configurations that the model was made from.
        whole: trajectories that ended where they should, sure throughout.
        stopped_ps: when each of the others stopped.
        force_rmse: error on the frames where they stopped, before those were learned from, kcal/mol/Å;
            None where none could be labelled.
    """

    labels: int
    whole: int
    stopped_ps: tuple[float, ...]
    force_rmse: float | None


def run_explore(
    structures: Sequence[Configuration],
    label: Labeller,
    start: Start,
    engine: Engine,
    settings: ExploreSettings,
    journal: Journal,
    *,
    tick: Callable[[str], None] = lambda text: None,
) -> ActiveResult:
    """Label the structures, then adapt, run and label where dynamics is unsure, until it is nowhere.

    A trajectory is stopped at the first kept frame whose forces are unsure, and that frame is labelled;
    one whose molecule breaks, or whose numbers are not finite, at the last frame before that (of what
    breaks at once, the frame that shows it: its start is labelled already). What was
    found and each label are entries of ``journal``, and a trajectory's frames lie beside them: a killed
    loop labels nothing twice.

    Args:
        structures: where trajectories start, without labels.
        label: what labels them.
        start: of every adaptation; it knows the elements.
        engine: of a backend, sized for the structures.
        settings: budget, threshold, dynamics.
        journal: open, of these structures, start and settings.
        tick: told what is being done.

    Raises:
        ProtocolError: none of the structures could be labelled.
        TrainingError: an adapted model is not finite within the first frames.
    """
    recipe = recipe_of(settings.steps)
    book = _Book(journal, label, tick)
    labelled = book.labelled("first", structures[: settings.budget])
    rounds: list[Expedition] = []
    while True:
        if not labelled:
            raise ProtocolError("not one structure could be labelled: look at the failures")
        tick(f"adapting to {len(labelled)} labels")
        members = tuple(
            fit_member(engine, start, recipe, labelled, settings.seed + k) for k in range(MEMBERS)
        )
        left = settings.budget - book.asked
        if left <= 0:
            return ActiveResult(tuple(labelled), members, tuple(rounds), book.failures, "budget")
        name = f"round-{len(rounds):04d}"
        found = book.known.get(name)
        if found is None:
            tick(f"exploring from {len(structures)} structures")
            committee = Committee.of(engine, members, labelled, "both")
            found = _expedition(structures, committee, engine, settings, name, journal.folder)
            book.add(name, found)
        stops = found["stops"][:left]
        frames = [
            replace(structures[s["structure"]], positions=np.array(s["positions"], float)) for s in stops
        ]
        new = book.labelled(name, frames)
        errors = [
            np.ravel(np.array(s["forces"]) - c.forces)
            for s, c in zip(stops, book.last, strict=True)
            if c is not None
        ]
        rmse = float(np.sqrt(np.mean(np.concatenate(errors) ** 2))) * EV_TO_KCAL_MOL if errors else None
        times = tuple(float(s["ps"]) for s in found["stops"])
        rounds.append(Expedition(len(labelled), len(structures) - len(times), times, rmse))
        if not stops:
            return ActiveResult(tuple(labelled), members, tuple(rounds), book.failures, "sure")
        labelled = [*labelled, *new]


class _Book:
    """Labels and rounds that are finished, in the journal and in memory."""

    def __init__(self, journal: Journal, label: Labeller, tick: Callable[[str], None]):
        self._journal, self._label, self._tick = journal, label, tick
        self.known: dict[str, Any] = journal.read(json.loads)
        self.failures: dict[int, str] = {}
        self.asked = 0
        self.last: list[Configuration | None] = []

    def add(self, key: str, entry: dict[str, Any]) -> None:
        self._journal.add(key, json.dumps(entry).encode())
        self.known[key] = entry

    def labelled(self, name: str, configurations: Sequence[Configuration]) -> list[Configuration]:
        """Those that have a label; what is not in the journal is labelled now. ``last`` keeps the gaps."""
        keys = [f"{name}-label-{i:03d}" for i in range(len(configurations))]
        wanted = [i for i, key in enumerate(keys) if key not in self.known]
        if wanted:
            self._tick(f"labelling {len(wanted)} configurations")
        asked = [
            replace(configurations[i], config_id=str(self.asked + i), trajectory_id=name) for i in wanted
        ]
        for i, (energy, forces, failure) in zip(wanted, self._label(asked), strict=True):
            pulls = None if forces is None else np.asarray(forces).tolist()
            self.add(keys[i], {"energy": energy, "forces": pulls, "failure": failure})
        self.last = []
        for i, (key, c) in enumerate(zip(keys, configurations, strict=True)):
            entry = self.known[key]
            number = self.asked + i
            if entry["forces"] is None:
                self.failures[number] = entry["failure"]
                self.last.append(None)
            else:
                named = replace(c, config_id=str(number), trajectory_id=name)
                self.last.append(named.with_label(entry["energy"], np.array(entry["forces"], float)))
        self.asked += len(configurations)
        return [c for c in self.last if c is not None]


def _expedition(
    structures: Sequence[Configuration],
    committee: Committee,
    engine: Engine,
    settings: ExploreSettings,
    name: str,
    folder: Path,
) -> dict[str, Any]:
    """Where trajectories stopped: number of the structure, time in ps, positions, modelled forces."""
    stops = []
    for number, structure in enumerate(structures):
        place = folder / "trajectories" / f"{name}-{number:03d}"
        seed = int(np.random.default_rng([settings.seed, int(name[-4:]), number, 29]).integers(2**31))
        stop = _run(structure, committee, engine, settings.dynamics(seed), place)
        if stop is not None:
            time_ps, positions = stop
            reached = replace(structure, positions=positions)
            forces = np.mean([f[0] for f in committee.predict(engine, [reached]).forces], axis=0)
            stops.append(
                {
                    "structure": number,
                    "ps": time_ps,
                    "positions": positions.tolist(),
                    "forces": forces.tolist(),
                }
            )
    return {"stops": stops}


def _run(
    structure: Configuration, committee: Committee, engine: Engine, settings: DynamicsSettings, place: Path
) -> tuple[float, np.ndarray] | None:
    """When a trajectory stopped, and at which positions [n, 3]; None where it was sure to its end."""
    from ase import Atoms

    state = structure.total_charge, structure.n_unpaired
    info = {"charge": state[0], "n_unpaired": state[1]}
    atoms = Atoms(structure.atomic_numbers, structure.positions, info=info)

    def predict(configurations: Sequence[Configuration]) -> list[Prediction]:
        said = Committee(committee.members).predict(engine, configurations)
        mean = np.mean([f[0] for f in said.forces], axis=0)
        return [Prediction(float(said.energies.mean()), mean)]

    def spread() -> np.ndarray:
        here = replace(structure, positions=atoms.get_positions())
        return committee.predict(engine, [here]).force_spreads[0]

    atoms.calc = calculator_of(predict, None, state[0], state[0], state[1])
    atoms.calc.late_uncertainty = spread  # of kept frames alone: it costs several times the forces
    broke = False
    try:
        broke = not simulate(atoms, settings, place, resume=True).stable
    except PredictionError:  # numbers that are not finite: the frames before them are there
        recorded = Trajectory(place / "frames", len(structure)).read()
        if recorded is None or len(recorded.times_ps) < 2:
            raise TrainingError(
                "the adapted model explodes at once: choose another --start, or more --steps"
            ) from None
    else:
        recorded = Trajectory(place / "frames", len(structure)).read()
        assert recorded is not None  # the first frame at least
        if not broke and recorded.uncertainties[-1] <= settings.threshold:
            return None
    last = len(recorded.times_ps) - 1
    if broke and last > 1:  # the frame before a bond broke tells more than one that no molecule has
        last -= 1
    return float(recorded.times_ps[last]), recorded.positions[last]
