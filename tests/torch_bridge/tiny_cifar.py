"""CIFAR-10 in its official layouts, a few images large."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest

from torch_bridge.datasets import DataSet, cifar

UInt8Array = npt.NDArray[np.uint8]
EACH = 4  # images in each of the six batches


def tiny_images(n: int, seed: int) -> tuple[UInt8Array, UInt8Array]:
    """Make images (n, 32, 32, 3) whose brightness grows with the class, and their labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, n).astype(np.uint8)
    noise = rng.integers(0, 30, (n, 32, 32, 3))
    return (noise + 20 * labels[:, None, None, None]).astype(np.uint8), labels


def tiny_set(n: int = 40) -> DataSet:
    """Make a data set of such images."""
    parts = [tiny_images(count, seed) for seed, count in enumerate((n, 12, 16))]
    return DataSet("CIFAR-10-tiny", *(array for part in parts for array in part))


def planes(images: UInt8Array) -> UInt8Array:
    """Give rows of three colour planes, as both official archives hold them."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2).reshape(len(images), -1))


def write_archive(folder: Path, name: str, files: dict[str, bytes]) -> Path:
    """Write a tar archive of these files."""
    folder.mkdir(parents=True, exist_ok=True)
    mode = "w:gz" if name.endswith("gz") else "w:xz"
    with tarfile.open(folder / name, mode) as archive:  # type: ignore[call-overload]
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return folder / name


def binary_files() -> dict[str, bytes]:
    """Make the six files of the binary archive."""
    files = {}
    for seed, batch in enumerate(cifar.BATCHES):
        images, labels = tiny_images(EACH, seed)
        content = np.concatenate([labels[:, None], planes(images)], 1).tobytes()
        files[f"cifar-10-batches-bin/{batch}.bin"] = content
    return files


class Python2(pickle._Pickler):
    """Writes strings as Python 2 did, with which the official archive was made."""

    write: Any
    memoize: Any
    dispatch: ClassVar[dict[Any, Any]] = dict(pickle._Pickler.dispatch)

    def string(self, value: str | bytes) -> None:
        """Write the opcode of a string of bytes, its length and its bytes."""
        raw = value.encode("latin1") if isinstance(value, str) else value
        self.write(b"T" + len(raw).to_bytes(4, "little") + raw)
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = string


def python2_pickle(value: object) -> bytes:
    """Pickle a value as Python 2 and its numpy did."""
    content = io.BytesIO()
    Python2(content, 2).dump(value)
    return content.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def python_files() -> dict[str, bytes]:
    """Make the six files of the Python archive."""
    files = {}
    for seed, batch in enumerate(cifar.BATCHES):
        images, labels = tiny_images(EACH, seed)
        stored = {b"data": planes(images), b"labels": labels.tolist(), b"batch_label": b"tiny"}
        files[f"cifar-10-batches-py/{batch}"] = python2_pickle(stored)
    return files


def allow(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Let this archive pass for the official one."""
    found = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    monkeypatch.setitem(cifar.CHECKSUMS, path.name, ("md5", found))
