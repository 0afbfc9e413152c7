"""The digits of MNIST or MNIST-5k as tensors, in the parts that a training run asks for."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from torch_bridge.datasets import DataSet, load_mnist, load_mnist5k


class Digits(NamedTuple):
    """Byte images (n, 28, 28) and labels (n,) in three parts that share no image.

    Attributes
    ----------
    name : "MNIST" or "MNIST-5k"
    images, labels : to train on
    validation : images and labels for every decision
    test : images and labels for the end
    """

    name: str
    images: Tensor
    labels: Tensor
    validation: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


def load_digits(*, full: bool = False) -> Digits:
    """Load the bundled MNIST-5k, or with `full` all of MNIST if it can be had.

    Raises
    ------
    DataError
        If the bundled file, or a folder named by $ADA_DATA_DIR, lacks something.

    Examples
    --------
    >>> digits = load_digits()
    >>> digits.name, tuple(digits.images.shape), len(digits.test[1])
    ('MNIST-5k', (3600, 28, 28), 1000)
    """
    return as_tensors(load_mnist() if full else load_mnist5k())


def as_tensors(data: DataSet) -> Digits:
    """Copy the arrays of a data set into tensors."""
    return Digits(
        data.name,
        torch.tensor(data.train_images),
        torch.tensor(data.train_labels),
        (torch.tensor(data.val_images), torch.tensor(data.val_labels)),
        (torch.tensor(data.test_images), torch.tensor(data.test_labels)),
    )
