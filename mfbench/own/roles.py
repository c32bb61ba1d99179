"""Own labelled configurations as the tasks of a split: which may be learned from, which are asked about.

What lies apart in the file lies apart in the split: of a molecule, whole trajectories serve either the
support or the query. Where the file names none, the order of the frames decides (``frame_order``): frames
that follow one another are cut into consecutive blocks, independent ones are dealt singly. A third of the
molecules, where there are three or more, are held out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mfbench.data.alignment import aligned_rmsd
from mfbench.data.configuration import Configuration
from mfbench.data.parquet import POSITION_GRID, round_to_grid
from mfbench.data.task import Fold, Task
from mfbench.errors import DataError
from mfbench.own.frame_order import FEWEST, LEVEL, FrameOrder, chance_of_order
from mfbench.own.trajectory_names import telling_names

__all__ = ["Dealt", "deal"]

BLOCKS = 8
"""Consecutive parts of a trajectory that has no name."""
DRAWS, LONGEST = 5, 5000
_RARE = 0.1
"""Frames of fewer than this share are a stretched bond of a molecule, not another molecule."""
_NET_FORCE = (1e-3, 0.1)
"""eV/Å: what an SCF leaves, which stays; and what no molecule alone can have, which is refused."""


@dataclass(frozen=True, eq=False)
class Dealt:
    """A family's task, and what was done to get it.

    Attributes:
        task: the family.
        near_twins: query configurations left out because support holds nearly the same geometry.
        net_force: largest sum of forces that was taken off, eV/Å; 0 where none was.
        blocks, singles: molecules whose trajectories have no names, cut into blocks, or dealt singly.
    """

    task: Task
    near_twins: int
    net_force: float
    blocks: int
    singles: int


def deal(
    family: str,
    fold: Fold,
    configurations: Sequence[Configuration],
    *,
    near_twin: float,
    seed: int,
    frames: FrameOrder = FrameOrder.AUTO,
) -> Dealt:
    """The task of one family.

    Args:
        family: its name.
        fold: where it belongs.
        configurations: labelled, in the file's order; ``trajectory_id`` is the group that the file names,
            ``config_id`` the number of the frame.
        near_twin: Å; a query configuration nearer to a support configuration is left out.
        seed: of the molecules that are held out, and of the draws.
        frames: what frames without trajectory names are.

    Raises:
        DataError: too few configurations, all alike, forces with a net force, or a molecule whose
            elements stand in several orders.
    """
    sound, net = _without_net_force(family, configurations)
    molecules = _molecules(family, sound)
    rng = np.random.default_rng([seed, 23])
    names = sorted(molecules)
    chosen = rng.permutation(len(names))[: len(names) // 3]
    heldout = {names[i] for i in chosen}
    pools: dict[str, list[Configuration]] = {"support": [], "query": [], "heldout": []}
    kinds: Counter[str] = Counter()
    for name in names:
        trajectories, kind = _trajectories(name, molecules[name], frames)
        kinds[kind] += 1
        if name in heldout:
            pools["heldout"] += [c for t in trajectories for c in t]
            continue
        support, query = _halves(trajectories, consecutive=kind == _BLOCKS)
        pools["support"] += support
        pools["query"] += query
    known = {
        name: [x for c in pools["support"] if c.fragment_id == name for x in _orders(c)] for name in names
    }
    query = [c for c in pools["query"] if not _is_twin(c, known, near_twin)]
    twins = len(pools["query"]) - len(query)
    if not pools["support"] or not (query or pools["heldout"]):
        reason = (
            f"all that could be asked about lies within {near_twin:.2f} Å of what may be learned from"
            if twins
            else f"{len(sound)} configurations of {len(names)} molecules leave nothing to ask about"
        )
        raise DataError(f"{family} makes no task: {reason}; add configurations that differ")
    learned = tuple(pools["support"])
    return Dealt(
        Task(
            family_id=family,
            fold=fold,
            stratum="own",
            clusters=(family,),
            support=learned,
            query=tuple(query),
            heldout=tuple(pools["heldout"]),
            draws=_draws(learned, seed),
            graphs={c.fragment_id: c.graph_id for pool in (learned, query, pools["heldout"]) for c in pool},
        ),
        twins,
        net,
        kinds[_BLOCKS],
        kinds[_SINGLES],
    )


def _without_net_force(
    family: str, configurations: Sequence[Configuration]
) -> tuple[list[Configuration], float]:
    found, largest = [], 0.0
    for c in configurations:
        energy, forces = c.label
        net = forces.sum(axis=0)
        size = float(np.abs(net).max())
        if size > _NET_FORCE[1]:
            raise DataError(
                f"{family}: the forces of frame {int(c.config_id) + 1} sum to {size:.2f} eV/Å: an atom is "
                "missing, or there is a field, which a split cannot hold"
            )
        if size > _NET_FORCE[0]:
            largest, forces = max(largest, size), forces - net / len(c)
        # Positions move to the storage grid, and energies with them: exact to first order.
        moved = round_to_grid(c.positions, POSITION_GRID)
        energy -= float(np.sum(forces * (moved - c.positions)))
        found.append(replace(c, positions=moved).with_label(energy, forces))
    return found, largest


def _molecules(family: str, configurations: Sequence[Configuration]) -> dict[str, list[Configuration]]:
    """Molecules by their names in the split; configurations with the molecule's graph and own names."""
    species: dict[tuple[bytes, int, int], list[Configuration]] = defaultdict(list)
    for c in configurations:
        species[c.atomic_numbers.tobytes(), c.total_charge, c.n_unpaired].append(c)
    molecules: dict[str, list[Configuration]] = defaultdict(list)
    for alike in species.values():
        counts = Counter(c.graph_id for c in alike)
        usual = counts.most_common(1)[0][0]
        own = {graph for graph, n in counts.items() if n >= _RARE * len(alike)}
        for c in alike:
            graph = c.graph_id if c.graph_id in own else usual
            name = f"{family}/{graph[:8]}"
            number = int(c.config_id) + 1
            molecules[name].append(
                replace(
                    c,
                    graph_id=graph,
                    fragment_id=name,
                    config_id=f"{family}/{number:06d}",
                    sampler="own",
                )
            )
            first = molecules[name][0]
            if not np.array_equal(first.atomic_numbers, c.atomic_numbers):
                raise DataError(
                    f"{family}: frames {int(first.config_id.rpartition('/')[2])} and {number} are one "
                    "molecule in two orders of its atoms: put them into one order"
                )
    return dict(molecules)


_NAMED, _BLOCKS, _SINGLES = "named", "blocks", "singles"


def _trajectories(
    name: str, frames: Sequence[Configuration], how: FrameOrder
) -> tuple[list[list[Configuration]], str]:
    """A molecule's trajectories with unique names, and whether the file names them.

    One name for all frames, or one for each, says nothing of trajectories.
    """
    groups: dict[str, list[Configuration]] = defaultdict(list)
    for group, c in zip(telling_names(frames), frames, strict=True):
        groups[group].append(c)
    if len(groups) > 1:
        return [
            [replace(c, trajectory_id=f"{name}/{group or 'unnamed'}") for c in members]
            for group, members in groups.items()
        ], _NAMED
    if how is FrameOrder.AUTO:
        follow = len(frames) < FEWEST or chance_of_order(frames) < LEVEL
        how = FrameOrder.TRAJECTORY if follow else FrameOrder.INDEPENDENT
    if how is FrameOrder.INDEPENDENT:
        return [
            [replace(c, trajectory_id=f"{name}/frame-{number}")] for number, c in enumerate(frames)
        ], _SINGLES
    parts = np.array_split(np.arange(len(frames)), min(BLOCKS, len(frames)))
    return [
        [replace(frames[i], trajectory_id=f"{name}/block-{number}") for i in part]
        for number, part in enumerate(parts)
    ], _BLOCKS


def _halves(
    trajectories: Sequence[list[Configuration]], *, consecutive: bool
) -> tuple[list[Configuration], list[Configuration]]:
    """Support and query. Blocks of one trajectory: its beginning and its end, which touch once only."""
    if consecutive:
        middle = (len(trajectories) + 1) // 2
        return [c for t in trajectories[:middle] for c in t], [c for t in trajectories[middle:] for c in t]
    halves: tuple[list[Configuration], list[Configuration]] = ([], [])
    for members in sorted(trajectories, key=len, reverse=True):
        min(halves, key=len).extend(members)
    return halves


def _is_twin(c: Configuration, known: Mapping[str, Sequence[np.ndarray]], bound: float) -> bool:
    pool = np.array(known[c.fragment_id])
    return bool(len(pool)) and min(float(aligned_rmsd(x, pool).min()) for x in _orders(c)) < bound


def _orders(c: Configuration) -> tuple[np.ndarray, np.ndarray]:
    """Positions [n, 3] in the file's order, and in one that does not depend on it: elements, then distances
    to the other atoms. Atoms of one element may be swapped from frame to frame."""
    apart = np.linalg.norm(c.positions[:, None] - c.positions[None], axis=-1).sum(axis=1)
    return c.positions, c.positions[np.lexsort((apart, c.atomic_numbers))]


def _draws(support: Sequence[Configuration], seed: int) -> np.ndarray:
    """[draws, K] nested draws: molecules take turns, each gives its configurations in a random order."""
    rows: dict[tuple[int, ...], None] = {}
    for number in range(4 * DRAWS):
        rng = np.random.default_rng([seed, 29, number])
        queues: dict[str, list[int]] = defaultdict(list)
        for i in rng.permutation(len(support)):
            queues[support[i].fragment_id].append(int(i))
        order: list[int] = []
        while len(order) < min(len(support), LONGEST):
            for name in list(queues):
                order.append(queues[name].pop())
                if not queues[name]:
                    del queues[name]
        rows.setdefault(tuple(order[:LONGEST]))
        if len(rows) == DRAWS:
            break
    return np.array(list(rows), dtype=int)
