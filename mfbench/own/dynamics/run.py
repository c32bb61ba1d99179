"""Running dynamics: NVE or Langevin with ASE, written as it goes, resumed where it stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mfbench.errors import DataError, ProtocolError
from mfbench.own.dynamics.stability import Stability, first_change, judge
from mfbench.own.dynamics.trajectory import Recorded, Trajectory, write_frames
from mfbench.work.files import write_text
from mfbench.work.ownership import holds_nothing, owned

__all__ = ["DynamicsSettings", "simulate"]

ENSEMBLES = ("nve", "nvt")
_UNSURE = 100
"""Frames that ``unsure.xyz`` holds at most."""


@dataclass(frozen=True)
class DynamicsSettings:
    """How a trajectory is run.

    Attributes:
        ps: length in ps.
        temperature_K: of the thermostat, and of the initial velocities.
        ensemble: ``nve`` or ``nvt`` (Langevin).
        step_fs: time step.
        friction_per_fs: of the Langevin thermostat.
        record_fs: a frame is kept every so many fs.
        seed: of velocities and thermostat.
        threshold: uncertainty of forces (eV/Å) above which a frame counts as unsure; 0: not looked at.
        stop_when_broken: end at the first bond that breaks or forms.
        stop_when_unsure: end at the first kept frame above the threshold.
    """

    ps: float = 10.0
    temperature_K: float = 300.0
    ensemble: str = "nvt"
    step_fs: float = 0.5
    friction_per_fs: float = 0.002
    record_fs: float = 5.0
    seed: int = 0
    threshold: float = 0.0
    stop_when_broken: bool = True
    stop_when_unsure: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if self.ensemble not in ENSEMBLES:
            raise ProtocolError(f"unknown ensemble '{self.ensemble}': choose one of {', '.join(ENSEMBLES)}")
        for name in ("ps", "temperature_K", "step_fs", "record_fs"):
            if not getattr(self, name) > 0:
                raise ProtocolError(f"{name} must be above zero, not {getattr(self, name)}")
        if self.stop_when_unsure and not self.threshold > 0:
            raise ProtocolError("stopping where the model is unsure needs a threshold above zero, eV/Å")

    @property
    def steps_per_record(self) -> int:
        """Steps from one kept frame to the next."""
        return max(round(self.record_fs / self.step_fs), 1)

    @property
    def records(self) -> int:
        """Frames that a whole trajectory keeps, the first one included."""
        return 1 + round(1000 * self.ps / self.step_fs) // self.steps_per_record


def simulate(
    atoms: Any,
    settings: DynamicsSettings,
    folder: Path,
    *,
    resume: bool = False,
    tick: Callable[[float, str], None] = lambda ps, note: None,
) -> Stability:
    """Run one trajectory; its frames, ``trajectory.xyz`` and ``stability.json`` are left in ``folder``.

    With a threshold, ``unsure.xyz`` holds frames above it, to be labelled: at most a hundred, evenly
    spaced.

    Every kept frame holds positions, velocities and the state of the random numbers, so that a killed
    run goes on from the last one and ends as an uninterrupted run does.

    Args:
        atoms: ``ase.Atoms`` with a calculator; uncertainty of forces is read from
            ``calculator.results["forces_uncertainty"]`` where ``settings.threshold`` asks for it, or from
            ``calculator.late_uncertainty()``, which is called for kept frames alone.
            ``info`` says ``charge`` and ``n_unpaired``, 0 where it does not.
        settings: how long, how hot.
        folder: written to; owned by this run.
        resume: go on where an earlier call stopped.
        tick: called with the simulated time (ps) and a note after every kept frame.

    Raises:
        ProtocolError: the folder holds another trajectory, or something else; or there is a threshold, and
            the calculator gives no error bars.
        WorkError: another process runs in it.
        DataError: its frames do not fit the molecule.
    """
    with owned(Path(folder)):
        return _simulate(atoms, settings, Path(folder), resume, tick)


def _simulate(
    atoms: Any, settings: DynamicsSettings, folder: Path, resume: bool, tick: Callable[[float, str], None]
) -> Stability:
    request = {"numbers": atoms.numbers.tolist(), "settings": asdict(settings)}
    trajectory = _open(folder, request, resume)
    recorded = trajectory.read()
    rng = np.random.default_rng(settings.seed)
    if recorded is None:
        _start(atoms, settings, rng)
        trajectory.append(_record(atoms, settings, 0.0, rng))
    else:
        if recorded.positions.shape[1] != len(atoms):
            raise DataError(f"{folder} holds a trajectory of another molecule: choose another --out")
        atoms.set_positions(recorded.positions[-1])
        atoms.set_velocities(recorded.velocities[-1])
        rng.bit_generator.state = json.loads(recorded.random_states[-1])
    done = 1 if recorded is None else len(recorded.times_ps)
    integrator = _integrator(atoms, settings, rng)
    watch = _Watch(atoms.numbers, atoms.get_positions() if recorded is None else recorded.positions[0])

    def over(frame: Recorded, broken: str) -> bool:
        unsure = bool(settings.threshold) and frame.uncertainties[-1] > settings.threshold
        return bool(broken and settings.stop_when_broken) or (unsure and settings.stop_when_unsure)

    # A run that was killed after its last frame is over.
    ended = recorded is not None and done > 1 and over(recorded, watch.broken(recorded.positions[-1]))
    for k in range(done, done if ended else settings.records):
        integrator.run(settings.steps_per_record)
        time_ps = k * settings.steps_per_record * settings.step_fs / 1000
        frame = _record(atoms, settings, time_ps, rng)
        trajectory.append(frame)
        broken = watch.broken(frame.positions[0])
        tick(time_ps, broken)
        if over(frame, broken):
            break
    whole = trajectory.read()
    assert whole is not None  # its first frame was written above
    unsure_frames = whole.uncertainties > settings.threshold if settings.threshold else None
    found = judge(
        atoms.numbers,
        whole.times_ps,
        whole.positions,
        whole.energies_eV,
        whole.temperatures_K,
        conserved=settings.ensemble == "nve",
        unsure=unsure_frames,
    )
    state = atoms.info.get("charge", 0), atoms.info.get("n_unpaired", 0)
    write_frames(folder / "trajectory.xyz", atoms.numbers, whole.positions, *state)
    if unsure_frames is not None:
        rows = np.flatnonzero(unsure_frames)
        chosen = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _UNSURE)).astype(int))]
        write_frames(folder / "unsure.xyz", atoms.numbers, whole.positions[chosen], *state)
    write_text(folder / "stability.json", json.dumps(found.to_dict(), indent=1) + "\n")
    return found


class _Watch:
    """Tells whether a frame has lost or gained a bond since the first one."""

    def __init__(self, numbers: np.ndarray, first: np.ndarray):
        self._numbers, self._first = numbers, first

    def broken(self, positions: np.ndarray) -> str:
        """What happened, or nothing."""
        change = first_change(self._numbers, np.stack([self._first, positions]))
        return change[1] if change else ""


def _open(folder: Path, request: dict[str, Any], resume: bool) -> Trajectory:
    folder = Path(folder)
    asked = folder / "simulation.json"
    if asked.is_file():
        if json.loads(asked.read_text()) != request:
            raise ProtocolError(f"{folder} holds another simulation: choose another --out")
        if not resume:
            raise ProtocolError(f"{folder} holds this simulation already: add --resume, or another --out")
    elif folder.exists() and not holds_nothing(folder):
        raise ProtocolError(f"{folder} is not empty: choose another folder with --out")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        asked.write_text(json.dumps(request) + "\n")
    return Trajectory(folder / "frames", len(request["numbers"]))


def _start(atoms: Any, settings: DynamicsSettings, rng: np.random.Generator) -> None:
    from ase import units
    from ase.md.velocitydistribution import Stationary, ZeroRotation

    sigma = np.sqrt(units.kB * settings.temperature_K / atoms.get_masses())[:, None]
    atoms.set_velocities(sigma * rng.standard_normal((len(atoms), 3)))
    Stationary(atoms)
    if len(atoms) > 2:
        ZeroRotation(atoms)


def _integrator(atoms: Any, settings: DynamicsSettings, rng: np.random.Generator) -> Any:
    from ase import units

    step = settings.step_fs * units.fs
    if settings.ensemble == "nve":
        from ase.md.verlet import VelocityVerlet

        return VelocityVerlet(atoms, step)
    from ase.md.langevin import Langevin

    return Langevin(
        atoms,
        step,
        temperature_K=settings.temperature_K,
        friction=settings.friction_per_fs / units.fs,
        fixcm=False,
        rng=rng,
    )


def _record(atoms: Any, settings: DynamicsSettings, time_ps: float, rng: np.random.Generator) -> Recorded:
    energy = float(atoms.get_potential_energy()) + float(atoms.get_kinetic_energy())
    spread = None
    if settings.threshold:
        late = getattr(atoms.calc, "late_uncertainty", None)
        spread = atoms.calc.results.get("forces_uncertainty") if late is None else late()
    if settings.threshold and spread is None:
        raise ProtocolError("there is a threshold, but the model gives no error bars: adapt to more labels")
    return Recorded(
        times_ps=np.array([time_ps]),
        positions=atoms.get_positions()[None],
        velocities=atoms.get_velocities()[None],
        energies_eV=np.array([energy]),
        temperatures_K=np.array([float(atoms.get_temperature())]),
        uncertainties=np.array([0.0 if spread is None else float(np.max(spread))]),
        random_states=[json.dumps(rng.bit_generator.state)],
    )
