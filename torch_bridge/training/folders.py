"""Batches from images on disk: cut and scaled by threads, mirrored and normalised on the device."""

import os
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from torch_bridge.datasets.folders import Box, Picture, read_batches
from torch_bridge.state.fingerprint import fingerprint
from torch_bridge.training.data import Batch, Normalisation, full_batches
from torch_bridge.training.distributed import DistributedContext

_TEST_BATCH = 100
_MIDDLE: Box = (0.0625, 0.0625, 0.9375, 0.9375)  # 224 of 256 pixels


class _Pictures:
    """What both readers of a folder know."""

    def __init__(
        self,
        pictures: Sequence[Picture],
        side: int,
        pixels: Normalisation,
        threads: int | None = None,
    ) -> None:
        self.pictures, self.side, self.pixels = pictures, side, pixels
        self.threads = threads or os.cpu_count() or 1

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.pictures)

    def steps(self, batch_size: int) -> int:
        """How many full batches there are."""
        return full_batches(len(self), batch_size)

    def fingerprint(self) -> str:
        """Hash of the files' names and classes, and of what becomes of their pixels."""
        files = [(p.parent.name, p.name, kind) for p, kind in self.pictures]
        return fingerprint(files=files, side=self.side, pixels=repr(self.pixels))


class ImagesInFolders(_Pictures):
    """Training images on disk.

    Every image is cut at random, 8 to 100 % of its area and 3 : 4 to 4 : 3 in shape (Szegedy et al.,
    arXiv 1409.4842), scaled, and mirrored half of the time.

    Parameters
    ----------
    pictures : (file, class) of each
    side : pixels along an edge
    pixels : how they are normalised
    threads : that read; by default one for each core
    """

    def sample(self) -> Tensor:
        """A black image of the right size."""
        return self.pixels.apply(torch.zeros(1, self.side, self.side, 3, dtype=torch.uint8))

    def epoch(
        self, number: int, batch_size: int, seed: int, context: DistributedContext
    ) -> Iterator[Batch]:
        """All full batches of one epoch; a last one that is not full is left out."""
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(self), generator=generator)
        drawn = torch.rand(len(self), 5, generator=generator)
        starts = range(0, len(self) - batch_size + 1, batch_size)
        shares = [context.part(order[start : start + batch_size]) for start in starts]
        changes = [context.part(drawn[start : start + batch_size]) for start in starts]
        wanted = [
            [
                (self.pictures[i][0], _box(c))
                for i, c in zip(s.tolist(), changed.tolist(), strict=True)
            ]
            for s, changed in zip(shares, changes, strict=True)
        ]
        batches = read_batches(wanted, self.side, self.threads)
        for share, changed, images in zip(shares, changes, batches, strict=True):
            labels = torch.tensor([self.pictures[i][1] for i in share.tolist()])
            inputs = self.pixels.apply(torch.from_numpy(images).to(context.device))
            mirrored = (changed[:, 4] < 0.5).to(context.device)[:, None, None, None]
            yield Batch(torch.where(mirrored, inputs.flip(3), inputs), labels.to(context.device))


class EvaluationFolder(_Pictures):
    """Images on disk that are never trained on: their middle.

    Parameters
    ----------
    pictures, side, pixels, threads : as for `ImagesInFolders`
    """

    def batches(self, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        """All images once, in order."""
        groups = [
            self.pictures[start : start + _TEST_BATCH]
            for start in range(0, len(self.pictures), _TEST_BATCH)
        ]
        wanted = [[(path, _MIDDLE) for path, _ in group] for group in groups]
        read = read_batches(wanted, self.side, self.threads)
        for group, images in zip(groups, read, strict=True):
            labels: Tensor = torch.tensor([kind for _, kind in group])
            yield self.pixels.apply(torch.from_numpy(images).to(device)), labels


def _box(drawn: Sequence[float]) -> Box:
    """Area, shape and place of a cut from four numbers between 0 and 1."""
    area = 0.08 + 0.92 * drawn[0]
    shape = (3 / 4) * (16 / 9) ** drawn[1]
    width, height = min(1.0, (area * shape) ** 0.5), min(1.0, (area / shape) ** 0.5)
    left, upper = drawn[2] * (1 - width), drawn[3] * (1 - height)
    return left, upper, left + width, upper + height
