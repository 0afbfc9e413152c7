"""The two LeNets of the compression literature.

LeNet-300-100 is a multilayer perceptron of 266,610 parameters. LeNet-5 is the Caffe variant, with
431,080 parameters and a single ReLU, between its fully connected layers. Both take normalised
images of shape (batch, 1, 28, 28) and give logits of shape (batch, 10).
"""

import torch.nn.functional as F
from torch import Tensor, nn


class LeNet300(nn.Module):
    """784 -> 300 -> 100 -> 10 with ReLU between.

    Examples
    --------
    >>> sum(p.numel() for p in LeNet300().parameters())
    266610
    """

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 300)
        self.fc2 = nn.Linear(300, 100)
        self.fc3 = nn.Linear(100, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Images (batch, 1, 28, 28) -> logits (batch, 10)."""
        hidden = F.relu(self.fc1(images.flatten(1)))
        logits: Tensor = self.fc3(F.relu(self.fc2(hidden)))
        return logits


class LeNet5(nn.Module):
    """Two 5 x 5 convolutions with max-pooling, then 800 -> 500 -> 10 with one ReLU.

    Examples
    --------
    >>> sum(p.numel() for p in LeNet5().parameters())
    431080
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.fc1 = nn.Linear(800, 500)
        self.fc2 = nn.Linear(500, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Images (batch, 1, 28, 28) -> logits (batch, 10)."""
        features = F.max_pool2d(self.conv1(images), 2)
        features = F.max_pool2d(self.conv2(features), 2)
        logits: Tensor = self.fc2(F.relu(self.fc1(features.flatten(1))))
        return logits
