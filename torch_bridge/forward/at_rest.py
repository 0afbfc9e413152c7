"""Layers at inference: what their forward pass needs is made once and kept while nothing changes.

That is the dense weight, so that a layer takes as long as a dense one, or, where the cost model expects
less of it, what is left of the factors: two matrices of a linear layer, three kernels of a convolution.
Nothing is decided by a stopwatch, and each shape of the input is looked at once.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from torch_bridge.forward.conv import factorized_conv, small_kernel, three_convolutions
from torch_bridge.forward.cost import Work, stated_costs
from torch_bridge.forward.linear import factorized_linear, factorized_rows, side_matrix
from torch_bridge.forward.modes import CONVOLUTIONS, Split, places_of, split_modes, works
from torch_bridge.weights.resting import Resting
from torch_bridge.weights.tucker_weight import TuckerWeight
from tucker_core import LayerPlan
from tucker_core.counting import BYTES_PER_FLOAT32

# The rates of the cost model are those of large batches: a weight that lies in the cache takes a third of
# what they say, so that only what is clearly less is believed. A pair of Linear(1024) at 4x, one input:
# dense 675 us, order 2 (expected at a fourth) 422; order 4 mode by mode (at a half) 617 to 567.
_SURE = 0.5


def forward_at_rest(
    layer: Any, inputs: Tensor, weight: TuckerWeight, parts: list[Tensor], rest: Resting
) -> Tensor:
    """The forward pass of a layer whose weight rests, in its implementation."""
    key = weight.implementation, inputs.shape, inputs.dtype
    way = rest.choices.get(key)
    if way is None:
        way = rest.choices[key] = _cheapest(layer, weight, inputs)
    if way == "dense":
        (dense,) = rest.kept("dense", lambda: (weight(*parts).as_subclass(Tensor),))
        return _dense(layer, inputs, dense)
    split = split_modes(layer, weight.plan.reshape)
    assert split is not None, "use_implementation asks first"
    core, factors = weight.rounded(*parts)
    if way == "factorized":
        return factorized(layer, inputs, weight, core, factors)
    if isinstance(layer, nn.Linear):
        made = rest.kept("pair", lambda: _pair(core, factors, split))
        into, out_of = made
        return F.linear(F.linear(inputs, into), out_of, layer.bias)  # type: ignore[arg-type]
    into, small, out_of = rest.kept("three", lambda: _kernels(layer, core, factors, split))
    assert small is not None
    return three_convolutions(layer, inputs, into, small, out_of)


def factorized(
    layer: Any, inputs: Tensor, weight: TuckerWeight, core: Tensor, factors: list[Tensor | None]
) -> Tensor:
    """The forward pass by core and factors as they are."""
    split = split_modes(layer, weight.plan.reshape)
    assert split is not None, "use_implementation asks first"
    if isinstance(layer, nn.Linear):
        return factorized_linear(inputs, core, factors, split.outputs, layer.bias)
    if isinstance(layer, nn.Embedding):
        return factorized_rows(inputs, core, factors, split.outputs)
    return factorized_conv(layer, inputs, core, factors, *split)


def _dense(layer: Any, inputs: Tensor, weight: Tensor | None) -> Tensor:
    """What the layer's own forward pass computes, without asking torch for its weight again."""
    if isinstance(layer, nn.Linear):
        return F.linear(inputs, weight, layer.bias)  # type: ignore[arg-type]
    if isinstance(layer, CONVOLUTIONS):
        return layer._conv_forward(inputs, weight, layer.bias)  # type: ignore[arg-type, no-any-return]
    return layer._dense_class.forward(layer, inputs)  # type: ignore[no-any-return]


def _pair(core: Tensor, factors: list[Tensor | None], split: Split) -> tuple[Tensor, Tensor]:
    """Two matrices (rank, inputs) and (outputs, rank); the core goes to where that is smaller."""
    outs, ins = core.shape[: split.outputs], core.shape[split.outputs :]
    matrix = core.reshape(math.prod(outs), -1)
    out_of = side_matrix(outs, factors[: split.outputs], core)
    into = side_matrix(ins, factors[split.outputs :], core)
    if len(matrix) <= matrix.shape[1] and out_of is not None:
        return (matrix if into is None else matrix @ into.T).contiguous(), out_of
    into = (
        torch.eye(matrix.shape[1], dtype=core.dtype, device=core.device) if into is None else into.T
    )
    return into, matrix if out_of is None else out_of @ matrix


def _kernels(
    layer: Any, core: Tensor, factors: list[Tensor | None], split: Split
) -> tuple[Tensor | None, ...]:
    inner = split.outputs + split.inputs
    into = side_matrix(core.shape[split.outputs : inner], factors[split.outputs : inner], core)
    out_of = side_matrix(core.shape[: split.outputs], factors[: split.outputs], core)
    channels = layer.in_channels if into is None else into.shape[1]
    return into, small_kernel(layer, core, factors, inner, channels), out_of


def _cheapest(layer: Any, weight: TuckerWeight, inputs: Tensor) -> str:
    """The way that takes least, by shapes alone: "dense", "folded" or "factorized"."""
    split, implementation = split_modes(layer, weight.plan.reshape), weight.implementation
    looked_up = isinstance(layer, nn.Embedding)
    if (
        implementation == "reconstructed"
        or split is None
        or (looked_up and implementation == "auto")
    ):
        return "dense"
    if looked_up:
        return "factorized"
    shape, costs = tuple(inputs.shape), stated_costs(inputs.device.type, inputs.dtype)
    found = works(layer, weight.plan, shape)
    folded = costs.seconds(work_at_rest(layer, weight.plan, split, shape))
    if implementation == "auto":
        return "folded" if folded < _SURE * costs.seconds(found["dense"]) else "dense"
    return "folded" if folded < costs.seconds(found["factorized"]) else "factorized"


def work_at_rest(layer: Any, plan: LayerPlan, split: Split, inputs: tuple[int, ...]) -> Work:
    """What a forward pass with what is left of the factors costs.

    Examples
    --------
    >>> from tucker_core import plan_reshape
    >>> plan = LayerPlan("w", plan_reshape((1024, 1024), 2), (128, 100))
    >>> work_at_rest(nn.Linear(1024, 1024), plan, Split(1, 1), (1, 1024)).flops == 2 * 100 * 2048
    True
    """
    dims, rank, inner = plan.reshape.dims, plan.rank, split.outputs + split.inputs
    rows_in, rows_out = places_of(layer, inputs)
    wide_out, wide_in = math.prod(dims[: split.outputs]), math.prod(dims[split.outputs : inner])
    n_out, n_in = math.prod(rank[: split.outputs]), math.prod(rank[split.outputs : inner])
    if isinstance(layer, nn.Linear):
        n = min(n_out, n_in)
        flops, moved = 2.0 * rows_in * n * (wide_in + wide_out), n * (wide_in + wide_out)
        return _of(flops, moved + rows_in * (wide_in + wide_out + 2 * n), 2)
    into, out_of = n_in < wide_in, n_out < wide_out
    kernel = n_in * n_out * math.prod(dims[inner:])
    flops = 2.0 * (
        rows_in * n_in * wide_in * into + rows_out * (kernel + n_out * wide_out * out_of)
    )
    moved = kernel + n_in * wide_in * into + n_out * wide_out * out_of
    moved += rows_in * (wide_in + 2 * n_in * into) + rows_out * (wide_out + 2 * n_out * out_of)
    return _of(flops, moved, 1 + into + out_of)


def _of(flops: float, numbers: int, calls: int) -> Work:
    return Work(flops, BYTES_PER_FLOAT32 * numbers, calls)
