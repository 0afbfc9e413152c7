"""What several tests of the benchmarks begin with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.bridge.tiny_cifar import tiny_set
from torch_bridge.benchmarks import BENCHMARKS
from torch_bridge.datasets.registry import IMAGE_SETS
from torch_bridge.models import MODELS, CifarResNet

FAST = {"epochs": 1, "batch_size": 20, "precision": "float32"}


@pytest.fixture
def resnet8(monkeypatch: pytest.MonkeyPatch) -> str:
    """Register a ResNet-8 as a benchmark on tiny images; gives its name."""
    monkeypatch.setitem(MODELS, "resnet8", lambda: CifarResNet(8))
    known = replace(IMAGE_SETS["cifar10"], load=lambda *_: tiny_set())
    monkeypatch.setitem(IMAGE_SETS, "cifar10", known)
    fast = {
        stage: replace(getattr(BENCHMARKS["resnet20"], stage), **FAST)
        for stage in ("dense", "tucker", "rounding")
    }
    benchmark = replace(BENCHMARKS["resnet20"], name="resnet8", model="resnet8", **fast)
    monkeypatch.setitem(BENCHMARKS, "resnet8", benchmark)
    return "resnet8"
