"""mace's symmetric contraction at correlation 2: element-dependent products of an atom's own features."""

from __future__ import annotations

import torch

from mfbench_torch.models.messages import mix

__all__ = ["by_element", "product_basis"]

Params = dict[str, torch.Tensor]


def by_element(table: torch.Tensor, elements: torch.Tensor) -> torch.Tensor:
    """Rows of ``table`` [Z, k, c] for each atom; ``elements`` [Z, N] is one-hot. Returns [c, k, N]."""
    return mix(table.flatten(1), elements).unflatten(0, table.shape[1:]).transpose(0, 1)


def product_basis(
    params: Params,
    prefix: str,
    a: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    elements: torch.Tensor,
    *,
    vectors: bool,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Scalars [c, N] and vectors [c, 3, N] (None unless ``vectors``).

    Scalars: a0, a0 a0, a1.a1 / sqrt 3, a2:a2 / sqrt 5. Vectors: a1, a0 a1 (twice), and a2 applied
    to a1 (twice): mace's full basis counts a coupling and its mirror image as two paths with a
    weight each.

    Args:
        params, prefix: where the weights are.
        a: scalars [c, N], vectors [c, 3, N], symmetric traceless tensors [c, 3, 3, N].
        elements: [Z, N] one-hot.
        vectors: whether they are wanted.
    """
    a0, a1, a2 = a
    name = f"{prefix}.symmetric_contractions.contractions"
    tables = [params[f"{name}.0.weights.0"], params[f"{name}.0.weights_max"]]
    if vectors:
        pairs = params[f"{name}.1.weights_max"]
        tables += [params[f"{name}.1.weights.0"], pairs.unflatten(1, (2, 2)).sum(2)]
    w = by_element(torch.cat(tables, 1), elements).unbind(1)
    scalars = (w[0] + w[1] * a0) * a0
    scalars = scalars + 3**-0.5 * w[2] * (a1 * a1).sum(1) + 5**-0.5 * w[3] * (a2 * a2).sum((1, 2))
    if not vectors:
        return scalars, None
    turned = (a2 * a1[:, None]).sum(2)
    return scalars, (w[4] + w[5] * a0)[:, None] * a1 + (0.6**0.5 * w[6])[:, None] * turned
