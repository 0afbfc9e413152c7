"""A benchmark that takes seconds: a ResNet-8 on a few tiny images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.torch_bridge.tiny_cifar import tiny_set
from torch_bridge.benchmarks import BENCHMARKS
from torch_bridge.datasets.registry import IMAGE_SETS
from torch_bridge.models import MODELS, CifarResNet

FAST = {"epochs": 1, "batch_size": 20, "precision": "float32"}


def register(setitem: Callable[[dict[str, Any], str, Any], None]) -> str:
    """Put it into the tables of networks, data sets and benchmarks; gives its name."""
    setitem(MODELS, "resnet8", lambda: CifarResNet(8))
    known = replace(IMAGE_SETS["cifar10"], load=lambda *_: tiny_set())
    setitem(IMAGE_SETS, "cifar10", known)
    fast = {
        stage: replace(getattr(BENCHMARKS["resnet20"], stage), **FAST)
        for stage in ("dense", "tucker", "rounding")
    }
    benchmark = replace(BENCHMARKS["resnet20"], name="resnet8", model="resnet8", **fast)
    setitem(BENCHMARKS, "resnet8", benchmark)
    return "resnet8"
