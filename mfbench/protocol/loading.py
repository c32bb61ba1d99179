"""Methods, trainers and engines from their names."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from mfbench.errors import UnknownNameError
from mfbench.protocol.catalogue import BACKENDS, METHODS
from mfbench.protocol.method import DEFAULT_ARCH, DEFAULT_BACKEND, Method, MethodContext
from mfbench.protocol.specs import MethodSpec
from mfbench.work.own_code import find_object

__all__ = ["load_engine", "load_method", "load_trainer", "uses_backend"]


def uses_backend(name: str) -> bool:
    """Whether backend and architecture matter to a method: to those that say which ``backends`` they have.

    A registered one says it in its entry, a class of somebody else as an attribute; without one it is a
    method without a network of ours, whatever else it reads of its context. Code of others is imported to
    see that.
    """
    try:
        if factory := METHODS.find(name) or METHODS.offered(name):
            return bool(_backends(factory))
        return ":" in name and bool(_backends(_resolve(name, name)))
    except (Exception, SystemExit):  # whatever is wrong with it is said where it is made
        return False


def load_method(name: str, context: MethodContext, *, backend: str = DEFAULT_BACKEND) -> Method:
    """Make a method from its name, from an entry point, or from ``module:Class``.

    A user's class is called without arguments when it accepts none, else with the context.

    Raises:
        UnknownNameError: no such method or backend, the module is not there, or a user's class without
            ``backends`` is asked for with a backend or an architecture.
    """
    BACKENDS[backend]
    if spec := METHODS.find(name):
        return _factory(spec, backend)(context)
    if offered := METHODS.offered(name):
        return (
            _factory(offered, backend)(context)
            if isinstance(offered, MethodSpec)
            else _make(offered, context, name, backend)
        )
    if ":" in name:
        return _make(_resolve(name, name), context, name, backend)
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
    _check_backend(spec.name, spec.backends, backend)
    found: Callable[[MethodContext], Method] = _resolve(spec.factory.format(backend=backend), spec.name)
    return found


def _resolve(target: str, name: str) -> Any:
    module = target.partition(":")[0]
    try:
        return find_object(target)
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


def _backends(factory: Any) -> tuple[str, ...]:
    """Those that a method says it has."""
    said = getattr(factory, "backends", None) or ()
    return (said,) if isinstance(said, str) else tuple(said)


def _check_backend(name: str, backends: tuple[str, ...], backend: str) -> None:
    if backends and backend not in backends:
        raise UnknownNameError(f"method '{name}' needs --backend {backends[0]}")


def _make(factory: Any, context: MethodContext, name: str, backend: str) -> Method:
    backends = _backends(factory)
    _check_backend(name, backends, backend)
    if not backends and (context.arch, backend) != (DEFAULT_ARCH, DEFAULT_BACKEND):
        raise UnknownNameError(
            f"method '{name}' names no backends that it has a network in, so no record would say --arch "
            "and --backend: set e.g. backends = ('torch',) in it, or leave them out"
        )
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
