"""Batch-norm at rest: four vectors a layer that do the work of two.

A trained batch-norm maps x to gain (x - mean) / sqrt(variance + eps) + offset, which is one factor and
one summand a channel. A file stores these two, so its bytes include the statistics.
"""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class ChannelAffine(nn.Module):
    """Multiplies each channel by a number and adds another.

    Parameters
    ----------
    weight, bias : (channels,)
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, channels, ...) -> the same shape."""
        shape = (-1, *[1] * (features.dim() - 2))
        return features * self.weight.view(shape) + self.bias.view(shape)


@torch.no_grad()
def fold_batch_norms(model: nn.Module) -> nn.Module:
    """Replace every batch-norm, in place, by what it does in a trained network; returns the model.

    Examples
    --------
    >>> model = nn.Sequential(nn.BatchNorm2d(3)).eval()
    >>> images = torch.rand(2, 3, 4, 4)
    >>> expected = model(images)
    >>> torch.testing.assert_close(fold_batch_norms(model)(images), expected)
    >>> [name for name, _ in model.named_parameters()], len(list(model.buffers()))
    (['0.weight', '0.bias'], 0)
    """
    for layer in list(model.modules()):
        for name, child in layer.named_children():
            if isinstance(child, _BatchNorm):
                assert child.running_mean is not None
                assert child.running_var is not None
                gain = child.weight * (child.running_var + child.eps).rsqrt()
                affine = ChannelAffine(gain, child.bias - child.running_mean * gain)
                setattr(layer, name, affine)
    return model
