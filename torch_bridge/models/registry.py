"""Networks by name."""

from collections.abc import Callable

import torch
from torch import nn

from torch_bridge.models.lenet import LeNet5, LeNet300

MODELS: dict[str, Callable[[], nn.Module]] = {"lenet5": LeNet5, "lenet300": LeNet300}


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
    >>> build_model("lenet6")
    Traceback (most recent call last):
    ValueError: model 'lenet6' is unknown; choose one of lenet300, lenet5
    """
    if name not in MODELS:
        raise ValueError(f"model {name!r} is unknown; choose one of {', '.join(sorted(MODELS))}")
    with torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.manual_seed(seed)
        return MODELS[name]()
