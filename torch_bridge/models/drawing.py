"""How the deeper networks draw their first weights."""

from torch import nn


def draw_he(model: nn.Module) -> None:
    """Draw every convolution with variance 2 / fan_out (He et al., arXiv 1502.01852), in place.

    Linear layers keep torch's own draw; batch-norms start as the identity.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
