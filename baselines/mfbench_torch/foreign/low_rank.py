"""Low-rank updates of linear layers (LoRA, Hu et al. 2021): W + B A, with B zero at the start.

Equivariant layers too: e3nn keeps the matrices of an ``o3.Linear`` one after another in a flat weight, one
for each pair of equal representations, and each of them gets its own B A. So the updated layer is as
equivariant as it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from mfbench.errors import MfbenchError
from mfbench_torch.libraries import o3

__all__ = ["LinearMap", "LowRank", "linear_maps", "low_rank"]

Params = dict[str, torch.Tensor]


@dataclass(frozen=True)
class LinearMap:
    """A matrix, or a stack of them, within a weight.

    Attributes:
        weight: its name.
        begin: where the matrix begins in the flattened weight.
        shape: the matrix is [..., m, n].
    """

    weight: str
    begin: int
    shape: tuple[int, ...]

    def rank(self, wanted: int) -> int:
        """As wanted, and no more than the matrix has."""
        return min(wanted, *self.shape[-2:])


def linear_maps(module: torch.nn.Module, stacked: tuple[str, ...] = ()) -> list[LinearMap]:
    """All matrices of the linear layers of a module.

    Args:
        module: of PyTorch, with layers of its own (``torch.nn.Linear``) or of e3nn (``o3.Linear`` and its
            radial networks).
        stacked: last parts of the names of further weights that are matrices [..., m, n].
    """
    found = []
    for prefix, layer in module.named_modules():
        for own, weight in layer.named_parameters(recurse=False):
            name = f"{prefix}.{own}" if prefix else own
            if isinstance(layer, o3.Linear) and own == "weight":
                found += _blocks(name, layer)
            elif own in stacked or _is_matrix(layer, own, weight):
                found.append(LinearMap(name, 0, tuple(weight.shape)))
    return found


@dataclass(frozen=True)
class LowRank:
    """The updates of some matrices.

    Attributes:
        maps: the matrices.
        wanted: rank.
    """

    maps: tuple[LinearMap, ...]
    wanted: int

    def start(self, like: Params, seed: int) -> Params:
        """A and B of every matrix: A random, B zero, so that nothing changes before the first step."""
        generator = torch.Generator().manual_seed(seed)
        factors: Params = {}
        for k, one in enumerate(self.maps):
            *stack, m, n = one.shape
            rank, weight = one.rank(self.wanted), like[one.weight]
            down = torch.randn(*stack, rank, n, generator=generator, dtype=torch.float64) / math.sqrt(n)
            factors[f"{one.weight}.lora{k}.a"] = down.to(weight)
            factors[f"{one.weight}.lora{k}.b"] = weight.new_zeros(*stack, m, rank)
        return factors

    def applied(self, weights: Params, factors: Params) -> Params:
        """The weights with the updates added to those that have one."""
        flat: Params = {}
        for k, one in enumerate(self.maps):
            name = f"{one.weight}.lora{k}"
            update = (factors[f"{name}.b"] @ factors[f"{name}.a"]).reshape(-1)
            whole = flat.get(one.weight, weights[one.weight].reshape(-1))
            after = len(whole) - one.begin - len(update)
            flat[one.weight] = whole + torch.nn.functional.pad(update, (one.begin, after))
        return weights | {name: value.reshape(weights[name].shape) for name, value in flat.items()}


def low_rank(maps: list[LinearMap], rank: int) -> LowRank:
    """Updates of a rank.

    Raises:
        MfbenchError: there is no linear layer, or the rank is no whole number from 1 on.
    """
    if not isinstance(rank, int) or isinstance(rank, bool) or rank < 1:
        raise MfbenchError(f"--option rank={rank}: choose a whole number from 1 on")
    if not maps:
        raise MfbenchError("strategy lora: this model has no linear layer that is known here")
    return LowRank(tuple(maps), rank)


def _is_matrix(layer: torch.nn.Module, own: str, weight: torch.Tensor) -> bool:
    """Weights of a plain layer, or of a layer of e3nn's radial networks."""
    radial = type(layer).__module__.startswith("e3nn.nn._fc") and weight.dim() == 2
    return own == "weight" and (isinstance(layer, torch.nn.Linear) or radial)


def _blocks(name: str, layer: torch.nn.Module) -> list[LinearMap]:
    begin, found = 0, []
    for instruction in layer.instructions:  # type: ignore[union-attr]
        if instruction.i_in == -1:  # a bias: it has a weight of its own
            continue
        found.append(LinearMap(name, begin, tuple(instruction.path_shape)))
        begin += math.prod(instruction.path_shape)
    return found
