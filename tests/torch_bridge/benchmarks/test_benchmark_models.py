"""The networks of the paper's benchmarks: exact sizes, shapes, and that gradients reach everything."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from torch_bridge.models import MODELS, CifarResNet, ResNet, WideResNet, build_model

PARAMETERS = {
    "lenet5": 431_080,
    "lenet300": 266_610,
    "convnet": 1_423_370,
    "resnet20": 269_722,
    "resnet32": 464_154,
    "resnet56": 853_018,
    "resnet110": 1_727_962,
    "wrn16-4": 2_748_890,
    "wrn28-10": 36_479_194,
    "alexnet": 61_100_840,
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
}
LARGE = {"alexnet": (224, 1_000), "resnet18": (224, 1_000), "resnet50": (224, 1_000)}
SMALL = ("convnet", "resnet20", "resnet32", "wrn16-4")


def test_every_network_has_its_number_of_parameters() -> None:
    assert set(PARAMETERS) == set(MODELS)
    with torch.device("meta"):
        counted = {name: sum(p.numel() for p in MODELS[name]().parameters()) for name in MODELS}
    assert counted == PARAMETERS


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"lenet5", "lenet300"}))
def test_logits_have_the_shape_of_the_data_set(name: str) -> None:
    size, classes = LARGE.get(name, (32, 10))
    with torch.device("meta"):
        logits = MODELS[name]()(torch.zeros(2, 3, size, size))
    assert logits.shape == (2, classes)


@pytest.mark.parametrize("name", SMALL)
def test_gradients_reach_every_parameter(name: str) -> None:
    model = build_model(name, seed=0)
    model(torch.randn(4, 3, 32, 32)).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in model.parameters())


def test_halving_shortcut_has_no_parameters_and_pads_with_zeros() -> None:
    block: Any = CifarResNet(20).layer2[0]
    images = torch.rand(1, 16, 8, 8)
    for convolution in (block.conv1, block.conv2):
        torch.nn.init.zeros_(convolution.weight)
    through = block.eval()(images)
    assert torch.equal(through[:, 8:24], images[:, :, ::2, ::2])
    assert not through[:, :8].any()
    assert not through[:, 24:].any()


def test_resnet_names_are_the_usual_ones() -> None:
    with torch.device("meta"):
        names = set(ResNet(50).state_dict())
    assert {"layer1.0.downsample.0.weight", "layer4.2.conv3.weight", "fc.bias"} <= names


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: CifarResNet(21), "depth is 21; 6 n"),
        (lambda: WideResNet(20, 1), "depth is 20; 6 n"),
        (lambda: ResNet(34), "depth is 34; 18 or 50"),
    ],
)
def test_impossible_depths_are_refused(make: object, text: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=text):
        make()
