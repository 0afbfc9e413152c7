"""Where training starts: random cores and factors of the right size, or a joint decomposition.

A weight drawn at random should have the variance 2 / fan_in (He et al., arXiv 1502.01852). Every entry
of a Tucker product sums prod(J_n) products of one core entry and one entry of each factor, so

    Var W = Var C * prod(J_n Var M_n).
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from torch_bridge.weights.tucker_weight import TuckerWeight, dense_tensor
from tucker_core import LayerPlan, NetworkPlan, shared_core_hosvd
from tucker_core.checks import FloatArray

Start = tuple[Tensor, list[Tensor | None], int]  # core, factors and fan_in of one weight
_SHARED_STD = 0.35  # of a shared core's entries; the factors of each weight make up the rest


def start_parts(
    plan: NetworkPlan,
    weights: Mapping[str, Tensor],
    init: str,
    generator: torch.Generator,
) -> dict[str, list[Tensor]]:
    """Core and existing factors of every planned weight, none of which is changed.

    Parameters
    ----------
    plan : of the weights
    weights : name -> dense weight
    init : "hosvd" or "scratch"
    generator : where "scratch" draws from

    Raises
    ------
    ValueError
        If `init` is unknown.
    """
    if init not in ("hosvd", "scratch"):
        raise ValueError(f"init is {init!r}; 'hosvd' or 'scratch' is needed")
    own = [layer for layer in plan.layers if not layer.shared_core]
    shared = [layer for layer in plan.layers if layer.shared_core]
    parts: dict[str, list[Tensor]] = {}
    for layer in own if init == "hosvd" else ():
        parts[layer.name] = list(TuckerWeight(layer).right_inverse(weights[layer.name]))
    for layer in shared if init == "hosvd" else plan.layers:
        parts[layer.name] = TuckerWeight(layer).empty_parts(weights[layer.name])
    starts = {
        layer.name: (*_with_gaps(layer, parts[layer.name]), fan_in(layer)) for layer in plan.layers
    }
    if init == "scratch":
        for layer in own:
            draw_scratch(*starts[layer.name], generator)
    for group in plan.shared_groups.values():
        joint = [starts[layer.name] for layer in group]
        if init == "scratch":
            draw_shared_scratch(joint, generator)
        else:
            decompose_shared(joint, [dense_tensor(weights[p.name], p) for p in group])
    return parts


def _with_gaps(plan: LayerPlan, parts: Sequence[Tensor]) -> tuple[Tensor, list[Tensor | None]]:
    return parts[0], TuckerWeight(plan).with_gaps(parts[1:])


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


def _draw(tensor: Tensor, std: float, generator: torch.Generator) -> None:
    with torch.no_grad():
        tensor.copy_(torch.randn(tensor.shape, generator=generator) * std)
