"""The real data sets: the bundled MNIST-5k, and the full MNIST where ADA_DATA_DIR has it."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pytest

from torch_bridge.datasets import DataError, load_mnist, load_mnist5k, sources
from torch_bridge.datasets.sources import FileSpec
from tucker_core.shipped import ROOT

REAL_DATA_DIR = os.environ.get("ADA_DATA_DIR")


def test_mnist5k_sizes_and_balance() -> None:
    data = load_mnist5k()
    assert data.name == "MNIST-5k"
    parts = {
        "train": (data.train_images, data.train_labels, 3600),
        "val": (data.val_images, data.val_labels, 400),
        "test": (data.test_images, data.test_labels, 1000),
    }
    for images, labels, count in parts.values():
        assert images.dtype == labels.dtype == np.uint8
        assert images.shape == (count, 28, 28)
        assert labels.shape == (count,)
    train_labels = np.concatenate([data.train_labels, data.val_labels])
    assert np.bincount(train_labels).tolist() == [400] * 10
    assert np.bincount(data.test_labels).tolist() == [100] * 10
    assert len({image.tobytes() for images, _, _ in parts.values() for image in images}) == 5000


def test_mnist5k_missing_or_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data" / "mnist5k.npz"
    path.parent.mkdir()
    path.write_bytes((ROOT / "data" / "mnist5k.npz").read_bytes() + b"\0")
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    with pytest.raises(DataError, match=r"mnist5k.npz: wrong checksum"):
        load_mnist5k()
    path.unlink()
    with pytest.raises(DataError, match=r"mnist5k.npz: cannot be read: No such file"):
        load_mnist5k()


def test_mnist5k_never_unpickles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, train_images=np.array([{}], object))
    content = buffer.getvalue()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mnist5k.npz").write_bytes(content)
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    spec = FileSpec(hashlib.sha256(content).hexdigest(), len(content))
    monkeypatch.setattr(sources, "MNIST5K", spec)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_mnist5k()


@pytest.mark.skipif(not REAL_DATA_DIR, reason="ADA_DATA_DIR names no full MNIST")
def test_full_mnist() -> None:
    data = load_mnist()
    assert data.name == "MNIST"
    counts = (len(data.train_images), len(data.val_images), len(data.test_images))
    assert counts == (55_000, 5_000, 10_000)
    assert data.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    known = load_mnist5k()
    full = {image.tobytes() for part in (data.train_images, data.val_images) for image in part}
    assert all(image.tobytes() in full for image in known.test_images)
    assert not {image.tobytes() for image in data.test_images} & {
        image.tobytes() for image in np.concatenate([known.train_images, known.test_images])
    }
