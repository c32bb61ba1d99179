"""mace's symmetric contraction at correlation 2: element-dependent products of an atom's own features."""

from __future__ import annotations

import torch

from mfbench_torch.models.messages import Arrived, mix

__all__ = ["product_basis"]

Params = dict[str, torch.Tensor]
# Which quadratic weight belongs to each component of (scalar, vector, tensor), and its normalisation.
_SQUARE = (0, *[1] * 3, *[2] * 9)
_SQUARE_NORM = (1.0, 3**-0.5, 5**-0.5)


def product_basis(
    params: Params, prefix: str, a: Arrived, elements: torch.Tensor, *, vectors: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Scalars [c, N] and vectors [c, 3, N] (None unless ``vectors``).

    Scalars: a0, a0 a0, a1.a1 / sqrt 3, a2:a2 / sqrt 5. Vectors: a1, a0 a1 (twice), and a2 applied
    to a1 (twice): mace's full basis counts a coupling and its mirror image as two paths with a
    weight each.

    Args:
        params, prefix: where the weights are.
        a: what arrived at the atoms.
        elements: [Z, N] one-hot.
        vectors: whether they are wanted.
    """
    a0, a1, a2 = a
    name = f"{prefix}.symmetric_contractions.contractions"
    square = params[f"{name}.0.weights_max"]
    square = square * square.new_tensor(_SQUARE_NORM)[:, None]
    tables = [square[:, list(_SQUARE)], params[f"{name}.0.weights.0"]]
    if vectors:
        pairs = params[f"{name}.1.weights_max"].unflatten(1, (2, 2)).sum(2)
        tables += [params[f"{name}.1.weights.0"], pairs * pairs.new_tensor((1.0, 0.6**0.5))[:, None]]
    table = torch.cat(tables, 1).transpose(1, 2)  # [Z, c, k]
    w = mix(table.flatten(1), elements).unflatten(0, table.shape[1:])
    squares, linear, *rest = w.split([t.shape[1] for t in tables], 1)
    together = torch.cat([a0[:, None], a1, a2], 1)
    scalars = torch.addcmul((squares * (together * together)).sum(1), linear[:, 0], a0)
    if not vectors:
        return scalars, None
    alone, (times, turned) = rest[0], rest[1].split(1, 1)
    lead = torch.addcmul(alone, times, a0[:, None])
    return scalars, torch.addcmul(turned * (a2.unflatten(1, (3, 3)) * a1[:, None]).sum(2), lead, a1)
