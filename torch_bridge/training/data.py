"""Where the batches of an epoch come from: images that lie whole in the device's memory.

What happens to an image in an epoch is drawn for the whole batch before the processes divide it, from a
generator that depends on seed and epoch alone: one process and several see the same images.
"""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from torch_bridge.state.fingerprint import digest
from torch_bridge.training.distributed import World
from torch_bridge.training.images import Augmentation, Batch, Pixels


class Supply(Protocol):
    """Training images in batches."""

    def __len__(self) -> int:
        """How many images there are."""
        ...

    def mark(self) -> str:
        """Hash of what they are."""
        ...

    def epoch(self, batch_size: int, seed: int, world: World) -> Iterator[Batch]:
        """All full batches of one epoch, in the order that the seed gives: this process's share."""
        ...


class MemorySupply:
    """Images in memory.

    Parameters
    ----------
    images, labels : bytes (n, height, width, colours) and whole numbers (n,), on the device
    pixels, augmentation : what happens to them
    """

    def __init__(
        self, images: Tensor, labels: Tensor, pixels: Pixels, augmentation: Augmentation
    ) -> None:
        self.images, self.labels = images, labels.long()
        self.pixels, self.augmentation = pixels, augmentation

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.images)

    def mark(self) -> str:
        """Hash of images, labels and augmentation."""
        return f"{digest([self.images, self.labels])} {self.pixels} {self.augmentation}"

    def epoch(self, batch_size: int, seed: int, world: World) -> Iterator[Batch]:
        """All full batches of one epoch; a last one that is not full is left out."""
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(self), generator=generator)
        changes = self.augmentation.draw(len(self), generator)
        for start in range(0, len(self) - batch_size + 1, batch_size):
            which = world.share(order[start : start + batch_size]).to(self.images.device)
            drawn = world.share(changes[start : start + batch_size]).to(self.images.device)
            images = self.augmentation.apply(self.images[which], drawn)
            yield self.pixels.normalise(images), self.labels[which]
