"""``evaluate``: every episode of a fold through one method, journalled, scored and aggregated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mfbench.data.parquet import sha256
from mfbench.data.printable_text import printable
from mfbench.data.split import Split, as_split
from mfbench.errors import MfbenchError, ProtocolError, UnknownNameError
from mfbench.learned.architectures.registry import ARCHITECTURES
from mfbench.protocol.catalogue import METHODS
from mfbench.protocol.cost import TIMING_VERSION, code_version, hardware
from mfbench.protocol.episode import Episode
from mfbench.protocol.exclusion import without_overlap
from mfbench.protocol.jobs import Job, bench, card_of, run_job
from mfbench.protocol.loading import load_method, uses_backend
from mfbench.protocol.method import Method, MethodContext
from mfbench.protocol.protocol import Budget, Protocol, Track
from mfbench.protocol.run_episode import ROOM_K, EpisodeRecord, Probe
from mfbench.protocol.run_folder import RunFolder, open_run, write_predictions
from mfbench.protocol.run_weights import keep_weights
from mfbench.protocol.specs import Cost
from mfbench.results.results import Results, read_results
from mfbench.results.score_run import score_run
from mfbench.work.open_executor import open_executor
from mfbench.work.progress import progress_bar
from mfbench.work.request import code_digest

__all__ = ["evaluate"]

_LARGEST_SEED = 2**63


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
    track: str | None = None,
    budget: Budget | None = None,
    support: str = "own",
    backend: str = "jax",
    arch: str = "mace",
    checkpoint: str | None = None,
    options: dict[str, Any] | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    exclude: str | Path | Split | None = None,
    families: Sequence[str] | None = None,
    level: str | None = None,
    selector: str = "random",
    dynamics: Probe | None = None,
    progress: bool = False,
) -> Results:
    """Benchmark a method: adapt to K labels of each family, predict the rest, score.

    Args:
        method: a name (``mfbench methods``), ``module:Class``, or a ``Method`` object.
        split: a name, a folder, or a loaded ``Split``.
        ks: support sizes; K = 0 is run once per family. Default: the standard ones that the split can give.
        draws: support sets per K, from the published ones. Default: the standard number, or all if fewer
            are published.
        seed: every episode's own seed is derived from it.
        out: run folder to write; without it nothing is written.
        resume: continue the run in ``out`` after an interruption.
        fold: ``test``, or ``validation`` for tuning.
        track: ``standard``, ``converged``, ``closed-form``, ``long`` or ``open``; see
            ``mfbench.protocol.protocol.Track``. Default: the narrowest that admits the budget, and ``open``
            for methods that call a level of theory. On ``converged`` learned methods adapt by the recipe of
            that name unless ``options`` name another.
        budget: what adaptation may spend. Default: the track's; of ``open``, the standard one.
        support: ``own``, or a control: ``wrong-family`` takes the support from the next family of the fold,
            ``wrong-level`` gives it the labels of the split's reference level.
        backend, arch, checkpoint, options: what a named method is made with.
        workers: processes; only for a method given by name. Scripts need ``if __name__ == "__main__"``.
        scheduler: address of a Dask scheduler: its workers run the episodes instead.
        exclude: another split: what overlaps with its train families is left out (see
            ``mfbench.protocol.exclusion``), as for a model that was trained there.
        families: only these of the fold, e.g. those with a deep pool at K = 5,000. Default: all.
        level: only tasks at this level of theory, on splits whose tasks have one each. Default: all.
        selector: who chooses the support: ``random`` (the published draws), ``farthest``, ``uncertainty``,
            or ``method`` (its ``select(pool, k)``); see ``mfbench.protocol.protocol.Selector``.
        dynamics: also run a trajectory with every adapted model, e.g. an
            ``mfbench.own.dynamics.StabilityProbe``. Default: none.
        progress: show a bar with the remaining time on stderr.

    Returns:
        Results. Episodes in which the method failed are in ``results.failures`` and score a penalty.

    Raises:
        UnknownNameError, DataError, ProtocolError, CheckpointError: the request cannot be met.
    """
    split = as_split(split)
    exclusion = None
    if exclude is not None:
        split, exclusion = without_overlap(split, as_split(exclude), fold)
    spec = METHODS.find(method) if isinstance(method, str) else None
    protocol = Protocol.of(
        split,
        ks=ks,
        draws=draws,
        track=track or (Track.OPEN if spec and spec.open_only else None),
        budget=budget,
        fold=fold,
        support=support,
        families=families,
        level=level,
        exclusion=exclusion,
        selector=selector,
    )
    if abs(seed) > _LARGEST_SEED:
        raise ProtocolError(f"the seed {seed} is too large: 2^63 is the largest")
    if (workers != 1 or scheduler) and not isinstance(method, str):
        raise ProtocolError("several workers, or a cluster's, need a method given by name")
    options = _with_recipe(method, protocol.track, options or {})
    source = _MethodSource(method, MethodContext(split, arch, checkpoint, options), backend)
    source.check(protocol)
    request = {**source.request(), **protocol.request(), "seed": seed}
    if dynamics is not None:
        request["dynamics_ps"] = dynamics.ps
        if dynamics.temperature_K != ROOM_K:  # runs that say none were begun at it
            request["dynamics_K"] = dynamics.temperature_K
    jobs = [
        Job(index, *name, check_batch=name.k == max(protocol.ks) and name.draw == 0)
        for index, name in enumerate(protocol.episode_ids(split))
    ]
    setup = partial(bench, source.make, split, protocol, seed, dynamics)
    with _run_folder(out, request, resume, source) as folder:
        if folder and folder.finished:
            return read_results(folder.path / "results.json")
        records: dict[tuple[str, int, int], EpisodeRecord] = folder.load() if folder else {}
        with open_executor(workers, scheduler, setup=setup) as executor:
            facts = _facts(split, executor.call(card_of))
            if folder:
                place = {"scheduler": scheduler} if scheduler else {"workers": workers}
                folder.start(**facts, session={"code": code_version(), **hardware(), **place})
                keep_weights(folder.path, checkpoint)
            todo = [job for job in jobs if (job.family_id, job.k, job.draw) not in records]
            with progress_bar(len(jobs), done=len(jobs) - len(todo), show=progress) as advance:
                for number, record in executor.run(run_job, todo):
                    records[record.key] = record
                    if folder:
                        folder.save(todo[number].index, record)
                    advance(failed=record.failure is not None)
        selected = {key: r.selected for key, r in records.items() if r.selected is not None}
        episodes = list(protocol.episodes(split, selected))
        ordered = [records[episode.key] for episode in episodes]
        run = {**request, **facts, **_levels(split, episodes)}
        results = score_run(split, episodes, ordered, run)
        return _write(folder, results, episodes, ordered) if folder else results


def _levels(split: Split, episodes: Sequence[Episode]) -> dict[str, dict[str, list[str]]]:
    """Level of theory → families that were run at it; nothing where tasks have no level of their own."""
    run = {episode.family_id for episode in episodes}
    found: dict[str, list[str]] = {}
    for task in split.tasks:
        if task.level and task.family_id in run:
            found.setdefault(task.level, []).append(task.family_id)
    return {"levels": found} if found else {}


def _with_recipe(method: str | Method, track: Track, options: dict[str, Any]) -> dict[str, Any]:
    """The options, with the recipe of the track where none is asked for: so the run says which it was."""
    spec = METHODS.find(method) if isinstance(method, str) else None
    if track is Track.CONVERGED and spec and spec.recipes:
        return {"recipe": str(track), **options}
    return options


def _run_folder(
    out: str | Path | None, request: dict[str, Any], resume: bool, source: _MethodSource
) -> AbstractContextManager[RunFolder | None]:
    if out is None:
        return nullcontext()
    return open_run(Path(out), request, resume=resume, code=source.code())


@dataclass(frozen=True)
class _MethodSource:
    """How the method of a run is made: an object is itself, a name is looked up."""

    method: str | Method
    context: MethodContext
    backend: str

    def check(self, protocol: Protocol) -> None:
        """Refuse what cannot be asked for, before anything is made or written.

        Raises:
            UnknownNameError: there is no such architecture.
            ProtocolError: the track takes no gradient step, and the method is made of them; or the method
                calls a level of theory, and the track is not the open one.
        """
        ARCHITECTURES[self.context.arch]
        spec = METHODS.find(self.method) if isinstance(self.method, str) else None
        on_level = (spec and spec.open_only) or "base" in self.context.options
        if on_level and protocol.track is not Track.OPEN:
            raise ProtocolError(
                f"'{self.method}' calls a level of theory at prediction: it runs with --track open only"
            )
        if protocol.track is Track.CLOSED_FORM and spec and spec.cost is not Cost.CLOSED_FORM:
            raise ProtocolError(
                f"the closed-form track takes no gradient step, '{spec.name}' does: choose another track"
            )

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
        except (Exception, SystemExit) as error:
            reason = printable(f"{type(error).__name__}: {printable(error)}", 400)
            raise UnknownNameError(f"method '{self.method}' could not be made: {reason}") from error

    def code(self) -> str | None:
        """Digest of the source of a method given as ``module:Class``."""
        if isinstance(self.method, str) and ":" in self.method:
            return code_digest(self.method)
        return None

    def request(self) -> dict[str, Any]:
        """What identifies the method in a run. Backend and architecture only where they matter."""
        if isinstance(self.method, str):
            name, learned = self.method, uses_backend(self.method)
        else:
            name, learned = printable(getattr(self.method, "name", "?"), 80) or "unnamed", False
        path = self.context.checkpoint
        return {
            "method": name,
            "backend": self.backend if learned else None,
            "arch": self.context.arch if learned else None,
            "checkpoint": path,
            "checkpoint_sha256": sha256(Path(path)) if path and Path(path).is_file() else None,
            "options": self.context.options,
        }


def _facts(split: Split, card: dict[str, Any] | None) -> dict[str, Any]:
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
