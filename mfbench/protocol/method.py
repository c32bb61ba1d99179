"""What a method is: ``adapt`` on a support set, then ``predict``. NumPy at the seam."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Protocol, runtime_checkable

from mfbench.data.configuration import Configuration, Prediction
from mfbench.errors import UnknownNameError

__all__ = [
    "STARTS_FROM",
    "Budget",
    "Method",
    "MethodContext",
    "Predictor",
    "Usage",
    "load_method",
    "method_names",
    "uses_backend",
]


@dataclass(frozen=True)
class Budget:
    """What the standard track allows a learned initialisation at adaptation.

    Attributes:
        steps: gradient steps.
        batch: configurations a step.
    """

    steps: int = 20
    batch: int = 16


@dataclass(frozen=True)
class Usage:
    """What an adaptation cost, as far as the method knows it.

    Attributes:
        gradient_evaluations: configurations × gradients (closed-form force Jacobians count too).
        compile_seconds: part of the adaptation's wall time that was compilation.
    """

    gradient_evaluations: int = 0
    compile_seconds: float = 0.0


@runtime_checkable
class Predictor(Protocol):
    """An adapted model. It may have a ``usage`` attribute (``Usage``) saying what adapting cost."""

    def predict(self, configurations: Sequence[Configuration]) -> list[Prediction]:
        """Energies (eV) and forces (eV/Å) of blind configurations, each one on its own."""
        ...


@runtime_checkable
class Method(Protocol):
    """A few-shot learner."""

    name: str

    def adapt(self, support: Sequence[Configuration], *, budget: Budget, seed: int) -> Predictor:
        """Learn from K labelled configurations (K = 0: an empty support)."""
        ...


@dataclass(frozen=True)
class MethodContext:
    """What a built-in method is made from.

    Attributes:
        split: the split it will be tested on; methods may read its meta-train families.
        arch: architecture name.
        checkpoint: path of a checkpoint to use instead of the embedded one.
        options: further keyword options of the method.
    """

    split: Any
    arch: str = "mace"
    checkpoint: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


ARCHITECTURES = ("mace", "nequip", "allegro")
BACKENDS = ("jax", "torch")
STARTS_FROM = {"offset": "pretrain", "ridge": "pretrain"}
"""Methods without a checkpoint of their own, and the method whose network they freeze."""

# (name, backend) → factory(MethodContext) → Method. The core imports a backend only when it is asked for.
_BUILT_IN = {
    ("constant", None): "mfbench.methods.constant:constant",
    ("random", None): "mfbench.methods.constant:random",
    **{
        (name, backend): f"mfbench_{backend}.methods:{name.replace('++', '_pp')}"
        for name in (
            "offset",
            "scratch",
            "pretrain",
            "maml",
            "maml++",
            "anil",
            "fomaml",
            "reptile",
            "ridge",
        )
        for backend in BACKENDS
    },
    ("finetune", "torch"): "mfbench_torch.methods:finetune",
}
# backend → what its extra installs.
_PACKAGES = {"jax": {"jax", "optax", "safetensors"}, "torch": {"torch", "e3nn", "mace", "safetensors"}}
# backend → function (split, method, arch, seed, options, folder, *, init, stop_after, tick).
_TRAINERS = {backend: f"mfbench_{backend}.train:train_by_name" for backend in BACKENDS}


def method_names() -> list[str]:
    """Built-in methods and those that installed packages offer (entry points ``mfbench.methods``)."""
    found = [point.name for point in entry_points(group="mfbench.methods")]
    return sorted({name for name, _ in _BUILT_IN} | set(found))


def uses_backend(name: str) -> bool:
    """Whether backend and architecture matter to a method: to built-in ones that have a model, and to those
    of others that ask for the context. Code of others is imported to see that."""
    if any(known == name for known, _ in _BUILT_IN):
        return (name, None) not in _BUILT_IN
    try:
        found = [point.load() for point in entry_points(group="mfbench.methods", name=name)]
        if not found and ":" not in name:
            return False
        factory = found[0] if found else _resolve(name, name)
        return not _wants_nothing(factory)
    except (Exception, SystemExit):  # whatever is wrong with it is said where it is made
        return False


def load_method(name: str, context: MethodContext, *, backend: str = "jax") -> Method:
    """Make a method from its name, from an entry point, or from ``module:Class``.

    A user's class is called without arguments when it accepts none, else with the context.

    Raises:
        UnknownNameError: no such method, architecture or backend, or the module is not there.
    """
    if backend not in BACKENDS:
        raise UnknownNameError(f"unknown backend '{backend}': choose one of {', '.join(BACKENDS)}")
    if context.arch not in ARCHITECTURES:
        raise UnknownNameError(
            f"unknown architecture '{context.arch}': choose one of {', '.join(ARCHITECTURES)}"
        )
    target = _BUILT_IN.get((name, backend)) or _BUILT_IN.get((name, None))
    if target:
        return _resolve(target, name)(context)
    for point in entry_points(group="mfbench.methods", name=name):
        return _instantiate(point.load(), context)
    if ":" in name:
        return _instantiate(_resolve(name, name), context)
    if others := [b for n, b in _BUILT_IN if n == name]:
        raise UnknownNameError(f"method '{name}' needs --backend {others[0]}")
    raise UnknownNameError(
        f"unknown method '{name}': choose one of {', '.join(method_names())}, or give module:Class"
    )


def load_trainer(backend: str) -> Callable[..., Any]:
    """What ``mfbench train`` runs for a backend.

    Raises:
        UnknownNameError: no such backend, or its packages are not installed.
    """
    if backend not in _TRAINERS:
        raise UnknownNameError(f"unknown backend '{backend}': choose one of {', '.join(_TRAINERS)}")
    return _resolve(_TRAINERS[backend], "train")


def _resolve(target: str, name: str) -> Any:
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        backend = module.partition(".")[0].removeprefix("mfbench_")
        extra = f" (pip install 'mfbench[{backend}]')" if error.name in _PACKAGES.get(backend, ()) else ""
        raise UnknownNameError(
            f"method '{name}' needs the module '{error.name}', which is not installed{extra}"
        ) from None
    except AttributeError:
        raise UnknownNameError(f"module '{module}' has no '{attribute}'") from None


def _instantiate(factory: Any, context: MethodContext) -> Method:
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
