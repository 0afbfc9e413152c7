"""The images of a benchmark, ready to train and test on, from memory or from folders."""

from dataclasses import dataclass
from pathlib import Path

import torch

from torch_bridge.datasets import DataSet
from torch_bridge.datasets.folders import find_ilsvrc12
from torch_bridge.datasets.registry import IMAGE_SETS, ImageSet
from torch_bridge.training.augment import Augmentation, CutoutAugmentation
from torch_bridge.training.data import ImagesInMemory, Normalisation, TrainingData
from torch_bridge.training.evaluate import EvaluationImages, EvaluationSet
from torch_bridge.training.folders import EvaluationFolder, ImagesInFolders


@dataclass(frozen=True)
class Images:
    """Training, validation and test images.

    Attributes
    ----------
    name : what the data set is to be called in every result
    train, validation, test : the three parts
    """

    name: str
    train: TrainingData
    validation: EvaluationSet
    test: EvaluationSet


def load_images(
    data: str, folder: Path | None, device: torch.device, *, hole: int = 0, progress: bool = True
) -> Images:
    """Load the data set of that name; `hole` is the side in pixels of what covers training images.

    Raises
    ------
    ValueError
        If the hole does not fit the images, or these are read from folders, as ILSVRC12.
    DataError
        If its files are missing or damaged; says what to put where.
    """
    known = IMAGE_SETS[data]
    if known.load is not None:
        if not 0 <= hole < known.side:
            raise ValueError(f"hole is {hole}; images of {data} have {known.side} pixels a side")
        return in_memory(known.load(folder, progress), known, device, hole)
    if hole:
        raise ValueError(f"hole is {hole}; images of {data} come from folders and can have none")
    found, pixels = find_ilsvrc12(folder), Normalisation(known.mean, known.std)
    return Images(
        found.name,
        ImagesInFolders(found.train, known.side, pixels),
        EvaluationFolder(found.validation, known.side, pixels),
        EvaluationFolder(found.test, known.side, pixels),
    )


def in_memory(data: DataSet, known: ImageSet, device: torch.device, hole: int = 0) -> Images:
    """Put images that are all in memory where they are needed."""
    pixels = Normalisation(known.mean, known.std)
    images, labels = (
        torch.from_numpy(array).to(device) for array in (data.train_images, data.train_labels)
    )
    moves = known.side // 8, known.mirror
    augmentation = CutoutAugmentation(*moves, hole) if hole else Augmentation(*moves)
    return Images(
        data.name,
        ImagesInMemory(images, labels, pixels, augmentation),
        EvaluationImages(
            torch.from_numpy(data.val_images), torch.from_numpy(data.val_labels), pixels
        ),
        EvaluationImages(
            torch.from_numpy(data.test_images), torch.from_numpy(data.test_labels), pixels
        ),
    )
