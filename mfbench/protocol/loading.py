"""Methods, trainers and engines from their names."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from mfbench.errors import UnknownNameError
from mfbench.protocol.catalogue import BACKENDS, METHODS
from mfbench.protocol.method import Method, MethodContext
from mfbench.protocol.specs import MethodSpec

__all__ = ["load_engine", "load_method", "load_trainer", "uses_backend"]


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
        return _factory(spec, backend)(context)
    if offered := METHODS.offered(name):
        return (
            _factory(offered, backend)(context)
            if isinstance(offered, MethodSpec)
            else _make(offered, context)
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


def _factory(spec: MethodSpec, backend: str) -> Callable[[MethodContext], Method]:
    """What makes a method.

    Raises:
        UnknownNameError: this backend does not have it, or a module is not installed.
    """
    if spec.backends and backend not in spec.backends:
        raise UnknownNameError(f"method '{spec.name}' needs --backend {spec.backends[0]}")
    found: Callable[[MethodContext], Method] = _resolve(spec.factory.format(backend=backend), spec.name)
    return found


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
