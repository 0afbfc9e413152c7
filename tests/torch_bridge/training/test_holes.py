"""Holes in training images: where they are, how large, and where there are none."""

from __future__ import annotations

import pytest
import torch

from tests.torch_bridge.tiny_cifar import tiny_set
from tests.torch_bridge.tiny_pictures import pictures
from torch_bridge.benchmarks.images import in_memory, load_images
from torch_bridge.datasets.registry import IMAGE_SETS
from torch_bridge.training.augment import CutoutAugmentation
from torch_bridge.training.distributed import DistributedContext


def test_hole_is_a_black_square_that_may_lie_partly_outside() -> None:
    images = pictures(60)[0].clamp_min(1)
    augmentation = CutoutAugmentation(shift=0, mirror=False, cutout=4)
    drawn = augmentation.draw(60, torch.Generator().manual_seed(0))
    covered = augmentation.apply(images, drawn) != images
    sizes = set()
    for cutout in covered.all(-1):
        rows, columns = cutout.any(1), cutout.any(0)
        assert torch.equal(cutout, rows[:, None] & columns)
        sizes.add((int(rows.sum()), int(columns.sum())))
    assert torch.equal(covered.any(-1), covered.all(-1))
    assert max(sizes) == (4, 4)
    assert min(sizes) < (4, 4)


def test_hole_must_fit_the_images() -> None:
    with pytest.raises(ValueError, match="cutout is 32; images of cifar10 have 32 pixels"):
        load_images("cifar10", None, torch.device("cpu"), cutout=32)
    with pytest.raises(ValueError, match="images of ilsvrc12 come from folders"):
        load_images("ilsvrc12", None, torch.device("cpu"), cutout=8)


def test_hole_reaches_the_training_images_alone() -> None:
    sets = [
        in_memory(tiny_set(), IMAGE_SETS["cifar10"], torch.device("cpu"), cutout)
        for cutout in (0, 31)
    ]
    for part in ("validation", "test"):
        whole, other = (getattr(images, part) for images in sets)
        assert torch.equal(whole.images, other.images)
    batches = [next(iter(images.train.epoch(0, 40, 0, DistributedContext())))[0] for images in sets]
    whole, covered = (float((batch == batch.amin()).float().mean()) for batch in batches)
    assert covered > 3 * whole
