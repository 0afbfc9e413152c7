"""The images of a benchmark, ready to train and test on, from memory or from folders."""

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import torch
from torch import nn

from torch_bridge.benchmarks.recipes import Recipe
from torch_bridge.datasets import DataSet
from torch_bridge.datasets.folders import find_ilsvrc12
from torch_bridge.datasets.registry import IMAGE_SETS, ImageSet
from torch_bridge.training.augment import Augmentation, CutoutAugmentation, kept_copies
from torch_bridge.training.data import (
    AugmentedCopies,
    ImagesInMemory,
    Normalisation,
    TrainingData,
)
from torch_bridge.training.evaluate import EvaluationImages, EvaluationSet
from torch_bridge.training.folders import EvaluationFolder, ImagesInFolders
from torch_bridge.training.objective import Teacher


@dataclass(eq=False)
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

    def training(
        self, recipe: Recipe, seed: int, *,
        augment: bool = True, teacher: nn.Module | None = None, folder: Path | None = None,
        progress: bool = True,
    ) -> TrainingData:  # fmt: skip
        """The training images of a run; these here are changed anew whenever they are seen."""
        return self.train

    def fingerprint(self) -> list[str]:
        """Hash of each part."""
        return [part.fingerprint() for part in (self.train, self.validation, self.test)]


class Digits(Images):
    """Digits: their training images are augmented once, and a teacher is asked once for each copy.

    Parameters
    ----------
    data : the digits
    device : where networks compute
    """

    def __init__(self, data: DataSet, device: torch.device) -> None:
        self._plain, labels = torch.tensor(data.train_images), torch.tensor(data.train_labels)
        self._copies = lru_cache(maxsize=1)(partial(kept_copies, self._plain))
        self._teacher = lru_cache(maxsize=1)(Teacher)
        self._data = partial(AugmentedCopies, labels=labels, device=device)
        pairs = (data.val_images, data.val_labels), (data.test_images, data.test_labels)
        held_out = (EvaluationImages(*map(torch.tensor, pair)) for pair in pairs)
        super().__init__(data.name, self._data([self._plain]), *held_out)

    def training(
        self, recipe: Recipe, seed: int, *,
        augment: bool = True, teacher: nn.Module | None = None, folder: Path | None = None,
        progress: bool = True,
    ) -> TrainingData:  # fmt: skip
        """Copies that the recipe augments by the seed, kept in the folder, or the images themselves."""
        pool, copies = [self._plain], recipe.copies
        if augment:
            pool = self._copies(copies, recipe.distortion, seed, folder, progress=progress)
        return self._data(pool, teacher=None if teacher is None else self._teacher(teacher))


def load_images(
    data: str, folder: Path | None, device: torch.device, *, cutout: int = 0, progress: bool = True
) -> Images:
    """Load the data set of that name; `cutout` is the side in pixels of what covers training images.

    Raises
    ------
    ValueError
        If the cutout does not fit the images, or these are read from folders, as ILSVRC12.
    DataError
        If its files are missing or damaged; says what to put where.
    """
    known = IMAGE_SETS[data]
    if known.load is not None:
        if not 0 <= cutout < known.side:
            raise ValueError(
                f"cutout is {cutout}; images of {data} have {known.side} pixels a side"
            )
        return in_memory(known.load(folder, progress), known, device, cutout)
    if cutout:
        raise ValueError(
            f"cutout is {cutout}; images of {data} come from folders and can have none"
        )
    found, pixels = find_ilsvrc12(folder), Normalisation(known.mean, known.std)
    return Images(
        found.name,
        ImagesInFolders(found.train, known.side, pixels),
        EvaluationFolder(found.validation, known.side, pixels),
        EvaluationFolder(found.test, known.side, pixels),
    )


def in_memory(data: DataSet, known: ImageSet, device: torch.device, cutout: int = 0) -> Images:
    """Put images that are all in memory where they are needed."""
    pixels = Normalisation(known.mean, known.std)
    images, labels = (
        torch.from_numpy(array).to(device) for array in (data.train_images, data.train_labels)
    )
    moves = known.side // 8, known.mirror
    augmentation = CutoutAugmentation(*moves, cutout) if cutout else Augmentation(*moves)
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
