"""What several tests of benchmarks and of data sets begin with."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bridge.tiny_cifar import tiny_set
from tests.bridge.tiny_mnist import TINY, VAL
from torch_bridge.benchmarks import BENCHMARKS
from torch_bridge.datasets import mnist, sources
from torch_bridge.datasets.registry import IMAGE_SETS
from torch_bridge.datasets.sources import FileSpec
from torch_bridge.models import MODELS, CifarResNet
from tucker_core.shipped import ROOT

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


@pytest.fixture
def tiny_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the tiny MNIST into the registry and an empty checkout in place of the real one."""
    checkout = tmp_path / "checkout"
    (checkout / "data").mkdir(parents=True)
    (checkout / "pyproject.toml").touch()
    shutil.copy(ROOT / "data" / "mnist5k.npz", checkout / "data")
    specs = {
        name: FileSpec(hashlib.sha256(content).hexdigest(), len(content))
        for name, content in TINY.items()
    }
    monkeypatch.setattr(sources, "ROOT", checkout)
    monkeypatch.setattr(sources, "MNIST_FILES", specs)
    monkeypatch.setattr(sources, "MIRRORS", ())
    monkeypatch.setattr(mnist, "MNIST_VAL", VAL)
    for name in ("ADA_DATA_DIR", "ADA_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return checkout / "data" / "cache" / "mnist"
