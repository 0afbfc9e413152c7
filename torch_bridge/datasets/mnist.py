"""MNIST, or the bundled MNIST-5k in its place, split into training, validation and test images.

Validation images come out of the training set, so that nothing is chosen on the test set.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from torch_bridge.datasets import sources
from torch_bridge.datasets.idx import DataError, UInt8Array

MNIST_VAL = 5_000
MNIST5K_VAL = 400


@dataclass(frozen=True, eq=False)
class DataSet:
    """Images (n, height, width), colours as a last axis, and labels (n,) in three parts, all uint8.

    The parts share no image.

    Attributes
    ----------
    name
        What every result measured on it must call it: ``"MNIST"`` or ``"MNIST-5k"``.
    """

    name: str
    train_images: UInt8Array
    train_labels: UInt8Array
    val_images: UInt8Array
    val_labels: UInt8Array
    test_images: UInt8Array
    test_labels: UInt8Array


def load_mnist(
    data_dir: str | Path | None = None, *, offline: bool | None = None, progress: bool = True
) -> DataSet:
    """Load MNIST from the first place that has it, or else the bundled MNIST-5k with a warning.

    The places are `data_dir`, the folder in $ADA_DATA_DIR, the cache, and the mirrors. The first
    two are meant: once given, nothing else is tried.

    Parameters
    ----------
    data_dir
        Folder with MNIST's four files, in it or in its subfolder ``mnist``.
    offline
        Whether to leave the mirrors out; None asks $ADA_OFFLINE.
    progress
        Whether downloads show a bar on stderr.

    Returns
    -------
    data
        ``"MNIST"`` with 55,000 / 5,000 / 10,000 images, or ``"MNIST-5k"`` with
        3,600 / 400 / 1,000.

    Raises
    ------
    DataError
        If the given folder lacks a file or holds a wrong one, or the bundled file is damaged.
    """
    origin = "ADA_DATA_DIR" if data_dir is None else "data_dir"
    directory = sources.env_data_dir() if data_dir is None else Path(data_dir)
    if directory is not None:
        return _mnist(sources.read_mnist(sources.find_mnist(directory, origin)))
    offline = sources.env_offline() if offline is None else offline
    try:
        return _mnist(sources.read_or_fetch_mnist(offline, progress))
    except DataError as error:
        warnings.warn(
            f"using the bundled MNIST-5k (5,000 images) instead of MNIST: {error}; "
            "`make data` fetches MNIST, ADA_DATA_DIR names a folder that has it",
            UserWarning,
            stacklevel=2,
        )
    return load_mnist5k()


def load_mnist5k() -> DataSet:
    """Load the bundled MNIST-5k: 3,600 / 400 / 1,000 images, all from MNIST's training set.

    Raises
    ------
    DataError
        If the bundled file is missing or damaged.

    Examples
    --------
    >>> data = load_mnist5k()
    >>> data.name, data.train_images.shape, data.val_labels.shape, data.test_images.shape
    ('MNIST-5k', (3600, 28, 28), (400,), (1000, 28, 28))
    """
    arrays = sources.read_mnist5k()
    return _split(
        "MNIST-5k",
        (arrays["train_images"], arrays["train_labels"]),
        (arrays["test_images"], arrays["test_labels"]),
        MNIST5K_VAL,
    )


def _mnist(arrays: dict[str, UInt8Array]) -> DataSet:
    return _split(
        "MNIST",
        (arrays[sources.TRAIN_IMAGES], arrays[sources.TRAIN_LABELS]),
        (arrays[sources.TEST_IMAGES], arrays[sources.TEST_LABELS]),
        MNIST_VAL,
    )


def _split(
    name: str,
    train: tuple[UInt8Array, UInt8Array],
    test: tuple[UInt8Array, UInt8Array],
    held_out: int,
) -> DataSet:
    images, labels = train
    return DataSet(
        name, images[:-held_out], labels[:-held_out], images[-held_out:], labels[-held_out:], *test
    )
