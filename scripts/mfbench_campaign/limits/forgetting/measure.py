"""Does adapting to one family unlearn the others? Errors on meta-train configurations before and after.

The network was trained on these configurations: what is measured is how far one adaptation moves it away
from what it knew. Variants:

- *anneal*: the inner rate decays to zero (cosine).
- *half-rate*: the inner rate is constant and half as large, about the mean of the annealed one, which tells
  what annealing does beyond moving less.
- *replay*: the support is extended by as many random meta-train configurations as it has labels, at the
  same number of gradients. They take part in the gradient steps alone; the energy correction that predicts
  is solved on the family's own support. (Solved on both, meta-train rows pin the elements that they share
  with the family, and its offset no longer reaches fragments that the support does not hold.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from mfbench.compare.record import RECORDED
from mfbench.compare.text import markdown
from mfbench.data.configuration import Configuration
from mfbench.data.split import Task
from mfbench.errors import PredictionError
from mfbench.learned.adaptation.recipe import AdaptSettings
from mfbench.learned.adaptation.tuned import tuned_settings
from mfbench.protocol.protocol import Budget
from mfbench.protocol.run_episode import episode_seed
from mfbench_campaign.headline import MANY
from mfbench_campaign.intervals import family_mean, family_ratio, shown
from mfbench_campaign.limits.forgetting.remembered import remembered, replayed
from mfbench_campaign.limits.measured import Content, Measured, Measurement
from mfbench_campaign.limits.predicted_errors import mean_errors
from mfbench_campaign.limits.setting import LEARNED, Setting

__all__ = ["METHODS", "VARIANTS", "measurements", "table"]

METHODS = LEARNED
K, SAMPLE = MANY, 200
VARIANTS = ("plain", "anneal", "half-rate", "replay")
Advance = Callable[[], None]


def measurements(setting: Setting, method: str, advance: Advance, *, k: int = K) -> list[Measurement]:
    """One measurement per variant."""
    found = []
    for variant in VARIANTS:
        options = _varied(setting, method, variant)
        identity = setting.identity("forgetting", method, variant, options, k=k, sample=SAMPLE)
        found.append(
            Measurement(identity, partial(_measure, setting, method, variant, options, k, advance))
        )
    return found


def _varied(setting: Setting, method: str, variant: str) -> dict[str, Any]:
    """Options of a variant."""
    options = setting.options(method)
    if variant == "anneal":
        return options | {"decay": "cosine"}
    if variant == "half-rate":
        usual = tuned_settings(setting.split.name, "mace", method, AdaptSettings)
        return options | {"rate": 0.5 * options.get("rate", usual.rate)}
    return options


def _measure(
    setting: Setting, name: str, variant: str, options: dict[str, Any], k: int, advance: Advance
) -> Content:
    method, kept = setting.method(name, options), remembered(setting.split, SAMPLE)
    before = method.adapt([], budget=Budget(), seed=0)
    values = {}
    for task in setting.split.test:
        try:
            values[task.family_id] = _of_family(setting, method, before, kept, task, variant, k)
        except PredictionError as error:
            values[task.family_id] = {"failure": str(error)}
        advance()
    shared = {
        "train_before": mean_errors(before, kept),
        "configurations": len(kept),
        "fragments": len({c.fragment_id for c in kept}),
    }
    return Content(groups=setting.groups, values=values, shared=shared)


def _of_family(
    setting: Setting,
    method: Any,
    before: Any,
    kept: Sequence[Configuration],
    task: Task,
    variant: str,
    k: int,
) -> dict[str, Any]:
    episode = setting.episode(task, k)
    if variant == "replay":
        seed = episode_seed(setting.seed, *episode.key)
        episode = replace(episode, support=(*episode.support, *replayed(setting.split, kept, k, seed=seed)))
    after = setting.adapted(method, episode)
    if variant == "replay":
        after = replace(after, support=episode.support[:k])
    query = [episode.query[i] for i in np.flatnonzero(episode.subsets["all"])]
    return {
        "train_after": mean_errors(after, kept),
        "query_before": mean_errors(before, query),
        "query_after": mean_errors(after, query),
    }


def table(measured: Sequence[Measured]) -> str:
    """Ratios after / before on meta-train and on the family's own query."""
    head = ["construction", "method", "variant", "train, forces before", "train, forces after ÷ before"]
    head += ["train, energy within after ÷ before", "own query, forces after", "own query, after ÷ before"]
    head += ["own query, energy after", "own query, variant ÷ plain, forces", "failed"]
    by_name = {_key(m): m for m in measured}
    splits = sorted({m.identity.split for m in measured})
    rows = []
    for split in splits:
        for method in dict.fromkeys([*LEARNED, *(m.identity.method for m in measured)]):
            for variant in VARIANTS:
                row = _row(by_name.get((split, method, variant)), by_name.get((split, method, "plain")))
                rows.append([split, f"`{method}`", variant, *row])
    return markdown(head, rows) if rows else "not run"


def _row(found: Measured | None, plain: Measured | None) -> list[str]:
    if found is None:
        return ["not run"] + ["–"] * 7
    content, groups = found.content, found.content.groups
    before = content.shared["train_before"]
    good = {f: v for f, v in content.values.items() if "failure" not in v}

    def column(of: str, metric: str, values: dict[str, Any] = good) -> dict[str, float]:
        return {f: v[of][metric] for f, v in values.items()}

    force, within = RECORDED[2], RECORDED[1]
    train = [
        family_ratio(column("train_after", m), dict.fromkeys(good, before[m]), groups)
        for m in (force, within)
    ]
    own = column("query_after", force)
    row = [f"{before[force]:.2f}", *(shown(x, 3) for x in train), shown(family_mean(own, groups))]
    row += [shown(family_ratio(own, column("query_before", force), groups), 3)]
    row += [shown(family_mean(column("query_after", RECORDED[0]), groups))]
    if plain is None or plain is found:
        row.append("–")
    else:
        usual = {f: v for f, v in plain.content.values.items() if "failure" not in v}
        row.append(shown(family_ratio(own, column("query_after", force, usual), groups), 3))
    return [*row, str(len(content.values) - len(good))]


def _key(measured: Measured) -> tuple[str, str, str]:
    return measured.identity.split, measured.identity.method, measured.identity.variant
