"""Data files that are not what their names promise, with a right checksum all the same."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import os
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from tests.torch_bridge.tiny_cifar import allow, python2_pickle, python_files, write_archive
from torch_bridge.benchmarks.images import load_images
from torch_bridge.datasets import DataError, cifar, folders, load_mnist5k, read_idx, sources, svhn
from torch_bridge.datasets.cifar import BINARY, JPEG, PYTHON, load_cifar10
from torch_bridge.datasets.folders import find_ilsvrc12, read_picture
from torch_bridge.datasets.sources import FileSpec
from torch_bridge.datasets.svhn import load_svhn

Patch = pytest.MonkeyPatch
ALL = (0.0, 0.0, 1.0, 1.0)


# SVHN.


def mat(folder: Path, **arrays: Any) -> bytes:
    savemat(folder / "made.mat", arrays, do_compression=True)
    return (folder / "made.mat").read_bytes()


def svhn_arrays(n: int = 20) -> dict[str, Any]:
    return {"X": np.zeros((32, 32, 3, n), np.uint8), "y": np.ones((n, 1))}


HDF5 = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM" + b"\x89HDF\r\n\x1a\n"
ODD_MAT: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "v7.3": (lambda _: HDF5, "NotImplementedError"),
    "no mat": (lambda _: b"<html>", "cannot be read"),
    "empty": (lambda _: b"", "cannot be read"),
    "cut": (lambda folder: mat(folder, **svhn_arrays())[:300], "cannot be read"),
    "no labels": (lambda folder: mat(folder, X=np.zeros(3)), r"holds {'X': \(1, 3\)}, not X"),
    "other arrays": (lambda folder: mat(folder, a=1), "neither X nor y"),
    "too many labels": (lambda folder: mat(folder, **svhn_arrays() | {"y": np.ones(21)}), "not X"),
    "floats": (lambda folder: mat(folder, **svhn_arrays() | {"X": np.zeros((32, 32, 3, 20))}), "float64"),
    "words": (lambda folder: mat(folder, **svhn_arrays() | {"y": np.array(list("a" * 20))}), "holds"),
    "cells": (lambda folder: mat(folder, **svhn_arrays() | {"y": np.array([[1]] * 20, object)}), "holds"),
    "halves": (lambda folder: mat(folder, **svhn_arrays() | {"y": np.full(20, 1.5)}), "labels 1 to 10"),
    "nan": (lambda folder: mat(folder, **svhn_arrays() | {"y": np.full(20, np.nan)}), "labels 1 to 10"),
}  # fmt: skip


def test_a_mat_that_unpacks_without_end(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(svhn, "MOST_BYTES", 1 << 20)
    content = mat(tmp_path, **svhn_arrays())
    bomb = zlib.compress(bytes(1 << 24), 9)
    (tmp_path / svhn.TRAIN).write_bytes(content + struct.pack("<II", 15, len(bomb)) + bomb)
    found = hashlib.md5((tmp_path / svhn.TRAIN).read_bytes(), usedforsecurity=False).hexdigest()
    monkeypatch.setitem(svhn.CHECKSUMS, svhn.TRAIN, found)
    with pytest.raises(DataError, match=rf"{svhn.TRAIN}: unpacks to more than 1,048,576 bytes"):
        load_svhn(tmp_path)


@pytest.mark.parametrize("case", ODD_MAT)
def test_odd_mat_is_named(case: str, tmp_path: Path, monkeypatch: Patch) -> None:
    make, reason = ODD_MAT[case]
    path = tmp_path / svhn.TRAIN
    path.write_bytes(make(tmp_path))
    found = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    monkeypatch.setitem(svhn.CHECKSUMS, svhn.TRAIN, found)
    with pytest.raises(DataError, match=reason) as caught:
        load_svhn(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")


# CIFAR-10.


def pickled(value: object) -> dict[str, bytes]:
    return {name: python2_pickle(value) for name in python_files()}


ROWS = np.zeros((4, 3072), np.uint8)


class Giant:
    def __reduce__(self) -> tuple[Any, ...]:
        return np.ndarray, ((1 << 59,), np.dtype("u1"))  # 512 PiB


ODD_PICKLES = {
    "no dict": ([1, 2], "TypeError"),
    "no data": ({b"labels": [1]}, "KeyError: b'data'"),
    "words": ({b"data": b"abc", b"labels": [1]}, "not bytes"),
    "ragged": ({b"data": [[1], [1, 2]], b"labels": [1]}, "cannot be read"),
    "fewer labels": ({b"data": ROWS, b"labels": [1, 2, 3]}, r"\(3,\) labels of 4 images"),
    "halves": ({b"data": ROWS, b"labels": [0.5] * 4}, "holds float64"),
    "deep labels": ({b"data": ROWS, b"labels": [[1]] * 4}, r"\(4, 1\) labels"),
    "huge label": ({b"data": ROWS, b"labels": [1 << 70] * 4}, "labels"),
    "giant": ({b"data": Giant(), b"labels": [1]}, "MemoryError|not bytes|ValueError"),
}


@pytest.mark.parametrize("case", ODD_PICKLES)
def test_odd_pickle_is_named(case: str, tmp_path: Path, monkeypatch: Patch) -> None:
    stored, reason = ODD_PICKLES[case]
    allow(monkeypatch, write_archive(tmp_path, PYTHON, pickled(stored)))
    with pytest.raises(DataError, match=reason) as caught:
        load_cifar10(tmp_path, progress=False)
    assert str(caught.value).startswith(f"{tmp_path / PYTHON}: ")


@pytest.mark.parametrize(
    "content", [b"", b"cos\nsystem\n", b"\x80\x05K", b"(lp0\nI1\n", b"T\xff\xff"]
)
def test_broken_pickle_is_named(content: bytes, tmp_path: Path, monkeypatch: Patch) -> None:
    allow(monkeypatch, write_archive(tmp_path, PYTHON, dict.fromkeys(python_files(), content)))
    with pytest.raises(DataError, match=f"{PYTHON}: cannot be read"):
        load_cifar10(tmp_path, progress=False)


def picture(size: tuple[int, int] = (32, 32), kind: str = "JPEG") -> bytes:
    content = io.BytesIO()
    Image.new("RGB", size).save(content, kind)
    return content.getvalue()


def with_size(jpeg: bytes, width: int, height: int) -> bytes:
    """A JPEG whose header claims another size."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


ODD_JPEG = {
    "bomb": ("train/cat/0.jpg", with_size(picture(), 65_000, 65_000), "DecompressionBombError"),
    "large": ("train/cat/0.jpg", picture((33, 32)), "33 x 32 pixels, not 32 x 32"),
    "png": ("train/cat/0.jpg", picture(kind="PNG"), "cannot identify"),
    "cut": ("train/cat/0.jpg", picture()[:-200], "cannot be read"),
    "split": ("other/cat/0.jpg", picture(), "is not named"),
    "class": ("train/lion/0.jpg", picture(), "is not named"),
    "depth": ("train/cat", picture(), "is not named"),
}


@pytest.mark.parametrize("case", ODD_JPEG)
def test_odd_image_of_an_archive_is_named(case: str, tmp_path: Path, monkeypatch: Patch) -> None:
    name, content, reason = ODD_JPEG[case]
    allow(monkeypatch, write_archive(tmp_path, JPEG, {name: content}))
    with pytest.raises(DataError, match=reason) as caught:
        load_cifar10(tmp_path, progress=False)
    assert name in str(caught.value)
    assert JPEG in str(caught.value)


@pytest.mark.parametrize(("name", "pack"), [(BINARY, gzip.compress), (JPEG, lzma.compress)])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE], ids=["file", "header"])
def test_an_archive_that_unpacks_without_end(
    name: str, pack: Any, kind: bytes, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(cifar, "MOST_BYTES", 1 << 20)
    entry = tarfile.TarInfo("train/cat/0.jpg")
    entry.size, entry.type = 1 << 25, kind
    (tmp_path / name).write_bytes(pack(entry.tobuf() + bytes(1 << 25)))
    allow(monkeypatch, tmp_path / name)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=f"{name}: unpacks to more than 1,048,576 bytes"):
            load_cifar10(tmp_path, progress=False)
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


# Pictures in folders.


def write_folders(root: Path, classes: int, train: int, content: bytes) -> Path:
    for split, n in (("train", train), ("val", 1)):
        for number in range(classes):
            folder = root / split / f"n{number:08d}"
            folder.mkdir(parents=True)
            for k in range(n):
                (folder / f"{k}.JPEG").write_bytes(content)
    return root


def cut_png() -> bytes:
    """Pillow raises a SyntaxError for it."""
    content = bytearray(picture(kind="PNG"))
    content[12:16] = b"IHDX"
    return bytes(content)


ODD_PICTURES = {
    "bomb": (with_size(picture(), 65_000, 65_000), "DecompressionBombError"),
    "cut": (picture((200, 200))[:-300], "cannot be read"),
    "broken png": (cut_png(), "cannot be read"),
    "empty": (b"", "cannot be read"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "cannot identify"),
}


@pytest.mark.parametrize("case", ODD_PICTURES)
def test_odd_picture_is_named(case: str, tmp_path: Path) -> None:
    content, reason = ODD_PICTURES[case]
    path = tmp_path / "a.JPEG"
    path.write_bytes(content)
    with pytest.raises(DataError, match=reason) as caught:
        read_picture(path, 8, ALL)
    assert str(caught.value).startswith(f"{path}: cannot be read: ")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes among this system's files")
@pytest.mark.parametrize("name", ["a.JPEG", "labels", "labels.gz", cifar.BINARY, svhn.TRAIN])
def test_a_pipe_is_refused_without_waiting(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    readers: dict[str, Any] = {
        "a.JPEG": lambda path: read_picture(path, 8, ALL),
        cifar.BINARY: lambda path: load_cifar10(path.parent),
        svhn.TRAIN: lambda path: load_svhn(path.parent),
    }
    with pytest.raises(DataError, match=f"{name}: cannot be read: .*is a pipe or a device"):
        readers.get(name, read_idx)(tmp_path / name)


def test_a_photograph_is_turned_as_the_camera_was_held(tmp_path: Path) -> None:
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, 40:] = 200  # right: after a quarter turn to the right, below
    notes = Image.Exif()
    notes[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.JPEG", "JPEG", exif=notes)
    assert read_picture(tmp_path / "a.JPEG", 8, (0, 0, 1, 0.4)).max() < 20
    assert read_picture(tmp_path / "a.JPEG", 8, (0, 0.6, 1, 1)).min() > 180


def test_damaged_notes_of_a_camera_do_not_matter(tmp_path: Path) -> None:
    notes = [(0x0112, 3, 1, 6), (0x0132, 3, 1, 6), (0x013E, 2, 2, 0)]  # the last is no fraction
    packed = b"".join(struct.pack("<HHII", *note) for note in notes)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(notes)) + packed + bytes(4)
    Image.new("RGB", (40, 80), (200,) * 3).save(tmp_path / "a.JPEG", "JPEG", exif=exif)
    assert read_picture(tmp_path / "a.JPEG", 8, ALL).min() > 180


def test_more_classes_than_the_network_tells_apart(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(folders, "CLASSES", 3)
    write_folders(tmp_path / "three", 3, 5, picture())
    assert len(find_ilsvrc12(tmp_path / "three").classes) == 3
    write_folders(tmp_path / "four", 4, 5, picture())
    with pytest.raises(DataError, match=r"four/train: holds 4 folders of classes, .* 1 to 3 apart"):
        find_ilsvrc12(tmp_path / "four")
    (tmp_path / "none" / "train").mkdir(parents=True)
    with pytest.raises(DataError, match="none/train: holds 0 folders of classes"):
        find_ilsvrc12(tmp_path / "none")


def test_one_image_a_class_leaves_none_to_validate_on(tmp_path: Path) -> None:
    write_folders(tmp_path, 2, 1, picture())
    with pytest.raises(DataError, match="train: no class has 5 images, of which one is needed"):
        load_images("ilsvrc12", tmp_path, torch.device("cpu"))
    for k in range(1, 5):
        (tmp_path / "train" / "n00000001" / f"{k}.JPEG").write_bytes(picture())
    found = find_ilsvrc12(tmp_path)
    assert [len(part) for part in (found.train, found.validation, found.test)] == [5, 1, 2]


# MNIST-5k.


@pytest.mark.parametrize("kind", ["no zip", "no array", "missing array"])
def test_odd_digits_are_named(kind: str, tmp_path: Path, monkeypatch: Patch) -> None:
    path = tmp_path / "data" / "mnist5k.npz"
    path.parent.mkdir()
    if kind == "no zip":
        path.write_bytes(b"no zip")
    elif kind == "no array":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("train_images.npy", b"no array")
    else:
        np.savez(path, train_images=np.zeros(3))
    spec = FileSpec(hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    monkeypatch.setattr(sources, "MNIST5K", spec)
    with pytest.raises(DataError, match=r"mnist5k\.npz: cannot be read: "):
        load_mnist5k()
