"""A convolution in Tucker format as three: 1 x 1, then k x k, then 1 x 1.

With the weight's reshape keeping output channels, input channels and kernel apart,

    W[o, i, k] = sum over p, q of  Q[o, p] K[p, q, k] P[i, q],

where P and Q are the Kronecker products of the channel modes' factors and K is the core with its kernel
modes expanded. So the input is first mixed down to few channels, convolved there, and mixed up again. The
first mixing acts on every place alike, so padding may come after it, whatever its kind.
Source: Kim, Park, Yoo, Choi, Yang, Shin, arXiv 1511.06530 (Tucker-2); here several modes may make up the
channels.

Where the channels' ranks are nearly full but the kernel's is small, as in ResNets, K stays unexpanded,

    K[p, q, k] = sum over s of  C[p, q, s] M[k, s],

and the k x k convolution is, for each of the few patterns s, a 1 x 1 convolution and a depthwise one.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from torch_bridge.forward.linear import side_matrix
from torch_bridge.weights.product import tucker_product

# A depthwise convolution moves its channels' values rather than computes: with the addition that follows
# they are read or written some four times, each time as long as about so many multiply-adds.
_MOVING = 40


def factorized_conv(
    layer: nn.Module,
    inputs: Tensor,
    core: Tensor,
    factors: Sequence[Tensor | None],
    out_modes: int,
    in_modes: int,
) -> Tensor:
    """Apply a convolution whose weight is in Tucker format, without reconstructing the weight.

    Parameters
    ----------
    layer : a Conv1d, Conv2d or Conv3d without groups: its stride, padding, dilation and bias are used
    inputs : tensor of shape (batch, channels, ...), or without the batch
    core : tensor of shape (J_1, ..., J_N)
    factors : per mode a tensor (I_n, J_n), or None for the identity
    out_modes : how many of the first modes make up the output channels
    in_modes : how many modes after them make up the input channels; 0 if they are not apart from the
        kernel, and then the first mixing is left out

    Examples
    --------
    >>> import torch
    >>> layer = nn.Conv1d(3, 4, 2, bias=False)
    >>> core, factors = torch.ones(1, 1, 2), [torch.ones(4, 1), torch.ones(3, 1), None]
    >>> factorized_conv(layer, torch.ones(1, 3, 2), core, factors, 1, 1).flatten()
    tensor([6., 6., 6., 6.])
    """
    conv: Any = layer
    inner, places = out_modes + in_modes, len(conv.kernel_size)
    into = side_matrix(core.shape[out_modes:inner], factors[out_modes:inner], core)
    out_of = side_matrix(core.shape[:out_modes], factors[:out_modes], core)
    channels = conv.in_channels if into is None else into.shape[1]
    patterns = math.prod(core.shape[inner:])
    if not in_modes or not patterns_are_faster(layer, patterns, channels):
        small = small_kernel(layer, core, factors, inner, channels)
        return three_convolutions(layer, inputs, into, small, out_of)
    mixed = inputs if into is None else _mixed(inputs, into.T, None, places)
    matrices = core.reshape(-1, channels, patterns)
    shapes = side_matrix(core.shape[inner:], factors[inner:], core)
    assert shapes is not None, "fewer patterns than places"
    bias = conv.bias if out_of is None else None
    hidden = _by_patterns(conv, mixed, matrices, shapes, bias)
    return hidden if out_of is None else _mixed(hidden, out_of, conv.bias, places)


def small_kernel(
    layer: nn.Module, core: Tensor, factors: Sequence[Tensor | None], inner: int, channels: int
) -> Tensor:
    """The kernel between the two mixings, of few channels: the core with its kernel modes expanded."""
    conv: Any = layer
    kernel = [*[None] * inner, *factors[inner:]]
    return tucker_product(core, kernel).reshape(-1, channels, *conv.kernel_size)


def three_convolutions(
    layer: nn.Module, inputs: Tensor, into: Tensor | None, small: Tensor, out_of: Tensor | None
) -> Tensor:
    """Mix the channels down by a matrix (from, to), convolve, and mix them up by another (to, from)."""
    conv: Any = layer
    places = len(conv.kernel_size)
    mixed = inputs if into is None else _mixed(inputs, into.T, None, places)
    hidden: Tensor = conv._conv_forward(mixed, small, conv.bias if out_of is None else None)
    return hidden if out_of is None else _mixed(hidden, out_of, conv.bias, places)


def patterns_are_faster(layer: nn.Module, patterns: int, channels: int) -> bool:
    """Whether a k x k convolution takes longer than a 1 x 1 and a depthwise one for each pattern.

    Measured on one thread, forward and backward: 64 channels of 8 x 8, batch 128, take 22.5 ms, and 9.3
    with two patterns, 13.8 with three; 256 channels of 14 x 14, batch 32, take 273, 77 with two, 154 with
    four; with 16 channels of 32 x 32 there is nothing to gain.

    Parameters
    ----------
    layer : the convolution
    patterns : rank of its kernel
    channels : that the k x k convolution has as its input

    Examples
    --------
    >>> layer = nn.Conv2d(64, 64, 3, padding=1)
    >>> patterns_are_faster(layer, 2, 64), patterns_are_faster(layer, 6, 64)
    (True, False)
    """
    conv: Any = layer
    if conv.padding_mode != "zeros":
        return False
    kernel, apart = math.prod(conv.kernel_size), math.prod(conv.stride)
    of_one: int = apart * (channels + _MOVING) + kernel
    saves: bool = patterns * of_one < channels * kernel
    return saves


def _by_patterns(
    conv: Any, inputs: Tensor, matrices: Tensor, shapes: Tensor, bias: Tensor | None
) -> Tensor:
    """Sum of one depthwise convolution per pattern, each with one shape for all channels.

    `matrices` are (channels out, channels in, patterns) and `shapes` (places of the kernel, patterns).
    """
    places, wide = len(conv.kernel_size), len(matrices)
    convolve, total = (F.conv1d, F.conv2d, F.conv3d)[places - 1], None
    for matrix, shape in zip(matrices.unbind(2), shapes.unbind(1), strict=True):
        mixed = _mixed(inputs, matrix, None, places)
        kernel = shape.reshape(1, 1, *conv.kernel_size).repeat(wide, 1, *(1,) * places)
        part = convolve(mixed, kernel, bias, conv.stride, conv.padding, conv.dilation, wide)
        total, bias = part if total is None else total + part, None
    assert total is not None, "a rank is at least 1"
    return total


def _mixed(inputs: Tensor, matrix: Tensor, bias: Tensor | None, places: int) -> Tensor:
    """Multiply the channels of every place by a matrix (to, from): a convolution with kernel size 1."""
    convolve = (F.conv1d, F.conv2d, F.conv3d)[places - 1]
    result: Tensor = convolve(inputs, matrix.reshape(*matrix.shape, *(1,) * places), bias)
    return result
