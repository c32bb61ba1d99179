"""A small synthetic split of molecules with an analytic pair potential, and submissions on it."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mfbench
from mfbench.data.configuration import Configuration
from mfbench.data.manifest import FILES, data_hash
from mfbench.data.molecular_graph import graph_id
from mfbench.data.parquet import POSITION_GRID, round_to_grid, sha256, write_configurations
from mfbench.protocol.run_folder import PREDICTION_SCHEMA
from mfbench.store import open_store
from mfbench.submission.card import Card, DeclaredRun, write_card
from mfbench.submission.reference_episodes import reference_episodes

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job is deaf to Ctrl-C, and so would be every process that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

_LACKING = ("could not import", "is not installed")


def pytest_addoption(parser):
    parser.addoption(
        "--all-extras", action="store_true", help="a test that skips for want of a package or program fails"
    )


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _not_hidden(collector.config, (yield))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    return _not_hidden(item.config, (yield))


def _not_hidden(config, report):
    """With --all-extras what lacks a package fails: a broken extra cannot look like a green run."""
    why = str(report.longrepr)
    if config.getoption("--all-extras") and report.skipped and any(words in why for words in _LACKING):
        report.outcome, report.longrepr = "failed", why
    return report


@pytest.fixture(scope="module")
def short_compilations():
    """Programs of a module are compiled without being optimised: half the time, where each runs seldom."""
    try:
        import jax
    except ImportError:  # only its tests without JAX run
        yield
        return
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


ISOLATED = {1: -10.5, 6: -48.8, 7: -70.9, 8: -102.5}
FOLDS = {"train": 3, "validation": 2, "test": 3}


def pair_potential(numbers: np.ndarray, positions: np.ndarray) -> tuple[float, np.ndarray]:
    """Energy (eV) and forces (eV/Å): one constant per element and Σ z_i z_j exp(-r) / 20 over pairs."""
    vectors = positions[:, None] - positions[None]
    distances = np.linalg.norm(vectors, axis=-1) + np.eye(len(numbers))
    strength = numbers[:, None] * numbers[None] * np.exp(-distances) / 20 * (1 - np.eye(len(numbers)))
    energy = sum(ISOLATED[int(z)] for z in numbers) + strength.sum() / 2
    return float(energy), (strength[..., None] * vectors / distances[..., None]).sum(axis=1)


def chain(heavy: str) -> tuple[np.ndarray, np.ndarray]:
    """A zigzag of heavy atoms ("CNO"), a hydrogen on each, alternating above and below."""
    x = np.arange(len(heavy))
    backbone = np.column_stack([1.25 * x, 0.75 * (x % 2), 0 * x])
    hydrogens = backbone + np.column_stack([0 * x, 0 * x, 0.98 * (-1.0) ** x])
    numbers = [{"C": 6, "N": 7, "O": 8}[c] for c in heavy] + [1] * len(heavy)
    return np.array(numbers, dtype=np.int32), np.concatenate([backbone, hydrogens])


def _configurations(fragment: str, heavy: str, trajectory: str, n: int, rng) -> list[Configuration]:
    numbers, start = chain(heavy)
    found = []
    for i in range(n):
        positions = round_to_grid(start + rng.normal(scale=0.025, size=start.shape), POSITION_GRID)
        energy, forces = pair_potential(numbers, positions)
        found.append(
            Configuration(
                numbers,
                positions,
                energy=energy,
                forces=forces,
                temperature_K=300.0,
                sampler="md",
                config_id=f"{trajectory}-{i}",
                fragment_id=fragment,
                trajectory_id=trajectory,
            )
        )
    return found


def write_split(
    folder: Path,
    *,
    name: str = "synthetic",
    folds: dict[str, int] | None = None,
    n_support: int = 12,
    n_query: int = 4,
    max_k: int = 10,
    n_draws: int = 3,
    seed: int = 0,
) -> Path:
    """Write a valid split folder; every family has two pool fragments and one held-out fragment.

    ``n_support`` configurations per family, ``n_query`` a fragment. Chains are random words over C, N, O;
    the first pool fragment of every family is "CCC", so that not all test graphs are novel.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    configurations, fragments, families, roles, draws = [], [], [], [], []
    words = {"CCC"}
    for fold, count in (folds or FOLDS).items():
        for number in range(count):
            family = f"{fold}-{number}"
            names = [f"{family}-{kind}" for kind in ("a", "b", "c")]
            for fragment in names:
                heavy = "CCC" if fragment.endswith("-a") else _new_word(words, rng)
                fragments.append((fragment, graph_id(*chain(heavy))))
                if not fragment.endswith("-c"):
                    support = _configurations(fragment, heavy, f"{fragment}-s", n_support // 2, rng)
                    configurations += support
                    roles += [(family, c.config_id, "support") for c in support]
                query = _configurations(fragment, heavy, f"{fragment}-q", n_query, rng)
                configurations += query
                roles += [
                    (family, c.config_id, "heldout" if fragment.endswith("-c") else "query") for c in query
                ]
            families.append((family, fold, "chains", [f"cluster-{family}"], names[:2], names[2:]))
            pool = [config for f, config, role in roles if f == family and role == "support"]
            for draw in range(n_draws):
                chosen = rng.permutation(pool)[:max_k]
                draws += [(family, draw, rank, config) for rank, config in enumerate(chosen)]
    write_configurations(folder / "configurations.parquet", configurations)
    _table(folder / "fragments.parquet", fragments, "fragment_id graph_id")
    _table(
        folder / "families.parquet",
        families,
        "family_id fold stratum cluster30 pool_fragments heldout_fragments",
    )
    _table(folder / "roles.parquet", roles, "family_id config_id role")
    _table(folder / "draws.parquet", draws, "family_id draw rank config_id")
    files = {file: sha256(folder / file) for file in FILES}
    manifest = {
        "schema": 1,
        "name": name,
        "version": "0",
        "level_of_theory": "pair potential",
        "license": "CC0-1.0",
        "seed": seed,
        "recipe": {},
        "tools": {},
        "isolated_atom_energies_eV": ISOLATED,
        "counts": {},
        "changelog": [],
        "files": files,
        "data_hash": data_hash(files),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def _new_word(words: set[str], rng) -> str:
    while (word := "".join(rng.choice(list("CNO"), size=rng.integers(2, 5)))) in words:
        pass
    words.add(word)
    return word


def _table(path: Path, rows: list[tuple], columns: str) -> None:
    pd.DataFrame(rows, columns=columns.split()).to_parquet(path)


@pytest.fixture(scope="session")
def split_folder(tmp_path_factory) -> Path:
    """A synthetic split on disk; do not alter it."""
    return write_split(tmp_path_factory.mktemp("split") / "synthetic")


@pytest.fixture(scope="session")
def split(split_folder) -> mfbench.Split:
    """The synthetic split, loaded."""
    return mfbench.load_split(split_folder)


@pytest.fixture(scope="session")
def make_split():
    """``write_split``, for tests that need a split of their own."""
    return write_split


@pytest.fixture
def label():
    """``pair_potential``: numbers, positions → energy (eV), forces (eV/Å)."""
    return pair_potential


@pytest.fixture(scope="session")
def installed(tmp_path_factory) -> Path:
    """The wheel, built from this tree and unpacked into an empty folder."""
    folder = tmp_path_factory.mktemp("wheel")
    root = Path(__file__).parent.parent
    run = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, root]
    subprocess.run(run, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    run = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", target, wheel]
    subprocess.run(run, check=True, capture_output=True)
    return target


NAME = "board-chains"


def write_table(columns) -> bytes:
    """Predictions as a Parquet file; columns as in ``make_table``."""
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns, schema=PREDICTION_SCHEMA), buffer)
    return buffer.getvalue()


class Maker:
    """Makes submissions on the synthetic split."""

    def __init__(self, folder):
        self.folder, self.split = folder, mfbench.load_split(folder)

    def card(self, **changes) -> Card:
        run = {"split": NAME, "data_hash": self.split.manifest.data_hash, "ks": [0, 5, 10], "draws": 2}
        run |= changes.pop("run", {})
        said = {"method": "honest", "description": "Labels with noise."}
        return Card(run=DeclaredRun(**run), **(said | changes))

    def table(self, card, *, seed=0, error=0.1, edit=None):
        """Columns of predictions: labels with relative errors ``error``; ``edit(energies, forces, labels)``
        alters [n] energies and the list of [3m] forces."""
        columns = {name: [] for name in PREDICTION_SCHEMA.names}
        rng = np.random.default_rng(seed)
        for episode in reference_episodes(card.run).episodes:
            if card.reason(*episode.key):
                continue
            labels = np.array([c.energy for c in episode.query])
            forces = [c.forces.ravel() for c in episode.query]
            energies = labels + rng.normal(scale=error, size=len(labels))
            predicted = [f + error * np.std(f) * rng.normal(size=f.shape) for f in forces]
            if edit:
                energies, predicted = edit(energies, predicted, (labels, forces))
            columns["family_id"] += [episode.family_id] * len(labels)
            columns["k"] += [episode.k] * len(labels)
            columns["draw"] += [episode.draw] * len(labels)
            columns["config_id"] += [c.config_id for c in episode.query]
            columns["energy"] += list(energies)
            columns["forces"] += list(predicted)
        return columns

    def files(self, *, edit=None, seed=0, error=0.1, **changes) -> dict[str, bytes]:
        """A whole submission."""
        card = self.card(**changes)
        columns = self.table(card, seed=seed, error=error, edit=edit)
        return {"submission.yaml": write_card(card).encode(), "predictions.parquet": write_table(columns)}


@pytest.fixture(scope="session")
def maker(tmp_path_factory, make_split):
    home = tmp_path_factory.mktemp("board-data")
    folder = make_split(home / NAME, name=NAME, folds={"train": 2, "validation": 1, "test": 3}, n_query=6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MFBENCH_DATA", str(home))
        yield Maker(folder)


@pytest.fixture
def store(tmp_path):
    """An empty store."""
    return open_store(tmp_path / "store")


class Cluster:
    """A scheduler and workers, each a process of its own."""

    def __init__(self, folder):
        self.file, self.processes = folder / "scheduler.json", []
        self._start("scheduler", "--port", "0")
        deadline = time.monotonic() + 60
        while not self.file.exists() or not self.file.read_text().endswith("}"):
            assert time.monotonic() < deadline, "the scheduler does not start"
            time.sleep(0.05)

    def _start(self, kind, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--no-dashboard"]
        command += ["--scheduler-file", str(self.file), *options]
        # The number of threads is the plugin's to set, not this process's.
        environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.processes.append(process)
        return process

    def worker(self, name, threads=1):
        options = ("--nthreads", str(threads), "--no-nanny", "--name", name)
        return self._start("worker", *options, "--memory-limit", "0", "--death-timeout", "60")

    @property
    def address(self):
        return json.loads(self.file.read_text())["address"]

    def stop(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path):
    running = Cluster(tmp_path)
    yield running
    running.stop()
