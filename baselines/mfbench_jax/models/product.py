"""mace's symmetric contraction at correlation 2: element-dependent products of an atom's own features."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from mfbench_jax.models.irreps import vector_of
from mfbench_jax.models.radial import mix

__all__ = ["by_element", "product_basis"]


def by_element(table, elements):
    """Rows of ``table`` [Z, ...] for each atom; ``elements`` [B, Z, n] is one-hot. Returns [B, ..., n]."""
    z, rest = table.shape[0], table.shape[1:]
    out = mix(table.reshape(z, -1), elements)
    return out.reshape(out.shape[0], *rest, out.shape[-1])


def product_basis(params, prefix: str, a, elements, *, vectors: bool):
    """Scalars [B, c, n] and vectors [B, 3, c, n] (None unless ``vectors``) from ``a`` [B, 9, c, n].

    Scalars: a0, a0 a0, a1.a1 / sqrt 3, a2.a2 / sqrt 5. Vectors: a1, a0 a1 (twice), and a2 applied
    to a1 (twice): mace's full basis counts a coupling and its mirror image as two paths with a
    weight each.
    """
    name = f"{prefix}.symmetric_contractions.contractions"
    a0, a1, a2 = a[:, 0], a[:, 1:4], a[:, 4:9]
    tables = [params[f"{name}.0.weights.0"], params[f"{name}.0.weights_max"]]
    if vectors:
        pairs = params[f"{name}.1.weights_max"]
        tables += [params[f"{name}.1.weights.0"], pairs[:, 0::2] + pairs[:, 1::2]]
    w = by_element(jnp.concatenate(tables, 1), elements)
    scalars = (w[:, 0] + w[:, 1] * a0) * a0
    scalars += float(3.0**-0.5) * w[:, 2] * sum(a1[:, k] * a1[:, k] for k in range(3))
    scalars += float(5.0**-0.5) * w[:, 3] * sum(a2[:, k] * a2[:, k] for k in range(5))
    if not vectors:
        return scalars, None
    out = (w[:, 4] + w[:, 5] * a0)[:, None] * a1
    return scalars, out + (float(np.sqrt(0.6)) * w[:, 6])[:, None] * vector_of(a2, a1, 1)
