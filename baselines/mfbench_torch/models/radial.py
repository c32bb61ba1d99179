"""Radial network of every layer at once, with its derivative in the distance by forward mode.

Rows are features, columns are pairs: elementwise work runs over contiguous memory. Every function of
the distance travels as a pair (value, derivative), so that forces need no reverse pass through it.
"""

from __future__ import annotations

import torch

from mfbench.learned.mace_weights import MaceConfig

__all__ = ["SILU_NORM", "radial_weights", "silu"]

SILU_NORM = 1.6791767923989418
"""e3nn's normalize2mom constant of silu; see the JAX twin."""

Params = dict[str, torch.Tensor]


class _Silu(torch.autograd.Function):
    """The k-th derivative of silu, k = 0 … 4, from x and sigmoid(x): each one's derivative is the next.

    PyTorch's own silu is differentiated again through a dozen elementwise operations.
    """

    @staticmethod
    def forward(ctx, x: torch.Tensor, sigmoid: torch.Tensor, order: int) -> torch.Tensor:
        ctx.save_for_backward(x, sigmoid)
        ctx.order = order
        s, dull = sigmoid, 1.0 - sigmoid  # derivatives of s: s' = s (1 - s), s'' = s' (1 - 2 s), ...
        if order == 0:
            return x * s
        if order == 1:
            return s * torch.addcmul(torch.ones_like(x), x, dull)
        first, tilt = s * dull, 1.0 - 2.0 * s
        if order == 2:
            return first * torch.addcmul(torch.full_like(x, 2.0), x, tilt)
        third = 1.0 - 6.0 * first  # s''' = s' (1 - 6 s')
        if order == 3:
            return first * torch.addcmul(3.0 * tilt, x, third)
        if order == 4:
            return first * torch.addcmul(4.0 * third, x, tilt * (1.0 - 12.0 * first))
        raise NotImplementedError("silu is differentiated four times at most")

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        x, sigmoid = ctx.saved_tensors
        return gradient * _Silu.apply(x, sigmoid, ctx.order + 1), None, None


def silu(x: torch.Tensor) -> torch.Tensor:
    """e3nn's normalised silu."""
    return SILU_NORM * _Silu.apply(x, torch.sigmoid(x.detach()), 0)


def _silu_with_slope(pair: torch.Tensor) -> torch.Tensor:
    """[..., 2, T]: silu of a value and its derivative by the chain rule."""
    value, slope = pair.unbind(-2)
    sigmoid = torch.sigmoid(value.detach())
    outputs = (_Silu.apply(value, sigmoid, 0), _Silu.apply(value, sigmoid, 1) * slope)
    return torch.stack(outputs, -2)


def radial_weights(params: Params, config: MaceConfig, basis: torch.Tensor) -> list[torch.Tensor]:
    """Weights of every layer's paths from ``basis`` [num_bessel, m, T].

    With m = 1 (values) or m = 2 (values, derivatives in the distance), each [m, paths, channels, T].
    """
    layers = range(config.num_interactions)
    names = [f"interactions.{t}.conv_tp_weights.layer" for t in layers]
    depth, (_, m, t) = len(config.radial_mlp), basis.shape
    x = basis.reshape(len(basis), m * t)
    for k in range(depth):
        weight = torch.stack([params[f"{name}{k}.weight"].T for name in names])
        scale = (SILU_NORM if k else 1.0) / weight.shape[-1] ** 0.5
        x = torch.matmul(scale * weight, x)
        x = x.view(*x.shape[:-1], m, t)
        x = _silu_with_slope(x) if m == 2 else _Silu.apply(x, torch.sigmoid(x.detach()), 0)
        x = x.flatten(-2)
    found = []
    for name, hidden in zip(names, x.unbind(0), strict=True):
        weight = params[f"{name}{depth}.weight"].T
        w = (SILU_NORM / weight.shape[1] ** 0.5 * weight) @ hidden
        found.append(w.view(len(w) // config.channels, config.channels, m, t).movedim(2, 0))
    return found
