"""Radial network of every layer at once, with its derivative in the distance by forward mode.

Rows are features, columns are pairs: elementwise work runs over contiguous memory. Every function of
the distance travels as a pair (value, derivative), so that forces need no reverse pass through it.
"""

from __future__ import annotations

import torch

from mfbench.learned.architectures.mace import MaceConfig
from mfbench_torch.models.messages import LATER, mix

__all__ = ["SILU_NORM", "perceptron", "radial_weights", "silu"]

SILU_NORM = 1.6791767923989418
"""e3nn's normalize2mom constant of silu; see the JAX twin."""

Params = dict[str, torch.Tensor]


class _Derivatives:
    """Derivatives of silu at x, each computed once; s = sigmoid(x), s' = s (1 - s), s'' = s' (1 - 2 s)."""

    def __init__(self, x: torch.Tensor) -> None:
        self.x = x
        self.found: dict[int, torch.Tensor] = {}
        self.s = torch.sigmoid(x)
        self.slope = self.s - self.s * self.s
        self.tilt = 1.0 - 2.0 * self.s

    def __getitem__(self, order: int) -> torch.Tensor:
        if order not in self.found:
            self.found[order] = self._make(order)
        return self.found[order]

    def _make(self, order: int) -> torch.Tensor:
        # The k-th derivative of x s is x s^(k) + k s^(k-1).
        x, s, slope, tilt = self.x, self.s, self.slope, self.tilt
        if order == 0:
            return x * s
        if order == 1:
            return torch.addcmul(s, x, slope)
        if order == 2:
            return slope * (x * tilt).add_(2.0)
        third = 1.0 - 6.0 * slope  # s''' = s' (1 - 6 s')
        if order == 3:
            return slope * (x * third).add_(tilt, alpha=3.0)
        if order == 4:
            return slope * (x * tilt * (1.0 - 12.0 * slope)).add_(third, alpha=4.0)
        raise NotImplementedError("silu is differentiated four times at most")


class _Silu(torch.autograd.Function):
    """The k-th derivative of silu. PyTorch's own is differentiated again through a dozen operations."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, derivatives: _Derivatives, order: int) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.derivatives, ctx.order = derivatives, order
        return derivatives[order].view_as(x)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (x,) = ctx.saved_tensors
        return gradient * _Silu.apply(x, ctx.derivatives, ctx.order + 1), None, None


def silu(x: torch.Tensor) -> torch.Tensor:
    """Without e3nn's normalisation."""
    return _Silu.apply(x, _Derivatives(x.detach()), 0)


def perceptron(weights: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """A network without biases: ``weights`` is a list of [in, out], ``x`` [in, ...]; returns [out, ...].

    Every layer divides by √in; hidden layers apply silu normalised as in e3nn.
    """
    for weight in weights[:-1]:
        x = SILU_NORM * silu(mix(weight / weight.shape[0] ** 0.5, x))
    return mix(weights[-1] / weights[-1].shape[0] ** 0.5, x)


def _silu_with_slope(pair: torch.Tensor) -> torch.Tensor:
    """[..., 2, T]: silu of a value and its derivative by the chain rule."""
    value, slope = pair.unbind(-2)
    derivatives = _Derivatives(value.detach())
    outputs = _Silu.apply(value, derivatives, 0), _Silu.apply(value, derivatives, 1) * slope
    return torch.stack(outputs, -2)


def radial_weights(params: Params, config: MaceConfig, basis: torch.Tensor) -> list[torch.Tensor]:
    """Weights of every layer's paths from ``basis`` [num_bessel, m, T].

    With m = 1 (values) or m = 2 (values, derivatives in the distance), each [m, rows, channels, T]; rows
    are paths, in later layers those of ``LATER``.
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
        x = _silu_with_slope(x) if m == 2 else silu(x)
        x = x.flatten(-2)
    found = []
    for name, hidden in zip(names, x.unbind(0), strict=True):
        weight = params[f"{name}{depth}.weight"].T
        if name != names[0]:
            weight = weight.unflatten(0, (-1, config.channels))[list(LATER)].flatten(0, 1)
        w = (SILU_NORM / weight.shape[1] ** 0.5 * weight) @ hidden
        found.append(w.view(len(w) // config.channels, config.channels, m, t).movedim(2, 0))
    return found
