"""What several tests of benchmarks and of data sets begin with."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from tests.torch_bridge.tiny_benchmark import register
from tests.torch_bridge.tiny_mnist import TINY, VAL
from torch_bridge.datasets import mnist, sources
from torch_bridge.datasets.sources import FileSpec
from tucker_core.shipped import ROOT


@pytest.fixture
def resnet8(monkeypatch: pytest.MonkeyPatch) -> str:
    """Register a ResNet-8 as a benchmark on tiny images; gives its name."""
    return register(monkeypatch.setitem)


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
