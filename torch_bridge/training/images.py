"""Images on their way into a network: shifted and mirrored, normalised, and channels last.

Images are bytes (n, height, width, colours), whole in the memory of the device, and stay so: a batch is
shifted and mirrored by one gather over the whole batch, which costs no more than taking it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from torch_bridge.state.fingerprint import digest

Batch = tuple[Tensor, Tensor]  # normalised images (n, colours, height, width) and labels (n,)
_TEST_BATCH = 500


class Held(Protocol):
    """Images that are never trained on, to validate or to test with."""

    def __len__(self) -> int:
        """How many images there are."""
        ...

    def mark(self) -> str:
        """Hash of what they are."""
        ...

    def batches(self, device: torch.device) -> Iterator[Batch]:
        """All images once, in order."""
        ...


@dataclass(frozen=True)
class Pixels:
    """What a network expects of its pixels, on a scale from 0 to 1, one number a colour.

    Attributes
    ----------
    mean, std : what is taken off, and what the rest is divided by
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def normalise(self, images: Tensor) -> Tensor:
        """Bytes (n, height, width, colours) -> floats (n, colours, height, width), channels last.

        Examples
        --------
        >>> pixels = Pixels((0.5,), (0.5,))
        >>> pixels.normalise(torch.tensor([[[[0], [255]]]], dtype=torch.uint8)).tolist()
        [[[[-1.0, 1.0]]]]
        """
        mean = torch.tensor(self.mean, device=images.device) * 255
        std = torch.tensor(self.std, device=images.device) * 255
        return images.float().sub_(mean).div_(std).permute(0, 3, 1, 2)


@dataclass(frozen=True, eq=False)
class HeldImages:
    """Images in memory that are never trained on.

    Attributes
    ----------
    images, labels : bytes (n, height, width, colours) and whole numbers (n,)
    pixels : how they are normalised
    """

    images: Tensor
    labels: Tensor
    pixels: Pixels

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.labels)

    def mark(self) -> str:
        """Hash of images, labels and their normalising."""
        return f"{digest([self.images, self.labels])} {self.pixels}"

    def batches(self, device: torch.device) -> Iterator[Batch]:
        """All images once, in order."""
        for start in range(0, len(self), _TEST_BATCH):
            images = self.images[start : start + _TEST_BATCH].to(device)
            yield self.pixels.normalise(images), self.labels[start : start + _TEST_BATCH]


@dataclass(frozen=True)
class Augmentation:
    """Random changes of each training image.

    Attributes
    ----------
    shift : pixels up, down, left and right at most; what comes in is black
    mirror : whether left and right are swapped, each time with a chance of one half
    """

    shift: int = 4
    mirror: bool = True

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw for n images how far down and right each moves, and whether it is mirrored: (n, 3)."""
        moves = torch.randint(0, 2 * self.shift + 1, (n, 2), generator=generator)
        mirrored = torch.randint(0, 2, (n, 1), generator=generator) * int(self.mirror)
        return torch.cat([moves, mirrored], 1)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Move and mirror bytes (n, height, width, colours) as drawn (n, 3); same shape.

        Examples
        --------
        >>> image = torch.tensor([[[[1], [2], [3]]]], dtype=torch.uint8)
        >>> Augmentation(shift=1).apply(image, torch.tensor([[1, 0, 0]])).flatten().tolist()
        [0, 1, 2]
        >>> Augmentation(shift=1).apply(image, torch.tensor([[1, 1, 1]])).flatten().tolist()
        [3, 2, 1]
        """
        n, height, width, _ = images.shape
        padded = F.pad(images, (0, 0, self.shift, self.shift, self.shift, self.shift))
        down, right, mirrored = drawn[:, :, None].unbind(1)
        rows = down + torch.arange(height, device=images.device)  # (n, height)
        columns = torch.arange(width, device=images.device)
        columns = right + torch.where(mirrored == 1, width - 1 - columns, columns)  # (n, width)
        which = torch.arange(n, device=images.device)
        return padded[which[:, None, None], rows[:, :, None], columns[:, None, :]]


@dataclass(frozen=True)
class HoledAugmentation(Augmentation):
    """Random changes of each training image that also cover a part of it (cutout, arXiv 1708.04552).

    Attributes
    ----------
    hole : side in pixels of a square that becomes black, wherever it falls; a part may lie outside
    """

    hole: int = 8

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw for n images also where the hole is, as shares of height and width: (n, 5)."""
        places = torch.rand(n, 2, generator=generator)
        return torch.cat([super().draw(n, generator), places], 1)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Move, mirror and cover bytes (n, height, width, colours) as drawn (n, 5); same shape.

        Examples
        --------
        >>> image = torch.tensor([[[[1], [2], [3], [4]]]], dtype=torch.uint8)
        >>> change = torch.tensor([[0, 0, 0, 0, 0.5]])
        >>> HoledAugmentation(shift=0, hole=2).apply(image, change).flatten().tolist()
        [1, 0, 0, 4]
        """
        moved = super().apply(images, drawn[:, :3].long())
        covered = [
            (torch.arange(side, device=images.device) + 0.5 - side * place[:, None]).abs()
            < self.hole / 2
            for side, place in zip(images.shape[1:3], drawn[:, 3:].unbind(1), strict=True)
        ]  # rows (n, height) and columns (n, width)
        return moved.masked_fill((covered[0][:, :, None] & covered[1][:, None])[..., None], 0)


def put_channels_last(model: nn.Module) -> None:
    """Lay the weights of dense convolutions out in memory as their images are, in place.

    `model.to(memory_format=...)` would also take cores of order 4 for images, and fail on those of 5.

    Examples
    --------
    >>> layer = nn.Conv2d(3, 4, 3)
    >>> put_channels_last(layer)
    >>> layer.weight.stride()
    (27, 1, 9, 3)
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and not parametrize.is_parametrized(module, "weight"):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def error_rate(model: nn.Module, held: Held) -> float:
    """Error rate in percent of a model on images with labels, in the model's own precision."""
    device = next(model.parameters()).device
    model.eval()
    wrong = 0
    for inputs, labels in held.batches(device):
        wrong += int((model(inputs).argmax(1) != labels.to(device)).sum())
    return 100 * wrong / len(held)
