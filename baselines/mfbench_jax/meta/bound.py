"""A bound on steps: what makes it impossible for an inner loop to diverge.

A step u longer than the limit is shortened to it: u' = L u / |u|. Gradients may be as large as they like.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["NO_LIMIT", "Limit", "bounded", "limit_of", "pulled_back"]

Params = dict[str, jax.Array]
Limit = jax.Array | np.float32
NO_LIMIT = np.float32(np.inf)
"""Of the length of a step."""


def limit_of(bound: float, weights: Params) -> np.float32:
    """The longest step: ``bound`` in root mean square over the ``weights`` that move; 0 is no bound."""
    return np.float32(bound * np.sqrt(sum(np.size(w) for w in weights.values())) if bound else NO_LIMIT)


def bounded(step: Params, limit: Limit) -> Params:
    """The step, shortened to the limit; no step at all where it is not finite."""
    norm = _norm(step)
    factor = _factor(norm, limit)
    return {k: jnp.where(jnp.isfinite(norm), factor * s, 0.0).astype(s.dtype) for k, s in step.items()}


def pulled_back(adjoint: Params, step: Params, limit: Limit) -> Params:
    """The adjoint of a step, from that of the shortened one: L / |u| (1 − u uᵀ / |u|²), or the same."""
    norm = _norm(step)
    over, factor = norm > limit, _factor(norm, limit)
    along = sum(jnp.vdot(step[k], adjoint[k]) for k in step)
    share = jnp.where(over, along / norm**2, 0.0)
    return {k: (factor * (a - share * step[k])).astype(a.dtype) for k, a in adjoint.items()}


def _factor(norm: jax.Array, limit: Limit) -> jax.Array:
    """What shortens a step of length ``norm``; its derivative is finite without a limit too."""
    over = norm > limit
    return jnp.where(over, limit, 1.0) / jnp.where(over, norm, 1.0)


def _norm(step: Params) -> jax.Array:
    return jnp.sqrt(sum(jnp.sum(s * s) for s in step.values()))
