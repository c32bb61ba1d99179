"""mace's symmetric contraction at correlation 2: element-dependent products of an atom's own features."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from mfbench_jax.models.irreps import vector_of

__all__ = ["mixed_by_element", "product_basis", "rows_of"]


def rows_of(table, elements):
    """Rows of ``table`` [Z, ...] for each atom; ``elements`` [N, Z] is one-hot. Returns [N, ...]."""
    z, rest = table.shape[0], table.shape[1:]
    return (elements @ table.reshape(z, -1)).reshape(len(elements), *rest)


def mixed_by_element(weight, x, elements):
    """Channels of ``x`` [N, ..., c] mixed by ``weight`` [c, Z, c'] for each atom's element: [N, ..., c'].

    One product with the channels of all elements side by side, zero but for the atom's own.
    """
    c, z, out = weight.shape
    own = elements.reshape(len(elements), *(1,) * (x.ndim - 2), z, 1)
    wide = (own * x[..., None, :]).reshape(*x.shape[:-1], z * c)
    return wide @ jnp.swapaxes(weight, 0, 1).reshape(z * c, out)


def product_basis(params, prefix: str, a, elements, *, vectors: bool):
    """Scalars [N, c] and vectors [N, 3, c] (None unless ``vectors``).

    From ``a``: scalars [N, c], vectors [N, 3, c] and quadrupoles [N, 5, c]. Scalars: a0, a0 a0,
    a1.a1 / sqrt 3, a2.a2 / sqrt 5. Vectors: a1, a0 a1 (twice), and a2 applied to a1 (twice): mace's full
    basis counts a coupling and its mirror image as two paths with a weight each.
    """
    name = f"{prefix}.symmetric_contractions.contractions"
    a0, a1, a2 = a
    tables = [params[f"{name}.0.weights.0"], params[f"{name}.0.weights_max"]]
    if vectors:
        pairs = params[f"{name}.1.weights_max"]
        tables += [params[f"{name}.1.weights.0"], pairs[:, 0::2] + pairs[:, 1::2]]
    w = rows_of(jnp.concatenate(tables, 1), elements)
    scalars = (w[:, 0] + w[:, 1] * a0) * a0
    scalars += float(3.0**-0.5) * w[:, 2] * sum(a1[:, k] * a1[:, k] for k in range(3))
    scalars += float(5.0**-0.5) * w[:, 3] * sum(a2[:, k] * a2[:, k] for k in range(5))
    if not vectors:
        return scalars, None
    out = (w[:, 4] + w[:, 5] * a0)[:, None] * a1
    return scalars, out + (float(np.sqrt(0.6)) * w[:, 6])[:, None] * vector_of(a2, a1, 1)
