"""Chooses what is labelled at the DFT level: test families with small molecules, and their configurations.

A rule without a look at any result: per family the two cheapest pool fragments and the cheapest held-out
one, then the cheapest families, kinds in turn.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from mfbench.data.configuration import Configuration
from mfbench.data.split import Split, Task, load_split
from mfbench.errors import DataError
from mfbench_tasks.seeds import stream

__all__ = [
    "DftRule",
    "Queued",
    "choose_families",
    "choose_queue",
    "in_turn",
    "queued_configurations",
    "read_queue",
    "write_queue",
]


@dataclass(frozen=True)
class DftRule:
    """What is chosen.

    Attributes:
        families: how many are planned; ``spare`` more stand at the end of the queue.
        spare: families that come last.
        largest: atoms of the largest molecule.
        pool_fragments: fragments per family that support and query share.
        support: configurations per pool fragment after the first, the second and the last pass.
        query: configurations per fragment after the first and the second pass, pool and held out alike.
        seed: of the order within a fragment.
    """

    families: int = 12
    spare: int = 2
    largest: int = 23
    pool_fragments: int = 2
    support: tuple[int, int, int] = (10, 20, 34)
    query: tuple[int, int] = (7, 14)
    seed: int = 20261128


@dataclass(frozen=True)
class Queued:
    """A row of the queue: who asks for the label, as what, and in which pass (1 first)."""

    family_id: str
    role: str
    phase: int
    config_id: str


def _cost(c: Configuration) -> float:
    """Seconds grow with the 2.6th power of the atoms (16 atoms 25 s, 22 atoms 55 s)."""
    return float(len(c.atomic_numbers) ** 2.6)


def _fragments(configurations: Iterable[Configuration], largest: int) -> dict[str, list[Configuration]]:
    out: dict[str, list[Configuration]] = defaultdict(list)
    for c in configurations:
        if len(c.atomic_numbers) <= largest and not c.n_unpaired and abs(c.total_charge) <= 1:
            out[c.fragment_id].append(c)
    return dict(sorted(out.items(), key=lambda item: (_cost(item[1][0]), item[0])))


def _chosen(task: Task, rule: DftRule) -> tuple[list[str], str, float] | None:
    """Pool fragments, held-out fragment, and cost of a family; None where it has too few."""
    support, query = _fragments(task.support, rule.largest), _fragments(task.query, rule.largest)
    heldout = _fragments(task.heldout, rule.largest)
    need_support, need_query = rule.support[1], rule.query[1]
    pool = [f for f in support if len(support[f]) >= need_support and len(query.get(f, ())) >= need_query]
    other = [f for f in heldout if len(heldout[f]) >= need_query]
    if len(pool) < rule.pool_fragments or not other:
        return None
    pool = pool[: rule.pool_fragments]
    cost = sum(_cost(support[f][0]) for f in pool) * (need_support + need_query)
    return pool, other[0], cost + _cost(heldout[other[0]][0]) * need_query


def choose_families(split: Split, rule: DftRule) -> dict[str, tuple[list[str], str]]:
    """Test families, cheapest first: family → (pool fragments, held-out fragment).

    Raises:
        DataError: fewer families than the rule asks for can be filled.
    """
    found = [(c, t.family_id) for t in split.test if (c := _chosen(t, rule)) is not None]
    found.sort(key=lambda item: (item[0][2], item[1]))
    if len(found) < rule.families:
        raise DataError(f"{len(found)} families can be filled, not {rule.families}: allow larger molecules")
    return {name: (pool, other) for (pool, other, _), name in found[: rule.families + rule.spare]}


def in_turn(configurations: Sequence[Configuration], seed: int) -> list[Configuration]:
    """Trajectories take turns, each giving its configurations in a random order."""
    rng = stream(seed, "dft", configurations[0].fragment_id)
    by_trajectory: dict[str, list[Configuration]] = defaultdict(list)
    for i in rng.permutation(len(configurations)):
        by_trajectory[configurations[i].trajectory_id].append(configurations[i])
    queues = list(by_trajectory.values())
    return [q[i] for i in range(max(map(len, queues))) for q in queues if i < len(q)]


def choose_queue(split: Split, rule: DftRule) -> list[Queued]:
    """What to label, in order. Pass 1 makes every planned family usable at half its size, pass 2 fills
    it, pass 3 adds the spare families and pass 4 the rest of the support; families take turns."""
    tasks = {t.family_id: t for t in split.test}
    rows: dict[int, list[list[Queued]]] = defaultdict(list)
    for place, (family, (pool, other)) in enumerate(choose_families(split, rule).items()):
        task = tasks[family]
        spare = place >= rule.families
        parts = [("support", task.support, pool, rule.support), ("query", task.query, pool, rule.query)]
        parts.append(("heldout", task.heldout, [other], rule.query))
        queues: dict[int, list[list[Queued]]] = defaultdict(list)
        for role, configurations, fragments, (half, full, *rest) in parts:
            grouped = _fragments(configurations, rule.largest)
            for fragment in fragments:
                order = in_turn(grouped[fragment], rule.seed)
                bounds = [(1, 0, half), (2, half, full)]
                bounds += [(4, full, end) for end in rest]
                for phase, start, end in bounds:
                    named = max(phase, 3) if spare else phase
                    queues[named].append(
                        [Queued(family, role, named, c.config_id) for c in order[start:end]]
                    )
        for phase, found in queues.items():
            rows[phase].append(_merged(found))
    return [row for phase in sorted(rows) for row in _merged(rows[phase])]


def _merged(queues: Sequence[Sequence[Queued]]) -> list[Queued]:
    """Queues take turns in proportion to their lengths."""
    placed = [((i + 0.5) / len(q), k, row) for k, q in enumerate(queues) for i, row in enumerate(q)]
    return [row for _, _, row in sorted(placed, key=lambda item: item[:2])]


def write_queue(path: Path, queue: Sequence[Queued]) -> None:
    """Write the queue as a table of tab-separated values."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow([f.name for f in fields(Queued)])
        writer.writerows(astuple(row) for row in queue)


def read_queue(path: Path) -> list[Queued]:
    """The rows of a queue.

    Raises:
        DataError: it is missing, or not such a table.
    """
    try:
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        return [Queued(r["family_id"], r["role"], int(r["phase"]), r["config_id"]) for r in rows]
    except FileNotFoundError:
        raise DataError(f"{path} is missing") from None
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{path} is not a queue of configurations") from None


def queued_configurations(path: Path, data: Path) -> list[Configuration]:
    """What a queue asks for, in its order, each once.

    Args:
        path: of the queue.
        data: folder of cath, whose test families they are of.

    Raises:
        DataError: the queue is missing, or asks for what cath does not hold.
    """
    known = {c.config_id: c for t in load_split(data / "cath").test for c in t.everything}
    names = list(dict.fromkeys(row.config_id for row in read_queue(path)))
    if lacking := [name for name in names if name not in known]:
        raise DataError(f"{path} asks for {lacking[0]}, which no test family of {data / 'cath'} holds")
    return [known[name] for name in names]
