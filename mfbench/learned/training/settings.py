"""Everything that a training run depends on besides the data: the card keeps it, to repeat the run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from mfbench.errors import UnknownNameError
from mfbench.learned.architectures.composed import CONTEXT
from mfbench.learned.architectures.registry import config_class
from mfbench.learned.training.losses import FORMER_LOSS, softening
from mfbench.protocol.catalogue import METHODS, trained_methods

__all__ = ["JOINTLY", "TrainSettings", "as_recorded", "as_requested", "gradients_per_step", "settings_from"]

JOINTLY = ("joint", "pretrain", "delta", "multihead", "cavia")
"""Methods that are trained by batches over all tasks, without an inner loop."""
_MODEL = "model."
_LATER = {"context_size": 8, "base": ""}
"""Settings that came later, with what they say where they say nothing new."""
HVP_GRADIENTS = 3
"""A Hessian-vector product on a configuration counts as this many gradients of it (measured: 2.7)."""


@dataclass(frozen=True)
class TrainSettings:
    """A run has two phases: joint training (shared by all methods), then the method's own.

    Attributes:
        method: ``joint`` (the first phase alone), ``pretrain`` (joint training goes on, on all families),
            ``delta`` (the same on a base level), ``multihead`` or ``cavia`` (it goes on with weights of
            each level's own, see ``mfbench.learned.adaptation.per_group``), ``maml``, ``maml++``, ``anil``,
            ``fomaml`` or ``reptile``.
        arch: architecture (of a joint phase that is given, its own).
        model: fields of the architecture's configuration that differ from the nano model.
        seed: of the initial weights and of every draw.
        joint_gradients, gradients: configuration-gradients of the first phase and of both together.
        withheld: meta-train families that joint training does not see in the first phase, so that the
            inner loop meets families that were not fitted.
        also: other splits whose train families are added, e.g. ``cluster30+chemistry``, without what
            overlaps with this split's validation and test families.
        families: train on so many meta-train families only; 0: all. See
        ``mfbench.learned.training.train_families``.
        configurations: use so many configurations of each family only; 0: all.
        joint_batch: configurations per step of joint training.
        size_classes: joint batches hold configurations of one of so many size classes, each with its own
            padding: 3 save a third of the time; 1 mixes all sizes, as the embedded checkpoints did.
        joint_rate, joint_final: peak Adam rate of the first phase, and the share of it that is left at
            its end (cosine decay).
        rate: peak Adam rate of the second phase.
        tasks, k, inner_steps, inner_batch, query: shape of a meta-training step.
        inner_rate: α of the inner loop.
        adapt: weights that the inner loop moves, see ``mfbench.learned.adaptation.moving_weights``;
        ``head`` for anil.
        learn_rates: (maml++) whether the step sizes of the inner loop are learned.
        rates_rate: a step of size ``rate`` multiplies a learned step size by exp(rates_rate · rate).
        multi_step_share: (maml++) share of the phase with a loss after every inner step; 0: none.
        first_order_share: (maml++) share of the phase that is first-order; 0: none.
        loss: what is minimised in every phase, see ``mfbench.learned.training.losses``.
        energy_weight, force_weight: of the loss; 1/eV and Å/eV, for squares 1/eV² and Å²/eV².
        inner_bound: no inner step moves the weights that adapt by more than this, in root mean square
            (they are of order 1); 0: no bound.
        clip: global norm at which gradients are clipped.
        context_size: (cavia) numbers in a context.
        base: level of theory whose labels are subtracted from all others (Δ-learning); ``gfn2`` for delta.
    """

    method: str
    seed: int = 0
    arch: str = "mace"
    model: dict[str, Any] = field(default_factory=dict)
    joint_gradients: int = 700_000
    gradients: int = 847_840
    withheld: int = 3
    also: str = ""
    families: int = 0
    configurations: int = 0
    joint_batch: int = 4
    size_classes: int = 1
    joint_rate: float = 3e-2
    joint_final: float = 0.05
    rate: float = 3e-3
    tasks: int = 4
    k: int = 16
    inner_steps: int = 3
    inner_batch: int = 8
    query: int = 24
    inner_rate: float = 1e-3
    inner_bound: float = 0.1
    loss: str = "l1"
    energy_weight: float = 0.2
    force_weight: float = 1.0
    clip: float = 10.0
    adapt: str = "all"
    learn_rates: bool = True
    rates_rate: float = 10.0
    multi_step_share: float = 0.3
    first_order_share: float = 0.3
    context_size: int = 8
    base: str = ""

    def __post_init__(self) -> None:
        """Refuse a method that has nothing to learn, and an architecture that does not exist."""
        config_class(self.arch)
        softening(self.loss)
        spec = METHODS.find(self.method)
        if spec and (start := spec.starts_from):
            raise UnknownNameError(
                f"'{self.method}' uses the network of '{start}': train that with --method {start}"
            )
        # The shared first phase alone, and the methods with a learned initialisation.
        known = ("joint", *trained_methods())
        if self.method not in known:
            raise UnknownNameError(f"'{self.method}' is not trained: choose one of {', '.join(known)}")
        if self.method == "anil" and self.adapt == "all":
            object.__setattr__(self, "adapt", "head")
        if self.method == "delta" and not self.base:
            object.__setattr__(self, "base", "gfn2")
        if self.method == "cavia" and self.adapt == "all":
            object.__setattr__(self, "adapt", CONTEXT)


def as_recorded(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a card, also of one from before the loss was a setting: then it was squared."""
    return {"loss": FORMER_LOSS, "inner_bound": 0.0, **settings}


def as_requested(settings: TrainSettings) -> dict[str, Any]:
    """What a run is known by: runs that began before a setting existed go on where it says nothing."""
    return {k: v for k, v in asdict(settings).items() if k not in _LATER or v != _LATER[k]}


def gradients_per_step(settings: TrainSettings, *, second: bool = True, queries: int = 1) -> int:
    """Configuration-gradients of one step of the method's own phase.

    ``second`` (order) and ``queries`` (inner steps after which the query is looked at) matter to maml++.
    A gradient in the head alone counts as a whole one.
    """
    if settings.method in JOINTLY:
        return settings.joint_batch
    inner = settings.inner_steps * settings.inner_batch
    second_order = inner * (1 + HVP_GRADIENTS) + settings.query
    per_task = {
        "maml": second_order,
        "anil": second_order,
        "maml++": inner * (1 + HVP_GRADIENTS * second) + queries * settings.query,
        "fomaml": inner + settings.query,
        "reptile": inner,
    }
    return settings.tasks * per_task[settings.method]


def settings_from(method: str, arch: str, seed: int, options: dict[str, Any]) -> TrainSettings:
    """Settings from a command line; ``model.channels`` and the like set the size of the model.

    Raises:
        UnknownNameError: the method or an option does not exist.
    """
    sizes = {item.name for item in fields(config_class(arch))} - {"elements", "avg_num_neighbors"}
    known = {item.name for item in fields(TrainSettings)} - {"method", "arch", "seed", "model"}
    known |= {_MODEL + name for name in sizes}
    for name in options:
        if name not in known:
            raise UnknownNameError(f"unknown option '{name}': choose from {', '.join(sorted(known))}")
    model = {k.removeprefix(_MODEL): v for k, v in options.items() if k.startswith(_MODEL)}
    others = {k: v for k, v in options.items() if not k.startswith(_MODEL)}
    return TrainSettings(method=method, seed=seed, arch=arch, model=model, **others)
