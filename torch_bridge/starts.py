"""Where training starts: random cores and factors of the right size, or a joint decomposition.

A weight drawn at random should have the variance 2 / fan_in (He et al., arXiv 1502.01852). Every entry
of a Tucker product sums prod(J_n) products of one core entry and one entry of each factor, so

    Var W = Var C * prod(J_n Var M_n).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tucker_core import LayerPlan, shared_core_hosvd
from tucker_core.checks import FloatArray

Start = tuple[Tensor, list[Tensor | None], int]  # core, factors and fan_in of one weight
_SHARED_STD = 0.35  # of a shared core's entries; the factors of each weight make up the rest


def fan_in(plan: LayerPlan) -> int:
    """Inputs of one output of a layer: all modes of its weight but the first."""
    return math.prod(plan.reshape.shape[1:])


def draw_scratch(
    core: Tensor, factors: Sequence[Tensor | None], inputs: int, generator: torch.Generator
) -> None:
    """Draw a weight's core with the variance 2 / fan_in and its factors with 1 / J_n, in place."""
    _draw(core, (2 / inputs) ** 0.5, generator)
    for factor in factors:
        if factor is not None:
            _draw(factor, factor.shape[1] ** -0.5, generator)


def draw_shared_scratch(weights: Sequence[Start], generator: torch.Generator) -> None:
    """Draw one core for all weights, and each weight's factors so that its own variance is right."""
    core = weights[0][0]
    _draw(core, _SHARED_STD, generator)
    for _, factors, inputs in weights:
        wanted = 2 / inputs / (_SHARED_STD**2 * core.numel())
        for factor in factors:
            if factor is not None:
                _draw(factor, wanted ** (0.5 / len(factors)), generator)


def decompose_shared(weights: Sequence[Start], tensors: Sequence[FloatArray]) -> None:
    """Set one core and each weight's factors to the joint decomposition of the dense weights."""
    rank = tuple(weights[0][0].shape)
    core, all_factors = shared_core_hosvd(tensors, rank)
    with torch.no_grad():
        weights[0][0].copy_(torch.tensor(core))
        for (_, own, _), factors in zip(weights, all_factors, strict=True):
            for mine, found in zip(own, factors, strict=True):
                assert mine is not None, "with a shared core every mode has a matrix"
                mine.copy_(torch.tensor(found))


def dense_tensor(layer: nn.Module, plan: LayerPlan) -> FloatArray:
    """A layer's dense weight, reshaped as its plan says, in float32."""
    weight: Any = layer.weight
    array = weight.detach().to("cpu", torch.float32).numpy()
    return np.ascontiguousarray(plan.reshape.apply(array))


def _draw(tensor: Tensor, std: float, generator: torch.Generator) -> None:
    with torch.no_grad():
        tensor.copy_(torch.randn(tensor.shape, generator=generator) * std)
