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

    One that several names hold is folded once; one without running statistics is left, as it has nothing
    to fold.

    Examples
    --------
    >>> model = nn.Sequential(nn.BatchNorm2d(3)).eval()
    >>> images = torch.rand(2, 3, 4, 4)
    >>> expected = model(images)
    >>> torch.testing.assert_close(fold_batch_norms(model)(images), expected)
    >>> [name for name, _ in model.named_parameters()], len(list(model.buffers()))
    (['0.weight', '0.bias'], 0)
    """
    done: dict[nn.Module, nn.Module] = {}
    for layer in list(model.modules()):
        for name, child in list(layer._modules.items()):
            if isinstance(child, _BatchNorm) and child.running_var is not None:
                if child not in done:
                    done[child] = _folded(child)
                setattr(layer, name, done[child])
    return model


def _folded(norm: _BatchNorm) -> ChannelAffine:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    gain = (norm.running_var + norm.eps).rsqrt()
    if norm.affine:
        gain = norm.weight * gain
    offset = -norm.running_mean * gain
    return ChannelAffine(gain, norm.bias + offset if norm.affine else offset)
