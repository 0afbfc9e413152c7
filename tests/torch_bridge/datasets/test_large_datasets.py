"""SVHN and ILSVRC12 from tiny files in their official layouts."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from torch_bridge.benchmarks.images import load_images
from torch_bridge.datasets import DataError, folders, svhn
from torch_bridge.datasets.folders import find_ilsvrc12, read_picture
from torch_bridge.datasets.svhn import load_svhn
from torch_bridge.training.distributed import DistributedContext

CPU = torch.device("cpu")


def write_svhn(folder: Path, monkeypatch: pytest.MonkeyPatch, largest: int = 10) -> None:
    """Write both files with a few images whose brightness is twenty times their label."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, n in ((svhn.TRAIN, 20), (svhn.TEST, 10)):
        labels = np.arange(n) % largest + 1
        pixels = np.broadcast_to(20 * labels, (32, 32, 3, n)).astype(np.uint8)
        savemat(folder / name, {"X": pixels, "y": labels[:, None]}, do_compression=True)
        found = hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest()
        monkeypatch.setitem(svhn.CHECKSUMS, name, found)


def test_svhn_digit_zero_is_label_ten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_svhn(tmp_path / "svhn", monkeypatch)
    data = load_svhn(tmp_path)
    assert (data.name, len(data.train_images), len(data.val_images)) == ("SVHN", 18, 2)
    brightness = data.train_images.mean((1, 2, 3)) / 20
    np.testing.assert_array_equal(brightness % 10, data.train_labels)
    assert data.test_images.shape == (10, 32, 32, 3)
    assert load_images("svhn", tmp_path, CPU).name == "SVHN"


def test_svhn_says_what_is_missing_or_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match=r"get train_32x32\.mat from ufldl.* put it into .*svhn"):
        load_svhn(tmp_path)
    write_svhn(tmp_path, monkeypatch, largest=12)
    with pytest.raises(DataError, match="labels 1 to 10"):
        load_svhn(tmp_path)
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(DataError, match=r"needs SciPy .*ada-tucker\[svhn\]"):
        load_svhn(tmp_path)
    monkeypatch.setitem(svhn.CHECKSUMS, svhn.TRAIN, "0")
    with pytest.raises(DataError, match="wrong checksum"):
        load_svhn(tmp_path)


def write_ilsvrc12(root: Path, classes: int = 3, train: int = 10, val: int = 2) -> None:
    """Write folders of JPEGs, all of one brightness in a class, of different sizes."""
    for split, n in (("train", train), ("val", val)):
        for number in range(classes):
            folder = root / split / f"n0000000{number}"
            folder.mkdir(parents=True)
            for k in range(n):
                size = (40 + 10 * k, 60)
                Image.new("RGB", size, (80 * number,) * 3).save(folder / f"{k}.JPEG", "JPEG")


def test_ilsvrc12_is_listed_split_and_read_lazily(tmp_path: Path) -> None:
    write_ilsvrc12(tmp_path / "ilsvrc12")
    found = find_ilsvrc12(tmp_path)
    assert found.name == "ILSVRC12-subset"
    assert [len(part) for part in (found.train, found.validation, found.test)] == [24, 6, 6]
    images = load_images("ilsvrc12", tmp_path, CPU)
    batches = list(images.train.epoch(0, 5, 0, DistributedContext()))
    assert [tuple(batch.inputs.shape) for batch in batches] == [(5, 3, 224, 224)] * 4
    levels = {k: (80 * k / 255 - 0.485) / 0.229 for k in range(3)}
    for inputs, labels, _ in batches:
        expected = torch.tensor([levels[k] for k in labels.tolist()])
        torch.testing.assert_close(inputs[:, 0].mean((1, 2)), expected, atol=0.02, rtol=0)
    again = list(images.train.epoch(0, 5, 0, DistributedContext()))
    assert all(torch.equal(a, b) for a, b in zip(batches[0][:2], again[0][:2], strict=True))
    other = list(images.train.epoch(0, 5, 1, DistributedContext()))
    assert not torch.equal(batches[0].labels, other[0].labels) or len(batches) != len(other)
    ((inputs, labels),) = images.test.batches(CPU)
    assert inputs.shape == (6, 3, 224, 224)
    assert labels.tolist() == [0, 0, 1, 1, 2, 2]


def test_ilsvrc12_shares_each_batch_between_processes(tmp_path: Path) -> None:
    write_ilsvrc12(tmp_path, train=6)
    images = load_images("ilsvrc12", tmp_path, CPU)
    whole = next(iter(images.train.epoch(0, 4, 2, DistributedContext())))
    halves = [
        next(iter(images.train.epoch(0, 4, 2, DistributedContext(rank, 2)))) for rank in (0, 1)
    ]
    assert torch.equal(whole.inputs, torch.cat([half.inputs for half in halves]))
    assert torch.equal(whole.labels, torch.cat([half.labels for half in halves]))


def test_a_box_is_cut_and_scaled(tmp_path: Path) -> None:
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, 40:] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png", 8, (0, 0, 0.4, 1)).max() == 0
    assert read_picture(tmp_path / "a.png", 8, (0.6, 0, 1, 1)).min() == 200


def test_ilsvrc12_says_what_is_missing_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"unpack ILSVRC2012_img_train\.tar .*put it into .*ilsvrc12"
    ):
        find_ilsvrc12(tmp_path)
    write_ilsvrc12(tmp_path)
    (tmp_path / "train" / "n00000001" / "0.JPEG").write_bytes(b"no picture")
    images = load_images("ilsvrc12", tmp_path, CPU)
    with pytest.raises(DataError, match=r"n00000001/0\.JPEG: cannot be read"):
        list(images.train.epoch(0, 4, 0, DistributedContext()))
    for file in (tmp_path / "val" / "n00000002").iterdir():
        file.unlink()
    with pytest.raises(DataError, match=r"val/n00000002: holds no \*\.JPEG"):
        find_ilsvrc12(tmp_path)


def test_all_of_ilsvrc12_has_its_plain_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "COUNTS", {"train": 30, "val": 6})
    write_ilsvrc12(tmp_path)
    assert find_ilsvrc12(tmp_path).name == "ILSVRC12"


def write_pictures(folder: Path, classes: int, each: int) -> None:
    """Write black images, so many of each class to train and one to test on."""
    black = Image.new("RGB", (8, 8))
    for part, n in (("train", each), ("val", 1)):
        for kind in range(classes):
            place = folder / "ilsvrc12" / part / f"n{kind:04}"
            place.mkdir(parents=True)
            for number in range(n):
                black.save(place / f"{number}.JPEG")


@pytest.mark.parametrize(
    ("classes", "each", "text"),
    [
        (2, 1, "train: no class has 5 images, of which one is needed to validate on; add some"),
        (1_001, 0, "train: holds 1,001 folders of classes, the networks tell 1 to 1,000 apart"),
    ],
)
def test_ilsvrc12_that_cannot_be_trained_on_is_refused(
    classes: int, each: int, text: str, tmp_path: Path
) -> None:
    write_pictures(tmp_path, classes, each)
    with pytest.raises(DataError, match=text):
        find_ilsvrc12(tmp_path)


def test_a_picture_too_large_to_read_is_named(tmp_path: Path) -> None:
    """A header of 65,000 x 65,000 pixels takes a few bytes."""
    Image.new("RGB", (8, 8)).save(tmp_path / "large.JPEG")
    content = (tmp_path / "large.JPEG").read_bytes()
    place = content.index(b"\xff\xc0") + 5
    size = (65_000).to_bytes(2, "big")
    (tmp_path / "large.JPEG").write_bytes(content[:place] + size + size + content[place + 4 :])
    with pytest.raises(DataError, match=r"large\.JPEG: cannot be read"):
        read_picture(tmp_path / "large.JPEG", 8, (0.0, 0.0, 1.0, 1.0))
