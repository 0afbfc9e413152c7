"""The implementations in which a layer with a Tucker weight can compute, and what each of them costs.

- dense: with an ordinary weight, as after `materialize`
- reconstructed: the weight is made from core and factors first, then used as usual
- factorized: the input is contracted with the factors; only where outputs and inputs lie in modes of
  their own
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import nn

from torch_bridge.forward.conv import patterns_are_faster
from torch_bridge.forward.cost import Work
from torch_bridge.forward.linear import flops_of_side
from tucker_core import LayerPlan, ReshapePlan, reconstruct_flops
from tucker_core.counting import BYTES_PER_FLOAT32, dense_flops

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
CHOOSING = (nn.Linear, nn.Embedding, *CONVOLUTIONS)
IMPLEMENTATIONS = ("reconstructed", "factorized", "auto")


class Split(NamedTuple):
    """How many of a tensor's first modes make up the outputs, and how many after them the inputs."""

    outputs: int
    inputs: int


def split_modes(layer: nn.Module, reshape: ReshapePlan) -> Split | None:
    """Find out whether a layer's reshape keeps outputs, inputs and kernel apart; None if not.

    Parameters
    ----------
    layer : with the weight that is reshaped
    reshape : of its weight, (out, in) or (out, in, kernel...)

    Returns
    -------
    Split; its `inputs` are 0 for a convolution whose inputs are apart from the outputs only

    Examples
    --------
    >>> from tucker_core import plan_reshape
    >>> split_modes(nn.Linear(800, 500), plan_reshape((500, 800)))
    Split(outputs=2, inputs=2)
    >>> split_modes(nn.Conv2d(20, 50, 5), plan_reshape((50, 20, 5, 5)))
    Split(outputs=1, inputs=1)
    """
    straight = reshape.permutation == tuple(range(len(reshape.shape))) and not reshape.padding
    if not straight or not isinstance(layer, CHOOSING):
        return None
    outputs = _modes_making(reshape.dims, reshape.shape[0])
    if not outputs or outputs == len(reshape.dims):
        return None
    if not isinstance(layer, CONVOLUTIONS):
        return Split(outputs, len(reshape.dims) - outputs)
    if layer.groups > 1:
        return None
    return Split(outputs, _modes_making(reshape.dims[outputs:], reshape.shape[1]))


def works(layer: nn.Module, plan: LayerPlan, inputs: Sequence[int]) -> dict[str, Work]:
    """What a forward pass costs in each implementation that the layer can take.

    Parameters
    ----------
    layer : a Linear, Conv or Embedding layer
    plan : of its weight
    inputs : shape of its input, batch first

    Examples
    --------
    >>> from tucker_core import plan_network
    >>> plan = plan_network({"w": (500, 800)}, budget=2_000)["w"]
    >>> costs = works(nn.Linear(800, 500), plan, (1, 800))
    >>> costs["dense"].flops, costs["factorized"].flops < costs["reconstructed"].flops
    (800000, True)
    """
    rows_in, rows_out = places_of(layer, inputs)
    shape = plan.reshape.shape
    size, stored = math.prod(shape), plan.n_params
    looked_up = isinstance(layer, nn.Embedding)
    n_in = 1 if looked_up else shape[1] * getattr(layer, "groups", 1)
    n_out = shape[1] if looked_up else shape[0]
    moved = rows_in * n_in + rows_out * n_out
    flops = 0 if looked_up else dense_flops(shape, rows_out)
    read = rows_out * n_out if looked_up else size
    making = reconstruct_flops(plan.reshape.dims, _inner(plan))
    found = {
        "dense": _work(flops, moved + read, 1),
        "reconstructed": _work(flops + making, moved + read + size + stored, 8),
    }
    split = split_modes(layer, plan.reshape)
    if split is not None:
        found["factorized"] = _factorized(layer, plan, split, rows_in, rows_out, moved)
    return found


def _factorized(
    layer: nn.Module, plan: LayerPlan, split: Split, rows_in: int, rows_out: int, moved: int
) -> Work:
    dims, rank, inner = plan.reshape.dims, _inner(plan), split.outputs + split.inputs
    outs = rank[: split.outputs], dims[: split.outputs]
    ins = rank[split.outputs : inner], dims[split.outputs : inner]
    n_out, n_in = math.prod(outs[0]), math.prod(ins[0])
    between, calls = 2 * (rows_in * n_in + rows_out * n_out), 6 + 2 * len(dims)
    if isinstance(layer, nn.Embedding):
        flops = 2.0 * rows_out * n_out * (len(outs[0]) + n_in) + flops_of_side(*ins, rows_out)[0]
    elif isinstance(layer, CONVOLUTIONS):
        mixing = 2.0 * rows_in * n_in * math.prod(ins[1]) if ins[0] != ins[1] else 0.0
        unmixing = 2.0 * rows_out * n_out * math.prod(outs[1]) if outs[0] != outs[1] else 0.0
        kernel, patterns = math.prod(dims[inner:]), math.prod(rank[inner:])
        flops = mixing + unmixing + 2.0 * rows_out * n_out * n_in * kernel
        if split.inputs and patterns_are_faster(layer, patterns, n_in):
            each = 2.0 * n_out * (rows_in * n_in + rows_out * kernel)
            flops = mixing + unmixing + patterns * each
            between += patterns * 2 * (rows_in + rows_out) * n_out
            calls += 3 * patterns
    else:
        sides = flops_of_side(*ins, rows_in)[0] + flops_of_side(*outs, rows_out)[0]
        flops = sides + 2.0 * rows_out * n_out * n_in
    return _work(flops, moved + between + plan.n_params, calls)


def _inner(plan: LayerPlan) -> tuple[int, ...]:
    """The rank, but never above the dims, as a shared core's may be."""
    return tuple(min(r, dim) for r, dim in zip(plan.rank, plan.reshape.dims, strict=True))


def _work(flops: float, numbers: int, calls: int) -> Work:
    return Work(flops, BYTES_PER_FLOAT32 * numbers, calls)


def _modes_making(dims: Sequence[int], size: int) -> int:
    """How many of the first dims multiply to a size; 0 if none do, or the size is 1."""
    return next((n for n in range(1, len(dims) + 1) if math.prod(dims[:n]) == size), 0)


def places_of(layer: nn.Module, inputs: Sequence[int]) -> tuple[int, int]:
    """Batch times places of a layer's input and of its output."""
    if isinstance(layer, nn.Embedding):
        return math.prod(inputs), math.prod(inputs)
    if not isinstance(layer, CONVOLUTIONS):
        return math.prod(inputs[:-1]), math.prod(inputs[:-1])
    conv: Any = layer
    kernel = conv.kernel_size
    batch, sizes = math.prod(inputs[: -len(kernel) - 1]), inputs[-len(kernel) :]
    if conv.padding == "same":
        return batch * math.prod(sizes), batch * math.prod(sizes)
    padding = (0,) * len(kernel) if conv.padding == "valid" else conv.padding
    steps = zip(sizes, kernel, padding, conv.stride, conv.dilation, strict=True)
    outputs = [(size + 2 * p - d * (k - 1) - 1) // s + 1 for size, k, p, s, d in steps]
    return batch * math.prod(sizes), batch * math.prod(outputs)
