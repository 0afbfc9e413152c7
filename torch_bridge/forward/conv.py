"""A convolution in Tucker format as three: 1 x 1, then k x k, then 1 x 1.

With the weight's reshape keeping output channels, input channels and kernel apart,

    W[o, i, k] = sum over p, q of  Q[o, p] K[p, q, k] P[i, q],

where P and Q are the Kronecker products of the channel modes' factors and K is the core with its kernel
modes expanded. So the input is first mixed down to few channels, convolved there, and mixed up again. The
first mixing acts on every place alike, so padding may come after it, whatever its kind.
Source: Kim, Park, Yoo, Choi, Yang, Shin, arXiv 1511.06530 (Tucker-2); here several modes may make up the
channels.
"""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from torch_bridge.forward.linear import side_matrix
from torch_bridge.weights.product import tucker_product


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
    inner = out_modes + in_modes
    kernel = list(factors)
    kernel[:inner] = [None] * inner
    small = tucker_product(core, kernel)  # (J_1, ..., J_inner, kernel dims)
    into = side_matrix(core.shape[out_modes:inner], factors[out_modes:inner], core)
    out_of = side_matrix(core.shape[:out_modes], factors[:out_modes], core)
    channels = conv.in_channels if into is None else into.shape[1]
    small = small.reshape(-1, channels, *conv.kernel_size)
    mixed = inputs if into is None else _mixed(inputs, into.T, None, len(conv.kernel_size))
    if out_of is None:
        return conv._conv_forward(mixed, small, conv.bias)  # type: ignore[no-any-return]
    hidden = conv._conv_forward(mixed, small, None)
    return _mixed(hidden, out_of, conv.bias, len(conv.kernel_size))


def _mixed(inputs: Tensor, matrix: Tensor, bias: Tensor | None, places: int) -> Tensor:
    """Multiply the channels of every place by a matrix (to, from): a convolution with kernel size 1."""
    convolve = (F.conv1d, F.conv2d, F.conv3d)[places - 1]
    result: Tensor = convolve(inputs, matrix.reshape(*matrix.shape, *(1,) * places), bias)
    return result
