"""AlexNet for ImageNet, and a convolutional network of its kind for the 32 x 32 images of CIFAR and SVHN.

AlexNet is the one-column variant (Krizhevsky, arXiv 1404.5997) with the shapes that torchvision made
common: 61,100,840 parameters. The small network keeps its plan, convolutions with pooling and then
fully connected layers that hold most of the weights, and has batch-norm: 1,423,370 parameters.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from torch_bridge.models.drawing import draw_he


class AlexNet(nn.Module):
    """Five convolutions and three fully connected layers, with dropout.

    Parameters
    ----------
    classes : how many logits

    Examples
    --------
    >>> sum(p.numel() for p in AlexNet().parameters())
    61100840
    """

    def __init__(self, classes: int = 1_000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(0.5), nn.Linear(256 * 6 * 6, 4_096), nn.ReLU(inplace=True),
            nn.Dropout(0.5), nn.Linear(4_096, 4_096), nn.ReLU(inplace=True),
            nn.Linear(4_096, classes),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Images (batch, 3, 224, 224) -> logits (batch, classes)."""
        features = self.avgpool(self.features(images))
        logits: Tensor = self.classifier(features.flatten(1))
        return logits


class ConvNet(nn.Module):
    """Four convolutions, pooled three times, and three fully connected layers.

    Parameters
    ----------
    classes : how many logits

    Examples
    --------
    >>> sum(p.numel() for p in ConvNet().parameters())
    1423370
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        channels, kernels = (3, 64, 96, 128, 128), (5, 5, 3, 3)
        self.convolutions = nn.ModuleList(_stages(channels, kernels))
        self.dropout = nn.Dropout(0.2)
        self.fc1 = nn.Linear(128 * 4 * 4, 448)
        self.fc2 = nn.Linear(448, 192)
        self.fc3 = nn.Linear(192, classes)
        draw_he(self)

    def forward(self, images: Tensor) -> Tensor:
        """Images (batch, 3, 32, 32) -> logits (batch, classes)."""
        features = images
        for stage, layer in enumerate(self.convolutions):
            features = F.relu(layer(features), inplace=True)
            if stage != 2:
                features = F.max_pool2d(features, 2)
        hidden = F.relu(self.fc1(self.dropout(features.flatten(1))))
        logits: Tensor = self.fc3(F.relu(self.fc2(self.dropout(hidden))))
        return logits


def _stages(channels: Sequence[int], kernels: Sequence[int]) -> list[nn.Module]:
    """Convolutions that keep the image's size, each with batch-norm."""
    return [
        nn.Sequential(
            nn.Conv2d(inside, outside, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outside),
        )
        for inside, outside, kernel in zip(channels, channels[1:], kernels, strict=False)
    ]
