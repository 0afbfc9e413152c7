"""The residual networks for 32 x 32 images of He et al. (arXiv 1512.03385, section 4.2), depth 6 n + 2.

Three stages of n blocks with 16, 32 and 64 channels. Where a stage halves the image, the shortcut takes
every other pixel and adds channels of zeros (the paper's option A), so that it has no parameters:
ResNet-20 has 269,722. Images are normalised, (batch, 3, 32, 32); logits are (batch, classes).
"""

import torch.nn.functional as F
from torch import Tensor, nn

from torch_bridge.models.drawing import draw_he


class PlainShortcutBlock(nn.Module):
    """Two 3 x 3 convolutions, each with batch-norm, around which the input is added back.

    Parameters
    ----------
    inside, outside : channels that come in and go out; twice as many go out where the image is halved
    """

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.stride = outside // inside
        self.more = outside - inside
        self.conv1 = nn.Conv2d(inside, outside, 3, self.stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)

    def forward(self, images: Tensor) -> Tensor:
        """Features (batch, inside, h, w) -> (batch, outside, h / stride, w / stride)."""
        features = F.relu(self.bn1(self.conv1(images)), inplace=True)
        features = self.bn2(self.conv2(features))
        if self.more:
            half = self.more // 2
            images = F.pad(images[:, :, ::2, ::2], (0, 0, 0, 0, half, self.more - half))
        return F.relu(features + images, inplace=True)


class CifarResNet(nn.Module):
    """A residual network of depth 6 n + 2.

    Parameters
    ----------
    depth : 20, 32, 56 or 110 in the paper
    classes : how many logits

    Raises
    ------
    ValueError
        If the depth is not 6 n + 2.

    Examples
    --------
    >>> sum(p.numel() for p in CifarResNet(20).parameters())
    269722
    """

    def __init__(self, depth: int, classes: int = 10) -> None:
        super().__init__()
        if depth < 8 or (depth - 2) % 6:
            raise ValueError(f"depth is {depth}; 6 n + 2 is needed: 20, 32, 56, 110")
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        blocks, inside = (depth - 2) // 6, 16
        stages = []
        for outside in (16, 32, 64):
            sizes = [inside, *[outside] * (blocks - 1)]
            stages.append(nn.Sequential(*(PlainShortcutBlock(size, outside) for size in sizes)))
            inside = outside
        self.layer1, self.layer2, self.layer3 = stages
        self.fc = nn.Linear(64, classes)
        draw_he(self)

    def forward(self, images: Tensor) -> Tensor:
        """Images (batch, 3, 32, 32) -> logits (batch, classes)."""
        features = F.relu(self.bn1(self.conv1(images)), inplace=True)
        features = self.layer3(self.layer2(self.layer1(features)))
        logits: Tensor = self.fc(features.mean((2, 3)))
        return logits
