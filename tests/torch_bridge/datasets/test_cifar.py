"""CIFAR-10 from its three archives, and what is said when one is missing or bad."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.torch_bridge.tiny_cifar import (
    EACH,
    allow,
    binary_files,
    python_files,
    tiny_images,
    write_archive,
)
from torch_bridge.datasets import DataError
from torch_bridge.datasets.cifar import BINARY, CLASSES, JPEG, PYTHON, load_cifar10


@pytest.mark.parametrize(
    ("name", "files"), [(BINARY, binary_files), (PYTHON, python_files)], ids=["binary", "python"]
)
@pytest.mark.parametrize("below", ["", "cifar10"])
def test_official_archives_give_the_images_in_their_order(
    name: str, files: Any, below: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, write_archive(tmp_path / below, name, files()))
    data = load_cifar10(tmp_path, progress=False)
    images, labels = (np.concatenate(part) for part in zip(*map(_batch, range(5)), strict=True))
    assert data.name == "CIFAR-10"
    np.testing.assert_array_equal(np.concatenate([data.train_images, data.val_images]), images)
    np.testing.assert_array_equal(np.concatenate([data.train_labels, data.val_labels]), labels)
    assert len(data.val_images) == 2
    np.testing.assert_array_equal(data.test_images, _batch(5)[0])


def _batch(number: int) -> Any:
    return tiny_images(EACH, number)


def test_jpeg_copy_has_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {}
    for split, count in (("train", 3), ("test", 2)):
        for kind in range(10):
            for number in range(count):
                content = io.BytesIO()
                Image.new("RGB", (32, 32), (20 * kind,) * 3).save(content, "JPEG")
                files[f"{split}/{CLASSES[kind]}/{number:04d}.jpg"] = content.getvalue()
    allow(monkeypatch, write_archive(tmp_path, JPEG, files))
    data = load_cifar10(tmp_path, progress=False)
    assert data.name == "CIFAR-10-jpeg"
    assert len(data.train_images) + len(data.val_images) == 30
    assert data.train_labels.tolist() != sorted(data.train_labels.tolist())
    for images, labels in (
        (data.train_images, data.train_labels), (data.test_images, data.test_labels),
    ):  # fmt: skip
        brightness = images.mean((1, 2, 3)) / 20
        np.testing.assert_allclose(brightness, labels, atol=0.1)


def test_an_official_archive_is_preferred_to_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / JPEG).touch()
    allow(monkeypatch, write_archive(tmp_path, BINARY, binary_files()))
    assert load_cifar10(tmp_path, progress=False).name == "CIFAR-10"


def test_missing_archive_says_what_to_get_and_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_cifar10(tmp_path)
    for part in (
        BINARY,
        "kriz/cifar.html",
        str(tmp_path / "cifar10"),
        "ADA_DATA_DIR",
        "ADA_DATA_DIR",
    ):
        assert part in str(caught.value)


def test_wrong_checksum_is_refused(tmp_path: Path) -> None:
    write_archive(tmp_path, BINARY, binary_files())
    with pytest.raises(DataError, match=r"wrong checksum: found md5 .* expected c32a1d4ab5d03f12"):
        load_cifar10(tmp_path)


def _cut(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content[:-1] for name, content in files.items()}


def _labelled_77(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: bytes([77]) + content[1:] for name, content in files.items()}


def _fewer(files: dict[str, bytes]) -> dict[str, bytes]:
    return dict(list(files.items())[:3])


@pytest.mark.parametrize(
    ("spoil", "text"),
    [(_cut, "cut off"), (_labelled_77, "labels must be 0 to 9"), (_fewer, "data_batch_4")],
)
def test_damaged_content_is_named(
    spoil: Any, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, write_archive(tmp_path, BINARY, spoil(binary_files())))
    with pytest.raises(DataError, match=text):
        load_cifar10(tmp_path, progress=False)


class Evil:
    """Would run code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("code ran",)


def test_a_pickle_that_asks_for_code_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {name: pickle.dumps({b"data": Evil()}) for name in python_files()}
    allow(monkeypatch, write_archive(tmp_path, PYTHON, files))
    with pytest.raises(DataError, match=r"asks for builtins\.print"):
        load_cifar10(tmp_path, progress=False)
    assert capsys.readouterr().out == ""
