"""A benchmark that takes seconds: a ResNet-8 on a few tiny images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.torch_bridge.tiny_cifar import tiny_set
from torch_bridge.benchmarks import BENCHMARKS
from torch_bridge.benchmarks.recipes import Recipe
from torch_bridge.datasets.registry import IMAGE_SETS
from torch_bridge.models import MODELS, CifarResNet

FAST: dict[str, Any] = {"epochs": 1, "batch_size": 20, "precision": "float32"}


def register(setitem: Callable[[dict[str, Any], str, Any], None]) -> str:
    """Put it into the tables of networks, data sets and benchmarks; gives its name."""
    setitem(MODELS, "resnet8", lambda: CifarResNet(8))
    known = replace(IMAGE_SETS["cifar10"], load=lambda *_: tiny_set())
    setitem(IMAGE_SETS, "cifar10", known)
    usual = BENCHMARKS["resnet20"]
    benchmark = replace(usual, name="resnet8", model="resnet8", recipe=quick(usual.recipe, **FAST))
    setitem(BENCHMARKS, "resnet8", benchmark)
    return "resnet8"


def quick(recipe: Recipe, **changes: Any) -> Recipe:
    """The recipe with the same changes of each training."""
    stages = ("dense", "tucker", "qat")
    return replace(recipe, **{s: replace(getattr(recipe, s), **changes) for s in stages})
