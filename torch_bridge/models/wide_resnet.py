"""Wide residual networks (Zagoruyko and Komodakis, arXiv 1605.07146), depth 6 n + 4 and width k.

Batch-norm and ReLU come before each convolution; the shortcut is a 1 x 1 convolution where the number
of channels changes. WRN-28-10 has 36,479,194 parameters, WRN-16-4 has 2,748,890.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from torch_bridge.models.drawing import draw_he


class WideBlock(nn.Module):
    """Batch-norm, ReLU and a 3 x 3 convolution, twice, beside a shortcut.

    Parameters
    ----------
    inside, outside : channels that come in and go out
    stride : of the first convolution and of the shortcut
    """

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        changes = inside != outside
        self.shortcut = nn.Conv2d(inside, outside, 1, stride, bias=False) if changes else None

    def forward(self, images: Tensor) -> Tensor:
        """Features (batch, inside, h, w) -> (batch, outside, h / stride, w / stride)."""
        ready = F.relu(self.bn1(images), inplace=True)
        beside = images if self.shortcut is None else self.shortcut(ready)
        features = self.conv1(ready)
        features = self.conv2(F.relu(self.bn2(features), inplace=True))
        total: Tensor = features + beside
        return total


class WideResNet(nn.Module):
    """A wide residual network of depth 6 n + 4, its stages 16 k, 32 k and 64 k channels wide.

    Parameters
    ----------
    depth, width : 28 and 10, or 16 and 4
    classes : how many logits

    Raises
    ------
    ValueError
        If the depth is not 6 n + 4.

    Examples
    --------
    >>> sum(p.numel() for p in WideResNet(16, 4).parameters())
    2748890
    """

    def __init__(self, depth: int, width: int, classes: int = 10) -> None:
        super().__init__()
        if depth < 10 or (depth - 4) % 6:
            raise ValueError(f"depth is {depth}; 6 n + 4 is needed: 16, 22, 28")
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        blocks, inside = (depth - 4) // 6, 16
        stages = []
        for stage, outside in enumerate((16 * width, 32 * width, 64 * width)):
            first = WideBlock(inside, outside, 1 if stage == 0 else 2)
            rest = (WideBlock(outside, outside, 1) for _ in range(blocks - 1))
            stages.append(nn.Sequential(first, *rest))
            inside = outside
        self.layer1, self.layer2, self.layer3 = stages
        self.bn = nn.BatchNorm2d(inside)
        self.fc = nn.Linear(inside, classes)
        draw_he(self)

    def forward(self, images: Tensor) -> Tensor:
        """Images (batch, 3, 32, 32) -> logits (batch, classes)."""
        features = self.layer3(self.layer2(self.layer1(self.conv1(images))))
        logits: Tensor = self.fc(F.relu(self.bn(features), inplace=True).mean((2, 3)))
        return logits
