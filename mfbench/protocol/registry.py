"""The methods and the backends by name. A new method is one entry here, and one file that makes it.

A method outside of this package needs no entry: ``module:Class``, or an entry point ``mfbench.methods`` of
an installed package, which names a factory or a ``MethodSpec``.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mfbench.errors import UnknownNameError
from mfbench.protocol.method import Method, MethodContext
from mfbench.protocol.named_entries import Registry

__all__ = [
    "BACKENDS",
    "METHODS",
    "BackendSpec",
    "Cost",
    "MethodSpec",
    "load_engine",
    "load_method",
    "load_trainer",
    "reference_lines",
    "start_of",
    "trained_methods",
    "uses_backend",
]


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

    def load(self, backend: str) -> Callable[[MethodContext], Method]:
        """Its factory.

        Raises:
            UnknownNameError: this backend does not have it, or a module is not installed.
        """
        if self.backends and backend not in self.backends:
            raise UnknownNameError(f"method '{self.name}' needs --backend {self.backends[0]}")
        found: Callable[[MethodContext], Method] = _resolve(self.factory.format(backend=backend), self.name)
        return found


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


BACKENDS: Registry[BackendSpec] = Registry(
    "backend",
    [
        BackendSpec(
            "jax",
            "JAX, compiled; the fastest on CPUs",
            frozenset({"jax", "optax", "safetensors"}),
            "mfbench_jax.train:train_by_name",
            "mfbench_jax.engine:ENGINE",
        ),
        BackendSpec(
            "torch",
            "PyTorch; also fine-tunes mace-torch models",
            frozenset({"torch", "e3nn", "mace", "safetensors"}),
            "mfbench_torch.train:train_by_name",
            "mfbench_torch.engine:ENGINE",
        ),
    ],
)

_BOTH = ("jax", "torch")
METHODS: Registry[MethodSpec] = Registry(
    "method",
    [
        MethodSpec(
            "constant",
            "energy baseline and offsets, zero forces: the line to beat",
            "mfbench.methods.constant:constant",
            cost=Cost.CLOSED_FORM,
            reference=True,
        ),
        MethodSpec(
            "random",
            "constant plus noise as wide as the labels",
            "mfbench.methods.constant:random",
            cost=Cost.CLOSED_FORM,
            reference=True,
        ),
        *(
            MethodSpec(
                name,
                f"{level}-xTB used as a method{more} (--track open)",
                f"mfbench_tasks.levels.rivals:{name.replace('-', '_')}",
                cost=Cost.CLOSED_FORM,
                open_only=True,
            )
            for name, level, more in (
                ("gfn1", "GFN1", ""),
                ("gfn2", "GFN2", ""),
                ("gfn1-bond-terms", "GFN1", ", forces corrected by bond and 1-3 terms"),
                ("gfn2-bond-terms", "GFN2", ", forces corrected by bond and 1-3 terms"),
            )
        ),
        MethodSpec(
            "offset",
            "pre-trained model, offsets in closed form, no gradient step",
            "mfbench_{backend}.methods:offset",
            _BOTH,
            starts_from="pretrain",
            cost=Cost.CLOSED_FORM,
        ),
        MethodSpec(
            "ridge",
            "the same network, frozen, and a head on its features in closed form",
            "mfbench_{backend}.methods:ridge",
            _BOTH,
            starts_from="pretrain",
            cost=Cost.CLOSED_FORM,
        ),
        MethodSpec(
            "ridge-prior",
            "the same head, shrunk towards those of the train tasks",
            "mfbench_{backend}.methods:ridge_prior",
            _BOTH,
            starts_from="pretrain",
            cost=Cost.CLOSED_FORM,
        ),
        MethodSpec(
            "laplace",
            "the same head as a Gaussian, its strength by the evidence, with uncertainties",
            "mfbench_{backend}.methods:laplace",
            _BOTH,
            starts_from="pretrain",
            cost=Cost.CLOSED_FORM,
        ),
        MethodSpec(
            "scratch",
            "trained on the K labels alone, up to 2,000 steps",
            "mfbench_{backend}.methods:scratch",
            _BOTH,
            cost=Cost.OWN,
            recipes=True,
        ),
        MethodSpec(
            "pretrain",
            "joint training on all meta-train families, then fine-tuning",
            "mfbench_{backend}.methods:pretrain",
            _BOTH,
            trained=True,
            recipes=True,
        ),
        MethodSpec(
            "multihead",
            "joint training with a readout per level; a new task starts from the best of them",
            "mfbench_{backend}.methods:multihead",
            _BOTH,
            trained=True,
            recipes=True,
        ),
        MethodSpec(
            "cavia",
            "joint training with a context vector per level, which alone is fitted to the K labels",
            "mfbench_{backend}.methods:cavia",
            _BOTH,
            trained=True,
            recipes=True,
        ),
        MethodSpec(
            "delta",
            "pretrain on what GFN2 leaves, with GFN2 at prediction (--track open)",
            "mfbench_{backend}.methods:delta",
            _BOTH,
            trained=True,
            recipes=True,
            open_only=True,
        ),
        MethodSpec(
            "finetune",
            "any mace-torch .model, fine-tuned on the K labels (--backend torch --model PATH)",
            "mfbench_{backend}.foreign.methods:finetune",
            ("torch",),
            recipes=True,
        ),
        MethodSpec(
            "so3lr",
            "SO3LR as it is, or fine-tuned (--option strategy=full, head, frozen, lora, replay, delta)",
            "mfbench_torch.foreign.methods:so3lr",
            recipes=True,
        ),
        MethodSpec(
            "ani",
            "ANI with weights from a file, as it is or fine-tuned (--model PATH --option model=ani2x)",
            "mfbench_torch.foreign.methods:ani",
            recipes=True,
        ),
        MethodSpec(
            "torch-module",
            "any PyTorch module with energies, as it is or fine-tuned (--model module:make)",
            "mfbench_torch.foreign.methods:torch_module",
            recipes=True,
        ),
        MethodSpec(
            "ase",
            "any ASE calculator as it is (--option calculator=module:Class)",
            "mfbench.methods.ase:ase",
            cost=Cost.CLOSED_FORM,
        ),
        MethodSpec(
            "mmff94",
            "a classical force field as it is (MMFF94, through RDKit)",
            "mfbench.methods.mmff94:mmff94",
            cost=Cost.CLOSED_FORM,
        ),
        MethodSpec(
            "maml",
            "model-agnostic meta-learning, second order",
            "mfbench_{backend}.methods:maml",
            _BOTH,
            trained=True,
            recipes=True,
        ),
        MethodSpec(
            "maml++",
            "with learned step sizes, multi-step loss and annealed order",
            "mfbench_{backend}.methods:maml_pp",
            _BOTH,
            trained=True,
            recipes=True,
        ),
        MethodSpec(
            "anil",
            "moving the head alone in the inner loop",
            "mfbench_{backend}.methods:anil",
            _BOTH,
            trained=True,
            recipes=True,
        ),
        MethodSpec(
            "fomaml",
            "first-order approximation of maml",
            "mfbench_{backend}.methods:fomaml",
            _BOTH,
            trained=True,
            recipes=True,
        ),
        MethodSpec(
            "reptile",
            "first-order meta-learning by moving towards adapted weights",
            "mfbench_{backend}.methods:reptile",
            _BOTH,
            trained=True,
            recipes=True,
        ),
    ],
    group="mfbench.methods",
)


def trained_methods() -> tuple[str, ...]:
    """Methods whose initialisation ``mfbench train`` makes."""
    return tuple(spec.name for spec in METHODS if spec.trained)


def reference_lines() -> tuple[str, ...]:
    """Methods that are shown beside the others and never ranked."""
    return tuple(spec.name for spec in METHODS if spec.reference)


def start_of(name: str) -> str:
    """The method whose trained initialisation a method uses: mostly its own."""
    spec = METHODS.find(name)
    return spec.starts_from or name if spec else name


def uses_backend(name: str) -> bool:
    """Whether backend and architecture matter to a method: to registered ones that have a model, and to
    those of others that ask for the context. Code of others is imported to see that."""
    if spec := METHODS.find(name):
        return bool(spec.backends)
    try:
        factory = METHODS.offered(name)
        if factory is None and ":" not in name:
            return False
        factory = factory or _resolve(name, name)
        return bool(factory.backends) if isinstance(factory, MethodSpec) else not _wants_nothing(factory)
    except (Exception, SystemExit):  # whatever is wrong with it is said where it is made
        return False


def load_method(name: str, context: MethodContext, *, backend: str = "jax") -> Method:
    """Make a method from its name, from an entry point, or from ``module:Class``.

    A user's class is called without arguments when it accepts none, else with the context.

    Raises:
        UnknownNameError: no such method or backend, or the module is not there.
    """
    BACKENDS[backend]
    if spec := METHODS.find(name):
        return spec.load(backend)(context)
    if offered := METHODS.offered(name):
        return (
            offered.load(backend)(context) if isinstance(offered, MethodSpec) else _make(offered, context)
        )
    if ":" in name:
        return _make(_resolve(name, name), context)
    raise UnknownNameError(
        f"unknown method '{name}': choose one of {', '.join(METHODS.names())}, or give module:Class"
    )


def load_trainer(backend: str) -> Callable[..., Any]:
    """What ``mfbench train`` runs for a backend.

    Raises:
        UnknownNameError: no such backend, or its packages are not installed.
    """
    found: Callable[..., Any] = _resolve(BACKENDS[backend].trainer, "train")
    return found


def load_engine(backend: str) -> Any:
    """The engine of a backend (``mfbench.learned.engine.Engine``).

    Raises:
        UnknownNameError: no such backend, or its packages are not installed.
    """
    return _resolve(BACKENDS[backend].engine, backend)


def _resolve(target: str, name: str) -> Any:
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        backend = BACKENDS.find(module.partition(".")[0].removeprefix("mfbench_"))
        extra = (
            f" (pip install 'mfbench[{backend.name}]')"
            if backend and error.name in backend.packages
            else " (pip install 'mfbench[label]')" * module.startswith("mfbench_tasks.")
        )
        raise UnknownNameError(
            f"method '{name}' needs the module '{error.name}', which is not installed{extra}"
        ) from None
    except AttributeError:
        raise UnknownNameError(f"module '{module}' has no '{attribute}'") from None


def _make(factory: Any, context: MethodContext) -> Method:
    method = factory() if _wants_nothing(factory) else factory(context)
    if not isinstance(method, Method):
        raise UnknownNameError(f"'{factory}' is not a method: it needs a name and adapt(support, ...)")
    return method


def _wants_nothing(factory: Any) -> bool:
    """By its signature, not by trying: a TypeError inside a user's constructor is the user's to see."""
    try:
        inspect.signature(factory).bind()
    except (TypeError, ValueError):  # it wants an argument, or has no signature
        return False
    return True
