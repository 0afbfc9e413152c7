"""Where the batches of an epoch come from: images that lie whole in memory.

What happens to an image in an epoch is drawn for the whole batch before processes divide it, from a
generator that depends on seed and epoch alone: one process and several see the same images.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from torch_bridge.state.fingerprint import digest
from torch_bridge.training.augment import Augmentation
from torch_bridge.training.distributed import DistributedContext
from torch_bridge.training.evaluate import to_input
from torch_bridge.training.objective import Teacher


class Batch(NamedTuple):
    """What a step learns from.

    Attributes
    ----------
    inputs : normalised images (n, colours, height, width)
    labels : (n,)
    targets : the teacher's logits (n, classes), where the data bring them
    """

    inputs: Tensor
    labels: Tensor
    targets: Tensor | None = None


class TrainingData(Protocol):
    """Training images in batches."""

    def __len__(self) -> int:
        """How many images there are."""
        ...

    def steps(self, batch_size: int) -> int:
        """How many batches an epoch has.

        Raises
        ------
        ValueError
            If there is none.
        """
        ...

    def fingerprint(self) -> str:
        """Hash of what they are."""
        ...

    def sample(self) -> Tensor:
        """One image as the network gets it, (1, colours, height, width); only its shape counts."""
        ...

    def epoch(
        self, number: int, batch_size: int, seed: int, context: DistributedContext
    ) -> Iterator[Batch]:
        """All batches of an epoch, in the order that the seed gives: this process's part of each."""
        ...


@dataclass(frozen=True)
class Normalisation:
    """What a network expects of its pixels, on a scale from 0 to 1, one number a colour.

    Attributes
    ----------
    mean, std : what is taken off, and what the rest is divided by
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def apply(self, images: Tensor) -> Tensor:
        """Bytes (n, height, width, colours) -> floats (n, colours, height, width), channels last.

        Examples
        --------
        >>> pixels = Normalisation((0.5,), (0.5,))
        >>> pixels.apply(torch.tensor([[[[0], [255]]]], dtype=torch.uint8)).tolist()
        [[[[-1.0, 1.0]]]]
        """
        mean = torch.tensor(self.mean, device=images.device) * 255
        std = torch.tensor(self.std, device=images.device) * 255
        return images.float().sub_(mean).div_(std).permute(0, 3, 1, 2)


def full_batches(images: int, batch_size: int) -> int:
    """How many full batches so many images make.

    Raises
    ------
    ValueError
        If not even one.

    Examples
    --------
    >>> full_batches(300, 128)
    2
    """
    if batch_size > images:
        raise ValueError(f"batch_size is {batch_size}; there are only {images} training images")
    return images // batch_size


class ImagesInMemory:
    """Images that are changed at random each time they are seen.

    Parameters
    ----------
    images, labels : bytes (n, height, width, colours) and integers (n,), on the device
    normalisation, augmentation : what happens to them
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        normalisation: Normalisation,
        augmentation: Augmentation,
    ) -> None:
        self.images, self.labels = images, labels.long()
        self.normalisation, self.augmentation = normalisation, augmentation

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.images)

    def steps(self, batch_size: int) -> int:
        """How many full batches there are."""
        return full_batches(len(self), batch_size)

    def fingerprint(self) -> str:
        """Hash of images, labels and what happens to them."""
        return f"{digest([self.images, self.labels])} {self.normalisation} {self.augmentation}"

    def sample(self) -> Tensor:
        """The first image, unchanged."""
        return self.normalisation.apply(self.images[:1])

    def epoch(
        self, number: int, batch_size: int, seed: int, context: DistributedContext
    ) -> Iterator[Batch]:
        """All full batches of one epoch; a last one that is not full is left out."""
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(self), generator=generator).to(self.images.device)
        changes = self.augmentation.draw(len(self), generator).to(self.images.device)
        for start in range(0, len(self) - batch_size + 1, batch_size):
            which = context.part(order[start : start + batch_size])
            drawn = context.part(changes[start : start + batch_size])
            images = self.augmentation.apply(self.images[which], drawn)
            yield Batch(self.normalisation.apply(images), self.labels[which])


class AugmentedCopies:
    """Copies of the training images that were augmented beforehand; each epoch takes the next one.

    Parameters
    ----------
    pool : byte images (n, height, width) each; epoch e takes copy e mod len(pool)
    labels : (n,)
    device : where the network computes
    teacher : asked once for each copy; what it says comes with the batches
    """

    def __init__(
        self,
        pool: Sequence[Tensor],
        labels: Tensor,
        device: torch.device,
        teacher: Teacher | None = None,
    ) -> None:
        self.pool, self.labels = pool, labels.to(device, torch.int64)
        self.device, self.teacher = device, teacher

    def __len__(self) -> int:
        """How many images a copy has."""
        return len(self.labels)

    def steps(self, batch_size: int) -> int:
        """How many full batches there are; where images are few, one that is not."""
        return max(1, len(self) // batch_size)

    def fingerprint(self) -> str:
        """Hash of images, labels and teacher."""
        taught = "" if self.teacher is None else self.teacher.fingerprint()
        return f"{digest([self.labels, *self.pool])} {taught}"

    def sample(self) -> Tensor:
        """The first image of the first copy."""
        return to_input(self.pool[0][:1].to(self.device))

    def epoch(
        self, number: int, batch_size: int, seed: int, context: DistributedContext
    ) -> Iterator[Batch]:
        """All full batches of one epoch."""
        copy = self.pool[number % len(self.pool)]
        targets = None if self.teacher is None else self.teacher.logits(copy).to(self.device)
        images = copy.to(self.device)  # once an epoch: a step then waits for nothing
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
        for whole in torch.split(order.to(self.device), batch_size)[: self.steps(batch_size)]:
            which = context.part(whole)
            said = None if targets is None else targets[which]
            yield Batch(to_input(images[which]), self.labels[which], said)
