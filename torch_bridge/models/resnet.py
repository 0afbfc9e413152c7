"""The residual networks for ImageNet of He et al. (arXiv 1512.03385, table 1): ResNet-18 and ResNet-50.

Shortcuts are 1 x 1 convolutions where the shape changes; in ResNet-50 the 3 x 3 convolution of a
block takes the stride. Names and shapes are those that torchvision made common, so that its weights
fit: ResNet-18 has 11,689,512 parameters, ResNet-50 has 25,557,032.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from torch_bridge.models.drawing import draw_he


class Residual(nn.Module):
    """What basic and bottleneck blocks have in common: convolutions with batch-norm, and a shortcut.

    Parameters
    ----------
    sizes : (inside, outside, kernel size, stride) of each convolution, in order
    """

    def __init__(self, sizes: Sequence[tuple[int, int, int, int]]) -> None:
        super().__init__()
        stride = 1
        for number, (inside, outside, kernel, step) in enumerate(sizes, start=1):
            conv = nn.Conv2d(inside, outside, kernel, step, kernel // 2, bias=False)
            self.add_module(f"conv{number}", conv)
            self.add_module(f"bn{number}", nn.BatchNorm2d(outside))
            stride *= step
        self.depth = len(sizes)
        inside, outside = sizes[0][0], sizes[-1][1]
        self.downsample: nn.Module | None = None
        if stride != 1 or inside != outside:
            conv = nn.Conv2d(inside, outside, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(outside))

    def forward(self, images: Tensor) -> Tensor:
        """Features (batch, inside, h, w) -> (batch, outside, h / stride, w / stride)."""
        features = images
        for number in range(1, self.depth + 1):
            features = self.get_submodule(f"conv{number}")(features)
            features = self.get_submodule(f"bn{number}")(features)
            if number < self.depth:
                features = F.relu(features, inplace=True)
        beside = images if self.downsample is None else self.downsample(images)
        return F.relu(features + beside, inplace=True)


class ResNet(nn.Module):
    """ResNet-18 or ResNet-50.

    Parameters
    ----------
    depth : 18 (basic blocks) or 50 (bottleneck blocks)
    classes : how many logits

    Raises
    ------
    ValueError
        If the depth is another one.

    Examples
    --------
    >>> sum(p.numel() for p in ResNet(18).parameters())
    11689512
    """

    def __init__(self, depth: int, classes: int = 1_000) -> None:
        super().__init__()
        counts = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}
        if depth not in counts:
            raise ValueError(f"depth is {depth}; 18 or 50 is needed")
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        wider = 4 if depth == 50 else 1
        stages, inside = [], 64
        for stage, count in enumerate(counts[depth]):
            width, blocks = 64 << stage, []
            for block in range(count):
                stride = 2 if stage and not block else 1
                blocks.append(Residual(_sizes(inside, width, wider, stride)))
                inside = width * wider
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = nn.Linear(inside, classes)
        draw_he(self)

    def forward(self, images: Tensor) -> Tensor:
        """Images (batch, 3, 224, 224) -> logits (batch, classes)."""
        features = F.relu(self.bn1(self.conv1(images)), inplace=True)
        features = F.max_pool2d(features, 3, 2, 1)
        features = self.layer4(self.layer3(self.layer2(self.layer1(features))))
        logits: Tensor = self.fc(features.mean((2, 3)))
        return logits


def _sizes(inside: int, width: int, wider: int, stride: int) -> list[tuple[int, int, int, int]]:
    """The convolutions of a basic block (wider = 1) or of a bottleneck block."""
    if wider == 1:
        return [(inside, width, 3, stride), (width, width, 3, 1)]
    return [(inside, width, 1, 1), (width, width, 3, stride), (width, width * wider, 1, 1)]
