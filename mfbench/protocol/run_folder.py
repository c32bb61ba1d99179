"""The folder of a run: the request, a journal of finished episodes, and the final files.

``run.json``               what was asked, of which data, by which code, on which machine
``episodes/00012.npz``     one finished episode each, while the run is not complete
``predictions.parquet``    every prediction: family_id, k, draw, config_id, energy, forces
``results.json``           scores; written last, so that its presence means a complete run
``rmse_vs_k.png``          the figure

Every file is written beside its place and renamed, so that a killed run leaves none half written.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Mapping, Sequence
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

__all__ = ["RunFolder", "open_run", "write_predictions"]

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
    """A run on disk.

    Attributes:
        path: the folder.
        request: what identifies the run; a resumed run must ask for the same.
    """

    path: Path
    request: Mapping[str, Any]

    @property
    def finished(self) -> bool:
        """Whether the run is complete."""
        return (self.path / "results.json").is_file()

    def start(self, **facts: Any) -> None:
        """Write ``run.json`` (request and facts), or append this session's facts to the one there is.

        Raises:
            ProtocolError: the run there is was made with other weights or settings (another card).
        """
        session = facts.pop("session")
        path = self.path / "run.json"
        self.journal.mkdir(parents=True, exist_ok=True)
        before = json.loads(path.read_text()) if path.is_file() else {"card": facts["card"], "sessions": []}
        if before["card"] != facts["card"]:
            raise ProtocolError(
                f"cannot resume {self.path}: the method's weights or settings have changed; "
                "choose another folder with --out"
            )
        content = {"request": dict(self.request), **facts, "sessions": [*before["sessions"], session]}
        self.write_text("run.json", json.dumps(content, indent=1) + "\n")

    @property
    def journal(self) -> Path:
        """Folder of the finished episodes."""
        return self.path / "episodes"

    def save(self, index: int, record: EpisodeRecord) -> None:
        """Journal one episode; ``index`` is its place in the run."""
        arrays = {} if record.failure else {"energies": record.energies, "forces": record.forces}
        rest = {k: v for k, v in vars(record).items() if k not in ("energies", "forces")}
        path = self.journal / f"{index:05d}.npz"
        with open(path.with_suffix(".tmp"), "wb") as file:
            np.savez(file, record=np.array(json.dumps(rest)), **arrays)
        os.replace(path.with_suffix(".tmp"), path)

    def load(self) -> dict[tuple[str, int, int], EpisodeRecord]:
        """Journalled episodes by key. One that cannot be read counts as not done."""
        found = {}
        for path in sorted(self.journal.glob("*.npz")):
            try:
                with open(path, "rb") as stream, np.load(stream) as file:
                    arrays = {name: file[name] for name in ("energies", "forces") if name in file}
                    record = EpisodeRecord(**json.loads(str(file["record"])), **arrays)
            except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile):
                continue
            found[record.key] = record
        return found

    def write_text(self, name: str, text: str) -> None:
        """Write a text file of the folder at once."""
        path = self.path / name
        path.with_name(name + ".tmp").write_text(text)
        os.replace(path.with_name(name + ".tmp"), path)

    def discard_journal(self) -> None:
        """Remove the journal of a complete run."""
        shutil.rmtree(self.journal, ignore_errors=True)


def open_run(path: Path, request: Mapping[str, Any], *, resume: bool) -> RunFolder:
    """The folder of a run, after checking that nothing would be overwritten or mixed. Writes nothing.

    Raises:
        ProtocolError: it holds something and ``resume`` is off, or it holds a run of another request.
        DataError: its ``run.json`` is damaged.
    """
    folder = RunFolder(path, request)
    if path.exists() and not path.is_dir():
        raise ProtocolError(f"{path} is a file: choose another folder with --out")
    if not path.is_dir() or not any(path.iterdir()):
        return folder
    if not (path / "run.json").is_file():
        raise ProtocolError(f"{path} is not empty and holds no run: choose another folder with --out")
    if not resume:
        raise ProtocolError(
            f"{path} already holds a run: continue it with --resume, or choose another folder with --out"
        )
    try:
        before = json.loads((path / "run.json").read_text())["request"]
    except (ValueError, KeyError, TypeError, OSError):
        raise DataError(f"{path / 'run.json'} is damaged: choose another folder with --out") from None
    if "track" not in before and "budget" in before:  # begun before runs named their track
        before["track"] = str(track_of(Budget(**before["budget"])))
    # The same text on both sides: tuples and paths become what JSON makes of them.
    now = json.loads(json.dumps(dict(request)))
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            raise ProtocolError(
                f"cannot resume {path}: its {name} is {before.get(name)!r}, not {now.get(name)!r}; "
                "choose another folder with --out"
            )
    return folder


def write_predictions(path: Path, episodes: Sequence[Episode], records: Sequence[EpisodeRecord]) -> None:
    """Write ``predictions.parquet``; failed episodes have no rows."""
    columns: dict[str, list] = {name: [] for name in PREDICTION_SCHEMA.names}
    for episode, record in zip(episodes, records, strict=True):
        if record.failure is not None:
            continue
        ends = np.cumsum([len(c) for c in episode.query])[:-1]
        n = len(episode.query)
        columns["family_id"] += [record.family_id] * n
        columns["k"] += [record.k] * n
        columns["draw"] += [record.draw] * n
        columns["config_id"] += [c.config_id for c in episode.query]
        columns["energy"] += record.energies.tolist()
        columns["forces"] += [part.ravel() for part in np.split(record.forces, ends)]
    table = pa.table(columns, schema=PREDICTION_SCHEMA)
    pq.write_table(table, path.with_suffix(".tmp"), compression="zstd")
    os.replace(path.with_suffix(".tmp"), path)
