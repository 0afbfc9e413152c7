"""Digits as tensors: the images of the data set in the same parts, as copies that may be changed."""

import numpy as np
import pytest
import torch

from torch_bridge.datasets import load_mnist5k
from torch_bridge.datasets import tensors as digits
from torch_bridge.datasets.tensors import as_tensors, load_digits


def test_every_part_is_the_data_sets_own() -> None:
    data = load_mnist5k()
    found = as_tensors(data)
    pairs = [
        (found.images, data.train_images), (found.labels, data.train_labels),
        (found.validation[0], data.val_images), (found.validation[1], data.val_labels),
        (found.test[0], data.test_images), (found.test[1], data.test_labels),
    ]  # fmt: skip
    for tensor, array in pairs:
        assert tensor.dtype == torch.uint8
        assert np.array_equal(tensor.numpy(), array)
        assert not np.shares_memory(tensor.numpy(), array)


@pytest.mark.parametrize(("full", "asked"), [(False, "5k"), (True, "all")])
def test_only_full_asks_for_all_of_mnist(
    full: bool, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = {"5k": load_mnist5k(), "all": load_mnist5k()}
    monkeypatch.setattr(digits, "load_mnist5k", lambda: sources["5k"])
    monkeypatch.setattr(digits, "load_mnist", lambda: sources["all"])
    monkeypatch.setattr(digits, "as_tensors", lambda data: data)
    found: object = load_digits(full=full)
    assert found is sources[asked]
