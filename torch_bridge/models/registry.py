"""Networks by name."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from torch_bridge.models.alexnet import AlexNet, ConvNet
from torch_bridge.models.lenet import LeNet5, LeNet300
from torch_bridge.models.resnet import ResNet
from torch_bridge.models.resnet_cifar import CifarResNet
from torch_bridge.models.wide_resnet import WideResNet

LENETS: dict[str, Callable[[], nn.Module]] = {"lenet5": LeNet5, "lenet300": LeNet300}
MODELS: dict[str, Callable[[], nn.Module]] = {
    **LENETS,
    "convnet": ConvNet,
    "resnet20": partial(CifarResNet, 20),
    "resnet32": partial(CifarResNet, 32),
    "resnet56": partial(CifarResNet, 56),
    "resnet110": partial(CifarResNet, 110),
    "wrn16-4": partial(WideResNet, 16, 4),
    "wrn28-10": partial(WideResNet, 28, 10),
    "alexnet": AlexNet,
    "resnet18": partial(ResNet, 18),
    "resnet50": partial(ResNet, 50),
}


def build_model(name: str, *, seed: int | None = None) -> nn.Module:
    """Make a network by its name, its weights drawn with the seed (the global generator is untouched).

    Raises
    ------
    ValueError
        If no network has that name; the known ones are listed.

    Examples
    --------
    >>> type(build_model("lenet5", seed=0)).__name__
    'LeNet5'
    >>> build_model("lenet6")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: model 'lenet6' is unknown; choose one of alexnet, convnet, lenet300, lenet5, ...
    """
    if name not in MODELS:
        raise ValueError(f"model {name!r} is unknown; choose one of {', '.join(sorted(MODELS))}")
    with torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.manual_seed(seed)
        return MODELS[name]()
