"""A split that is found by name, and submissions on it made from labels plus errors."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mfbench.protocol.run_folder import PREDICTION_SCHEMA
from mfbench.store import open_store
from mfbench.submission.card import Card, Protocol, write_card
from mfbench.submission.reference_episodes import yardstick_of

NAME = "board-chains"


def write_table(columns) -> bytes:
    """Predictions as a Parquet file; columns as in ``make_table``."""
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns, schema=PREDICTION_SCHEMA), buffer)
    return buffer.getvalue()


class Maker:
    """Makes submissions on the synthetic split."""

    def __init__(self, folder):
        import mfbench

        self.split = mfbench.load_split(folder)

    def card(self, **changes) -> Card:
        run = {"split": NAME, "data_hash": self.split.manifest.data_hash, "ks": [0, 5, 10], "draws": 2}
        run |= changes.pop("run", {})
        return Card(run=Protocol(**run), **({"method": "honest"} | changes))

    def table(self, card, *, seed=0, error=0.1, edit=None):
        """Columns of predictions: labels with relative errors ``error``; ``edit(energies, forces, labels)``
        alters [n] energies and the list of [3m] forces."""
        columns = {name: [] for name in PREDICTION_SCHEMA.names}
        rng = np.random.default_rng(seed)
        for episode in yardstick_of(card.run).episodes:
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
