"""The data sets of the benchmarks by name: how to load them and what their images are like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from torch_bridge.datasets.cifar import load_cifar10
from torch_bridge.datasets.mnist import DataSet, load_mnist
from torch_bridge.datasets.svhn import load_svhn
from tucker_core.architectures import PIXEL_MEAN, PIXEL_STD


@dataclass(frozen=True)
class ImageSet:
    """What is known of a data set before it is loaded.

    Attributes
    ----------
    title : what it is called, e.g. "CIFAR-10"
    side, classes : pixels along an edge as the network sees them; kinds of images
    train_images : how many are trained on
    mean, std : of every colour over the training images, on a scale from 0 to 1
    mirror : whether a mirrored image is still one of its class
    load : loads it from a folder; None where the images are read as they are needed
    """

    title: str
    side: int
    classes: int
    train_images: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    mirror: bool
    load: Callable[[Path | None, bool], DataSet] | None = None


def _mnist(folder: Path | None, progress: bool) -> DataSet:
    """MNIST with an axis for its one colour."""
    data = load_mnist(folder, progress=progress)
    images = {
        name: getattr(data, name)[..., None]
        for name in ("train_images", "val_images", "test_images")
    }
    return replace(data, **images)


def _cifar10(folder: Path | None, progress: bool) -> DataSet:
    return load_cifar10(folder, progress=progress)


def _svhn(folder: Path | None, _progress: bool) -> DataSet:
    return load_svhn(folder)


IMAGE_SETS: dict[str, ImageSet] = {
    "mnist": ImageSet("MNIST", 28, 10, 55_000, (PIXEL_MEAN,), (PIXEL_STD,), False, _mnist),
    "cifar10": ImageSet(
        "CIFAR-10", 32, 10, 45_000, (0.491, 0.482, 0.447), (0.247, 0.243, 0.262), True, _cifar10
    ),
    "svhn": ImageSet(
        "SVHN", 32, 10, 66_257, (0.438, 0.444, 0.473), (0.198, 0.201, 0.197), False, _svhn
    ),
    "ilsvrc12": ImageSet(
        "ILSVRC12", 224, 1_000, 1_231_167, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), True
    ),
}
