"""What a method and a backend say of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["BackendSpec", "Cost", "MethodSpec"]


class Cost(StrEnum):
    """What a method spends on adapting.

    ``closed-form``: it solves, and takes no gradient step. ``budget``: gradient steps within the budget.
    ``own``: gradient steps by a rule of its own, whatever the budget (training from scratch).
    """

    CLOSED_FORM = "closed-form"
    BUDGET = "budget"
    OWN = "own"


@dataclass(frozen=True)
class MethodSpec:
    """One method.

    Attributes:
        name: what ``--method`` takes.
        summary: one line for ``mfbench methods``.
        factory: ``module:function`` (``MethodContext`` → ``Method``); ``{backend}`` stands for the
            backend's name.
        backends: those that have it; empty: it has no model, so backend and architecture do not matter.
        trained: whether ``mfbench train`` makes its initialisation.
        starts_from: the method whose initialisation it uses; None: its own, or none.
        cost: what it spends on adapting.
        reference: whether it is a reference line, which is shown and never ranked.
        recipes: whether it takes the option ``recipe``; on the track ``converged`` it gets that recipe.
        open_only: whether it calls a level of theory at prediction: it runs on the track ``open`` alone.
        description: a sentence for the board, ``{arch}`` standing for the architecture.
    """

    name: str
    summary: str
    factory: str
    backends: tuple[str, ...] = ()
    trained: bool = False
    starts_from: str | None = None
    cost: Cost = Cost.BUDGET
    reference: bool = False
    recipes: bool = False
    open_only: bool = False
    description: str = ""


@dataclass(frozen=True)
class BackendSpec:
    """One framework that models and training exist in.

    Attributes:
        name: what ``--backend`` takes, and the extra that installs it.
        summary: one line for ``mfbench methods``.
        packages: what the extra installs, so that a missing one can be named.
        trainer: ``module:function``, called as ``(split, method, arch, seed, options, folder, *, init,
            stop_after, tick)``, which ``mfbench train`` runs.
        engine: ``module:object``, an ``mfbench.learned.engine.Engine``.
    """

    name: str
    summary: str
    packages: frozenset[str]
    trainer: str
    engine: str
