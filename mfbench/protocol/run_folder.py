"""The folder of a run: the request, a journal of finished episodes, and the final files.

``run.json``               what was asked, of which data, by which code, on which machine
``episodes/00012.npz``     one finished episode each, while the run is not complete
``predictions.parquet``    every prediction: family_id, k, draw, config_id, energy, forces
``results.json``           scores; written last, so that its presence means a complete run
``rmse_vs_k.png``          the figure

Every file is written beside its place and renamed, so that a killed run leaves none half written. One
process at a time writes a run; another one is refused.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mfbench.errors import DataError, ProtocolError
from mfbench.protocol.episode import Episode
from mfbench.protocol.protocol import Budget, track_of
from mfbench.protocol.run_episode import EpisodeRecord
from mfbench.work.files import LOCK, write_text, written
from mfbench.work.journal import Journal
from mfbench.work.ownership import holds_nothing, owned
from mfbench.work.request import difference

__all__ = ["EPISODES", "RunFolder", "open_run", "write_predictions"]

EPISODES = "episodes"
"""Folder of the journal, in the folder of a run."""

PREDICTION_SCHEMA = pa.schema(
    [
        ("family_id", pa.string()),
        ("k", pa.int16()),
        ("draw", pa.int16()),
        ("config_id", pa.string()),
        ("energy", pa.float64()),  # eV
        ("forces", pa.list_(pa.float32())),  # 3n values, x y z of atom 0 first, eV/Å
    ]
)


@dataclass(frozen=True)
class RunFolder:
    """A run on disk, owned by this process while it is not finished.

    Attributes:
        path: the folder.
        request: what identifies the run; a resumed run must ask for the same.
        journal: its finished episodes; None where the run is complete.
    """

    path: Path
    request: Mapping[str, Any]
    journal: Journal | None

    @property
    def finished(self) -> bool:
        """Whether the run is complete."""
        return self.journal is None

    def start(self, **facts: Any) -> None:
        """Write ``run.json`` (request and facts), or append this session's facts to the one there is.

        Raises:
            ProtocolError: the run there is was made with other weights or settings (another card).
        """
        session = facts.pop("session")
        path = self.path / "run.json"
        before = (
            json.loads(path.read_text(encoding="utf-8"))
            if path.is_file()
            else {"card": facts["card"], "sessions": []}
        )
        if before["card"] != facts["card"]:
            raise ProtocolError(
                f"cannot resume {self.path}: the method's weights or settings have changed; "
                "choose another folder with --out"
            )
        content = {"request": dict(self.request), **facts, "sessions": [*before["sessions"], session]}
        write_text(path, json.dumps(content, indent=1) + "\n")

    def save(self, index: int, record: EpisodeRecord) -> None:
        """Journal one episode; ``index`` is its place in the run."""
        assert self.journal is not None
        self.journal.add(f"{index:05d}", _encode(record))

    def load(self) -> dict[tuple[str, int, int], EpisodeRecord]:
        """Journalled episodes by key. One that cannot be read counts as not done."""
        found = self.journal.read(_decode).values() if self.journal else ()
        return {record.key: record for record in found}

    def write_text(self, name: str, text: str) -> None:
        """Write a text file of the folder at once."""
        write_text(self.path / name, text)

    def discard_journal(self) -> None:
        """Remove the journal of a complete run."""
        shutil.rmtree(self.path / EPISODES, ignore_errors=True)


@contextmanager
def open_run(
    path: Path, request: Mapping[str, Any], *, resume: bool, code: str | None = None
) -> Iterator[RunFolder]:
    """The folder of a run, owned for the time of the block, or a finished one to read.

    Nothing is touched before it is sure that nothing would be overwritten or mixed.

    Args:
        path: it may be absent, empty, or hold this run.
        request: what identifies the run.
        resume: whether it may hold this run.
        code: digest of the source of a method from outside; it must stay the same while a run goes on.

    Raises:
        ProtocolError: it holds something and ``resume`` is off, or it holds a run of another request, or
            another process is at work in it.
        DataError: its ``run.json`` is damaged.
    """
    if _is_finished(path, request, resume=resume):
        yield RunFolder(path, request, None)
        return
    with owned(path):
        if _is_finished(path, request, resume=resume):  # by another process, just now
            yield RunFolder(path, request, None)
            return
        episodes = path / EPISODES
        made = not episodes.exists()
        episodes.mkdir(exist_ok=True)
        try:
            inputs = {**request, "code": code}
            # A journal without a request is of a run whose run.json was compared above.
            journal = Journal(episodes, inputs, resume=True, adopt=True)
            yield RunFolder(path, request, journal)
        except BaseException:
            if made and not (path / "run.json").exists():  # nothing began
                shutil.rmtree(episodes, ignore_errors=True)
            raise


def _is_finished(path: Path, request: Mapping[str, Any], *, resume: bool) -> bool:
    """Whether a folder holds this run, complete. Writes nothing; raises as ``open_run`` does."""
    if path.exists() and not path.is_dir():
        raise ProtocolError(f"{path} is a file: choose another folder with --out")
    if not path.is_dir() or holds_nothing(path):
        return False
    if not (path / "run.json").is_file():
        if set(os.listdir(path)) <= {LOCK, EPISODES} and not any((path / EPISODES).glob("*.npz")):
            return False  # killed, or at work, before its first episode
        raise ProtocolError(f"{path} is not empty and holds no run: choose another folder with --out")
    if not resume:
        raise ProtocolError(
            f"{path} already holds a run: continue it with --resume, or choose another folder with --out"
        )
    try:
        before = json.loads((path / "run.json").read_text(encoding="utf-8"))["request"]
    except (ValueError, KeyError, TypeError, OSError):
        raise DataError(f"{path / 'run.json'} is damaged: choose another folder with --out") from None
    if "track" not in before and "budget" in before:  # begun before runs named their track
        before["track"] = str(track_of(Budget(**before["budget"])))
    if reason := difference(before, request, depth=1):
        raise ProtocolError(f"cannot resume {path}: {reason}; choose another folder with --out")
    return (path / "results.json").is_file()


def _encode(record: EpisodeRecord) -> bytes:
    arrays: dict[str, Any] = {}
    if not record.failure:
        arrays = {"energies": record.energies, "forces": record.forces}
    rest = {k: v for k, v in vars(record).items() if k not in ("energies", "forces")}
    buffer = io.BytesIO()
    np.savez(buffer, record=np.array(json.dumps(rest)), **arrays)
    return buffer.getvalue()


def _decode(data: bytes) -> EpisodeRecord:
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        arrays = {name: file[name] for name in ("energies", "forces") if name in file}
        return EpisodeRecord(**json.loads(str(file["record"])), **arrays)


def write_predictions(path: Path, episodes: Sequence[Episode], records: Sequence[EpisodeRecord]) -> None:
    """Write ``predictions.parquet``; failed episodes have no rows."""
    columns: dict[str, list[Any]] = {name: [] for name in PREDICTION_SCHEMA.names}
    for episode, record in zip(episodes, records, strict=True):
        if record.failure is not None:
            continue
        ends = np.cumsum([len(c) for c in episode.query])[:-1]
        n = len(episode.query)
        columns["family_id"] += [record.family_id] * n
        columns["k"] += [record.k] * n
        columns["draw"] += [record.draw] * n
        columns["config_id"] += [c.config_id for c in episode.query]
        energies, forces = record.predicted
        columns["energy"] += energies.tolist()
        columns["forces"] += [part.ravel() for part in np.split(forces, ends)]
    table = pa.table(columns, schema=PREDICTION_SCHEMA)
    with written(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
