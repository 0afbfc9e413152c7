"""Colour images and networks that are small enough to train on in a test."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from torch_bridge.training.augment import Augmentation
from torch_bridge.training.config import TrainConfig, WeightDecay
from torch_bridge.training.data import ImagesInMemory, Normalisation
from torch_bridge.training.evaluate import EvaluationImages

PIXELS = Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
REGIME = TrainConfig(
    epochs=3, lr=0.05, batch_size=8, precision="float32", optimizer="sgd", schedule="cosine",
    weight_decay=WeightDecay(), choose_last=0, channels_last=True,
)  # fmt: skip


def pictures(n: int = 32, side: int = 8, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Make noise whose brightness is its class: bytes (n, side, side, 3) and labels (n,)."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 4, (n,), generator=generator)
    noise = torch.randint(0, 64, (n, side, side, 3), generator=generator)
    return (noise + 48 * labels[:, None, None, None]).to(torch.uint8), labels


def supply(n: int = 32) -> ImagesInMemory:
    """Make a supply of such pictures."""
    return ImagesInMemory(*pictures(n), PIXELS, Augmentation(shift=1))


def held_out() -> EvaluationImages:
    """Make pictures to validate on."""
    return EvaluationImages(*pictures(12, seed=1), PIXELS)


def picture_net(seed: int = 0, *, norm: bool = True, dropout: float = 0.0) -> nn.Module:
    """Make a small convolutional network."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8) if norm else nn.Identity(),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(8, 4),
        )
