"""The tasks of ``levels``: which family at which level, with which configurations in which role."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from mfbench.data.configuration import Configuration
from mfbench.data.split import Split, Task
from mfbench.errors import DataError
from mfbench_tasks.levels.dft_tasks import Queued, in_turn
from mfbench_tasks.levels.recipe import LevelsRecipe, Size
from mfbench_tasks.seeds import stream

__all__ = ["LevelTask", "first_of_each_fragment", "plan_dft", "plan_semiempirical", "spread_over_strata"]


@dataclass(frozen=True, eq=False)
class LevelTask:
    """A family at a level.

    Attributes:
        task: the family as its construction has it.
        level: name of the level.
        roles: support, query and heldout configurations, with the labels of the construction.
        draw_length: of its draws.
    """

    task: Task
    level: str
    roles: Mapping[str, tuple[Configuration, ...]]
    draw_length: int

    @property
    def task_id(self) -> str:
        """Its name in ``levels``."""
        return f"{self.level}.{self.task.family_id}"


def spread_over_strata(tasks: Iterable[Task], count: int, seed: int, what: str) -> list[Task]:
    """``count`` tasks in a random order in which subsets take turns.

    Raises:
        DataError: there are fewer.
    """
    rng = stream(seed, what)
    ordered = sorted(tasks, key=lambda t: t.family_id)
    by_stratum: dict[str, list[Task]] = defaultdict(list)
    for i in rng.permutation(len(ordered)):
        by_stratum[ordered[i].stratum].append(ordered[i])
    queues = [by_stratum[s] for s in sorted(by_stratum)]
    found = [q[i] for i in range(max(map(len, queues), default=0)) for q in queues if i < len(q)]
    if len(found) < count:
        raise DataError(f"{what}: {len(found)} families, not {count}")
    return found[:count]


def plan_semiempirical(recipe: LevelsRecipe, cath: Split, chemistry: Split) -> list[LevelTask]:
    """Train, validation and semiempirical test tasks, before any label.

    Raises:
        DataError: a family or enough families are missing.
    """
    return [*_train(recipe, cath, chemistry), *_validation(recipe, cath), *_test(recipe, cath)]


def _train(recipe: LevelsRecipe, cath: Split, chemistry: Split) -> list[LevelTask]:
    r, out = recipe.train, []
    sets = list(combinations(r.levels, r.each))
    order = stream(recipe.seed, "level sets").permutation(len(sets))
    for i, task in enumerate(spread_over_strata(cath.train, r.families, recipe.seed, "train")):
        levels = (*r.always, *sets[order[i % len(sets)]])
        out += [_task(task, level, r, recipe.seed) for level in levels]
    by_name = {t.family_id: t for t in chemistry.train}
    for name, levels in r.chemistry.items():
        if name not in by_name:
            raise DataError(f"{name} is no train family of {chemistry.name}")
        out += [_task(by_name[name], level, r, recipe.seed) for level in levels]
    return out


def _validation(recipe: LevelsRecipe, cath: Split) -> list[LevelTask]:
    r = recipe.validation
    tasks = spread_over_strata(cath.validation, r.families, recipe.seed, "validation")
    return [_task(task, r.level, r, recipe.seed) for task in tasks]


def _test(recipe: LevelsRecipe, cath: Split) -> list[LevelTask]:
    from mfbench_tasks.levels.dft_tasks import DftRule, choose_families

    r = recipe.test
    named = [*list(choose_families(cath, DftRule()))[: recipe.dft.families], *r.deep]
    rest = [t.family_id for t in spread_over_strata(cath.test, len(cath.test), recipe.seed, "test")]
    chosen = list(dict.fromkeys([*named, *rest]))[: r.families]
    by_name = {t.family_id: t for t in cath.test}
    return [
        _task(by_name[name], r.level, r, recipe.seed, deep=r.deep_support if name in r.deep else 0)
        for name in chosen
    ]


def plan_dft(
    recipe: LevelsRecipe, cath: Split, queue: Sequence[Queued], labelled: Iterable[str]
) -> list[LevelTask]:
    """DFT test tasks from what is labelled so far: families that have support, query and held-out."""
    known, by_name = set(labelled), {t.family_id: t for t in cath.test}
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in queue:
        if row.config_id in known:
            found[row.family_id][row.role].append(row.config_id)
    out = []
    for family, roles in sorted(found.items()):
        if not all(roles.get(role) for role in ("support", "query", "heldout")):
            continue
        configurations = {c.config_id: c for c in by_name[family].everything}
        chosen = {role: tuple(configurations[name] for name in names) for role, names in roles.items()}
        length = min(recipe.dft.draw_length, len(chosen["support"]))
        out.append(LevelTask(by_name[family], recipe.dft.level, chosen, length))
    return out


def _task(task: Task, level: str, size: Size, seed: int, *, deep: int = 0) -> LevelTask:
    support = first_of_each_fragment(task.support, size.support, seed)
    roles = {
        "support": _deepened(support, task.support, deep, seed) if deep else support,
        "query": first_of_each_fragment(task.query, size.query, seed),
        "heldout": first_of_each_fragment(task.heldout, size.heldout, seed),
    }
    length = min(deep or size.draw_length, len(roles["support"]))
    return LevelTask(task, level, roles, length)


def _by_fragment(configurations: Iterable[Configuration]) -> dict[str, list[Configuration]]:
    out: dict[str, list[Configuration]] = defaultdict(list)
    for c in configurations:
        if not c.n_unpaired and abs(c.total_charge) <= 1:
            out[c.fragment_id].append(c)
    return dict(sorted(out.items()))


def first_of_each_fragment(
    configurations: Iterable[Configuration], each: int, seed: int
) -> tuple[Configuration, ...]:
    """The first of every fragment, trajectories in turn: the same for every level of the family."""
    return tuple(c for found in _by_fragment(configurations).values() for c in in_turn(found, seed)[:each])


def _deepened(
    first: Sequence[Configuration], configurations: Iterable[Configuration], count: int, seed: int
) -> tuple[Configuration, ...]:
    """``first``, and more of the smallest fragments up to ``count``.

    Raises:
        DataError: there are fewer.
    """
    grouped = _by_fragment(configurations)
    order = sorted(grouped, key=lambda f: (len(grouped[f][0]), f))
    known = {c.config_id for c in first}
    more = [c for f in order for c in in_turn(grouped[f], seed) if c.config_id not in known]
    if len(first) + len(more) < count:
        raise DataError(f"a deep pool holds {len(first) + len(more)} configurations, not {count}")
    return (*first, *more[: count - len(first)])
