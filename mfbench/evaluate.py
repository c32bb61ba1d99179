"""``evaluate``: every episode of a fold through one method, journalled, scored and aggregated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mfbench.audit.exclusion import without_overlap
from mfbench.data.parquet import sha256
from mfbench.data.split import Fold, Split, Task, load_split
from mfbench.errors import MfbenchError, ProtocolError, UnknownNameError
from mfbench.protocol.cost import TIMING_VERSION, code_version, hardware
from mfbench.protocol.episode import STANDARD_DRAWS, STANDARD_K, Episode, check_request
from mfbench.protocol.jobs import Job, bench, card_of, draw, run_job
from mfbench.protocol.method import Budget, Method, MethodContext, load_method, uses_backend
from mfbench.protocol.run_episode import EpisodeRecord
from mfbench.protocol.run_folder import RunFolder, open_run, request_of, write_predictions
from mfbench.results.results import Results, read_results
from mfbench.results.score_run import score_run
from mfbench.work.executor import open_executor
from mfbench.work.progress import progress_bar
from mfbench.work.request import code_digest

__all__ = ["PROTOCOL_VERSION", "SUPPORTS", "evaluate"]

PROTOCOL_VERSION = 1
"""Raised whenever the same predictions would score differently."""
SUPPORTS = ("own", "wrong-family")


def evaluate(
    method: str | Method,
    split: str | Path | Split,
    *,
    ks: Sequence[int] | None = None,
    draws: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    fold: str = "test",
    budget: Budget | None = None,
    support_from: str = "own",
    backend: str = "jax",
    arch: str = "mace",
    checkpoint: str | None = None,
    options: dict[str, Any] | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    exclude: str | Path | Split | None = None,
    families: Sequence[str] | None = None,
    progress: bool = False,
) -> Results:
    """Benchmark a method: adapt to K labels of each family, predict the rest, score.

    Args:
        method: a name (``mfbench methods``), ``module:Class``, or a ``Method`` object.
        split: a name, a folder, or a loaded ``Split``.
        ks: support sizes; K = 0 is run once a family. Default: the standard ones that the split can give.
        draws: support sets per K, from the published ones. Default: 5, or all if fewer are published.
        seed: every episode's own seed is derived from it.
        out: run folder to write; without it nothing is written.
        resume: continue the run in ``out`` after an interruption.
        fold: ``test``, or ``validation`` for tuning.
        budget: adaptation budget of the standard track.
        support_from: ``own``, or ``wrong-family``: the support comes from the next family of the fold.
        backend, arch, checkpoint, options: what a named method is made with.
        workers: processes; only for a method given by name. Scripts need ``if __name__ == "__main__"``.
        scheduler: address of a Dask scheduler: its workers run the episodes instead.
        exclude: another split: what overlaps with its train families is left out (see
            ``mfbench.audit.exclusion``), as for a model that was trained there.
        families: only these of the fold, e.g. those with a deep pool at K = 5,000. Default: all.
        progress: show a bar with the remaining time on stderr.

    Returns:
        Results. Episodes in which the method failed are in ``results.failures`` and score a penalty.

    Raises:
        UnknownNameError, DataError, ProtocolError, CheckpointError: the request cannot be met.
    """
    split = split if isinstance(split, Split) else load_split(split)
    budget = budget or Budget()
    tasks = _tasks(split, fold)
    exclusion = None
    if exclude is not None:
        other = exclude if isinstance(exclude, Split) else load_split(exclude)
        split, exclusion = without_overlap(split, other, fold)
        tasks = split.fold(fold)
    if families is not None:
        tasks = _only(tasks, families)
    ks = _support_sizes(tasks, ks)
    draws = min(STANDARD_DRAWS, *(len(task.draws) for task in tasks)) if draws is None else draws
    check_request(tasks, ks, draws)
    if support_from not in SUPPORTS:
        raise UnknownNameError(f"unknown support '{support_from}': choose one of {', '.join(SUPPORTS)}")
    if (workers != 1 or scheduler) and not isinstance(method, str):
        raise ProtocolError("several workers, or a cluster's, need a method given by name")
    source = _MethodSource(method, MethodContext(split, arch, checkpoint, options or {}), backend)
    request = request_of(
        **source.request(),
        split=split.name,
        data_hash=split.manifest.data_hash,
        ks=ks,
        draws=draws,
        seed=seed,
        fold=str(fold),
        support=support_from,
        budget=budget,
        exclude=exclusion,
        families=None if families is None else [task.family_id for task in tasks],
        protocol=PROTOCOL_VERSION,
    )
    jobs = _jobs(tasks, ks, draws, support_from)
    setup = partial(bench, source.make, split, budget, seed)
    with _run_folder(out, request, resume, source) as folder:
        if folder and folder.finished:
            return read_results(folder.path / "results.json")
        records: dict[tuple, EpisodeRecord] = folder.load() if folder else {}
        with open_executor(workers, scheduler, setup=setup) as executor:
            facts = _facts(split, executor.call(card_of))
            if folder:
                place = {"scheduler": scheduler} if scheduler else {"workers": workers}
                folder.start(**facts, session={"code": code_version(), **hardware(), **place})
            todo = [job for job in jobs if (job.family_id, job.k, job.draw) not in records]
            with progress_bar(len(jobs), done=len(jobs) - len(todo), show=progress) as advance:
                for number, record in executor.run(run_job, todo):
                    records[record.key] = record
                    if folder:
                        folder.save(todo[number].index, record)
                    advance(failed=record.failure is not None)
        episodes = [draw(split, job) for job in jobs]
        ordered = [records[episode.key] for episode in episodes]
        results = score_run(split, episodes, ordered, {**request, **facts})
        return _write(folder, results, episodes, ordered) if folder else results


def _run_folder(
    out: str | Path | None, request: dict[str, Any], resume: bool, source: _MethodSource
) -> AbstractContextManager[RunFolder | None]:
    if out is None:
        return nullcontext()
    return open_run(Path(out), request, resume=resume, code=source.code())


def _tasks(split: Split, fold: str) -> tuple[Task, ...]:
    try:
        tasks = split.fold(Fold(fold))
    except ValueError:
        raise UnknownNameError(f"unknown fold '{fold}': choose one of {', '.join(Fold)}") from None
    if not tasks:
        raise ProtocolError(f"{split.name} has no {fold} families")
    return tasks


def _only(tasks: Sequence[Task], families: Sequence[str]) -> tuple[Task, ...]:
    known = [task.family_id for task in tasks]
    for name in families:
        if name not in known:
            raise UnknownNameError(f"the fold has no family '{name}': choose from {', '.join(known)}")
    return tuple(task for task in tasks if task.family_id in families)


def _support_sizes(tasks: Sequence[Task], ks: Sequence[int] | None) -> list[int]:
    if ks is None:
        largest = min(task.draws.shape[1] for task in tasks)
        return [k for k in STANDARD_K if k <= largest]
    if not ks:
        raise ProtocolError("no support size was given: choose some of " + ", ".join(map(str, STANDARD_K)))
    return sorted({int(k) for k in ks})


def _jobs(tasks: Sequence[Task], ks: Sequence[int], draws: int, support_from: str) -> list[Job]:
    """Every family × K × draw, in order; K = 0 has one support set, the empty one."""
    if support_from == "wrong-family" and len(tasks) < 2:
        raise ProtocolError("support from a wrong family needs two families in the fold")
    shift = 1 if support_from == "wrong-family" else 0
    found = []
    for i, task in enumerate(tasks):
        source = tasks[(i + shift) % len(tasks)].family_id
        for k in ks:
            for number in range(draws if k else 1):
                check = k == max(ks) and number == 0
                found.append(Job(len(found), task.family_id, k, number, source, check))
    return found


@dataclass(frozen=True)
class _MethodSource:
    """How the method of a run is made: an object is itself, a name is looked up."""

    method: str | Method
    context: MethodContext
    backend: str

    def make(self) -> Method:
        """The method. Whatever its own code raises is the caller's to mend, in one line."""
        if not isinstance(self.method, str):
            if not isinstance(self.method, Method):
                raise UnknownNameError(
                    f"{type(self.method).__name__} is not a method: it needs a name and adapt(support, ...)"
                )
            return self.method
        try:
            return load_method(self.method, self.context, backend=self.backend)
        except MfbenchError:
            raise
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise UnknownNameError(f"method '{self.method}' could not be made: {reason}") from error

    def code(self) -> str | None:
        """Digest of the source of a method given as ``module:Class``."""
        named = isinstance(self.method, str) and ":" in self.method
        return code_digest(self.method) if named else None

    def request(self) -> dict[str, Any]:
        """What identifies the method in a run. Backend and architecture only where they matter."""
        name = self.method if isinstance(self.method, str) else getattr(self.method, "name", "?")
        learned = isinstance(self.method, str) and uses_backend(self.method)
        path = self.context.checkpoint
        return {
            "method": name,
            "backend": self.backend if learned else None,
            "arch": self.context.arch if learned else None,
            "checkpoint": path,
            "checkpoint_sha256": sha256(Path(path)) if path and Path(path).is_file() else None,
            "options": self.context.options,
        }


def _facts(split: Split, card: dict | None) -> dict[str, Any]:
    try:
        card = json.loads(json.dumps(card, allow_nan=False, default=str))
    except (TypeError, ValueError) as error:
        raise ProtocolError(f"the method's card cannot be written as JSON: {error}") from None
    return {
        "split_version": split.manifest.version,
        "level_of_theory": split.manifest.level_of_theory,
        "timing_version": TIMING_VERSION,
        "card": card,
    }


def _write(
    folder: RunFolder, results: Results, episodes: Sequence[Episode], records: Sequence[EpisodeRecord]
) -> Results:
    from mfbench.reporting.run_figure import save_figure

    write_predictions(folder.path / "predictions.parquet", episodes, records)
    save_figure(results, folder.path / "rmse_vs_k.png")
    folder.write_text("results.json", results.to_json())
    folder.discard_journal()
    return results.model_copy(update={"folder": folder.path})
