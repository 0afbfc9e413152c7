"""The networks by name, and that their numpy twins compute the same."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from course_kit.notebook.numpy_net import logits
from course_kit.notebook.paths import DATA
from tests.torch_bridge.tiny_runs import tiny_digits
from torch_bridge import build_model, load_network
from torch_bridge.datasets import load_mnist, load_mnist5k
from torch_bridge.models import LENETS
from torch_bridge.state.tensors import load_weights
from torch_bridge.training.evaluate import predict
from tucker_core import ARCHITECTURES, dense_params, load

Array = npt.NDArray[np.uint8]
names = pytest.mark.parametrize("name", sorted(LENETS))


@names
def test_parameters_are_those_of_the_architecture_table(name: str) -> None:
    model = build_model(name)
    assert {n: tuple(p.shape) for n, p in model.named_parameters()} == ARCHITECTURES[name]
    assert sum(p.numel() for p in model.parameters()) == dense_params(name)


@names
def test_gives_ten_logits_for_each_image(name: str) -> None:
    assert build_model(name)(torch.zeros(3, 1, 28, 28)).shape == (3, 10)


@names
@pytest.mark.parametrize(("other", "same"), [(1, True), (2, False)])
def test_weights_follow_the_seed_alone(name: str, other: int, same: bool) -> None:
    before = torch.get_rng_state()
    first = build_model(name, seed=1).state_dict()
    second = build_model(name, seed=other).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first) == same
    assert torch.equal(torch.get_rng_state(), before)


@names
def test_numpy_twin_computes_the_same(name: str) -> None:
    model = build_model(name, seed=0)
    images = tiny_digits().test_images[:6]
    weights = {key: value.numpy() for key, value in model.state_dict().items()}
    expected = predict(model, torch.tensor(images)).numpy()
    np.testing.assert_allclose(logits(name, weights, images), expected, rtol=1e-4, atol=1e-4)


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"'lenet6' is unknown; choose one of .*, lenet300, lenet5, "
    ):
        build_model("lenet6")
    with pytest.raises(ValueError, match="'lenet6' is unknown"):
        logits("lenet6", {}, np.zeros((1, 28, 28), np.uint8))


def in_data(pattern: str) -> pytest.MarkDecorator:
    """Run a test once for every model of the tree whose file is called so."""
    paths = sorted((DATA / "models").glob(pattern))
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


shipped = in_data("*.ada")


@in_data("*.npz")
def test_shipped_dense_networks_are_those_of_their_names(path: Path) -> None:
    model = load_weights(path, build_model(path.stem.split("_")[0]))
    assert all(bool(tensor.isfinite().all()) for tensor in model.state_dict().values())


def assert_same_digits(path: Path, images: Array) -> None:
    """Numpy and torch read the same digits in these images."""
    network = load(path)
    weights = network.to_dense()
    chunks = np.array_split(images, max(1, len(images) // 500))
    ours = np.concatenate([logits(network.architecture, weights, c).argmax(1) for c in chunks])
    model = load_network(build_model(network.architecture), network)
    np.testing.assert_array_equal(ours, predict(model, torch.tensor(images)).argmax(1).numpy())


@shipped
def test_shipped_files_read_the_same_digits_in_numpy_and_in_torch(path: Path) -> None:
    assert_same_digits(path, load_mnist5k().test_images[:500])


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("ADA_DATA_DIR"), reason="ADA_DATA_DIR names no full MNIST")
@shipped
def test_shipped_files_read_all_test_digits_alike(path: Path) -> None:
    assert_same_digits(path, load_mnist(offline=True).test_images)
