"""CIFAR-10 (Krizhevsky, 2009): 50,000 + 10,000 colour images of 32 x 32 pixels in 10 classes.

Three archives are read. The official binary one and the official Python one are the data set, and are
compared with their published checksums. The third is a copy whose images went through JPEG, which loses
detail: whatever is measured on it must be called ``CIFAR-10-jpeg`` and be compared with a dense network
trained on the same copy.

The Python archive holds pickles, which could run code. They are read by an unpickler that knows nothing
but numpy's array and dtype.
"""

from __future__ import annotations

import gzip
import io
import lzma
import pickle
import tarfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from torch_bridge.datasets.idx import DataError, naming
from torch_bridge.datasets.locate import check_file, find_place
from torch_bridge.datasets.mnist import DataSet
from torch_bridge.state.progress import hidden

UInt8Array = npt.NDArray[np.uint8]
Split = tuple[UInt8Array, UInt8Array]  # images (n, 32, 32, 3) and labels (n,)

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
VALIDATION = 5_000
MOST_BYTES = 1 << 29  # of an archive, unpacked; the largest has 190 MB
SIDE, COLOURS = 32, 3
RECORD_BYTES = 1 + COLOURS * SIDE * SIDE
BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
BINARY, PYTHON, JPEG = "cifar-10-binary.tar.gz", "cifar-10-python.tar.gz", "cifar10-jpeg.tar.xz"
CHECKSUMS = {
    BINARY: ("md5", "c32a1d4ab5d03f1284b67883e8d87530"),
    PYTHON: ("md5", "c58f30108f718f92721af3b95e74349a"),
    JPEG: ("sha256", "40380f24ec3dc9c68410664cfd96fc3de511b1bb4b6b75441e04119104269023"),
}


def load_cifar10(data_dir: str | Path | None = None, *, progress: bool = True) -> DataSet:
    """Load CIFAR-10 from an official archive, or else its JPEG copy.

    Parameters
    ----------
    data_dir : folder that holds an archive, in it or in its subfolder ``cifar10``; None asks
        $ADA_DATA_DIR and then ``data/cache``
    progress : show a bar while the images are decoded

    Returns
    -------
    ``"CIFAR-10"`` or ``"CIFAR-10-jpeg"``, 45,000 / 5,000 / 10,000 images (n, 32, 32, 3) of bytes

    Raises
    ------
    DataError
        If no archive is there (says which to get and where to put it), its checksum is wrong, or it
        does not hold what it should.
    """
    path = find_place(
        "cifar10",
        tuple(CHECKSUMS),
        data_dir,
        f"get {BINARY} from www.cs.toronto.edu/~kriz/cifar.html",
    )
    check_file(path, *CHECKSUMS[path.name])
    readers: dict[str, Callable[[Path, bool], tuple[Split, Split]]] = {
        BINARY: _read_binary, PYTHON: _read_python, JPEG: _read_jpeg,
    }  # fmt: skip
    with naming(path, "fetch it again"):
        (images, labels), test = readers[path.name](path, progress)
    held = min(VALIDATION, len(images) // 10)
    name = "CIFAR-10-jpeg" if path.name == JPEG else "CIFAR-10"
    return DataSet(name, images[:-held], labels[:-held], images[-held:], labels[-held:], *test)


def _members(path: Path, progress: bool) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file in an archive, in its order; nothing is written to disk."""
    unpack: Any = lzma.open if path.suffix == ".xz" else gzip.open
    with (
        unpack(path) as stream,
        tarfile.open(fileobj=_Bounded(stream, path), mode="r|") as archive,
        tqdm(
            archive, desc=path.name, unit=" files", disable=hidden(progress), leave=False
        ) as members,
    ):
        for member in members:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                yield member.name, file.read()


class _Bounded(io.RawIOBase):
    """The unpacked archive, as far as one of this data set can reach."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self.stream, self.path, self.left = stream, path, MOST_BYTES

    def read(self, size: int = -1) -> bytes:
        """Read, and count."""
        content = self.stream.read(size)
        self.left -= len(content)
        if self.left < 0:
            raise DataError(f"{self.path}: unpacks to more than {MOST_BYTES:,} bytes")
        return content


def _read_binary(path: Path, progress: bool) -> tuple[Split, Split]:
    """Six files of records: a label byte, then 1,024 bytes of red, of green and of blue."""
    found = {Path(name).stem: content for name, content in _members(path, progress)}
    return _join([_records(found[batch], f"{path}: {batch}.bin") for batch in BATCHES])


def _records(content: bytes, name: str) -> Split:
    if not content or len(content) % RECORD_BYTES:
        raise DataError(
            f"{name}: {len(content):,} bytes are no multiple of a record's {RECORD_BYTES:,}: cut off"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD_BYTES)
    return _pixels_last(records[:, 1:], name), _labels(records[:, 0], len(records), name)


def _read_python(path: Path, progress: bool) -> tuple[Split, Split]:
    """Six pickled dicts with b"data" (n, 3072) and b"labels"."""
    found = {Path(name).name: content for name, content in _members(path, progress)}
    splits = []
    for batch in BATCHES:
        stored = _ArraysOnly(io.BytesIO(found[batch]), encoding="bytes").load()
        name = f"{path}: {batch}"
        pixels = _pixels_last(np.asarray(stored[b"data"]), name)
        splits.append((pixels, _labels(np.asarray(stored[b"labels"]), len(pixels), name)))
    return _join(splits)


class _ArraysOnly(pickle.Unpickler):
    """Reads numpy arrays and plain values; anything else that a pickle asks for is refused."""

    _known: ClassVar[dict[str, Any]] = {
        "_reconstruct": np.empty(0).__reduce__()[0], "ndarray": np.ndarray, "dtype": np.dtype,
    }  # fmt: skip

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] != "numpy" or name not in self._known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no data file needs")
        return self._known[name]


def _read_jpeg(path: Path, progress: bool) -> tuple[Split, Split]:
    """Files SPLIT/CLASS/NUMBER.jpg; by name, and the training images then in one fixed random order."""
    if find_spec("PIL") is None:
        raise DataError(f"{path}: needs Pillow to be read; pip install pillow")
    found: dict[str, list[tuple[str, int, UInt8Array]]] = {"train": [], "test": []}
    for name, content in _members(path, progress):
        split, _, kind = name.rpartition("/")[0].partition("/")
        if split not in found or kind not in CLASSES:
            raise DataError(f"{path}: {name}: is not named train or test, CLASS, NUMBER.jpg")
        with naming(path / name, "fetch the archive again"):
            found[split].append((name, CLASSES.index(kind), _pixels(content)))
    splits = []
    for images in (
        sorted(found["train"], key=lambda f: f[0]),
        sorted(found["test"], key=lambda f: f[0]),
    ):
        labels = np.array([label for _, label, _ in images], np.uint8)
        splits.append((np.stack([pixels for _, _, pixels in images]), labels))
    order = np.random.default_rng(0).permutation(len(splits[0][1]))
    return (splits[0][0][order], splits[0][1][order]), splits[1]


def _pixels(content: bytes) -> UInt8Array:
    """Decode a JPEG of the right size."""
    from PIL import Image

    with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
        if image.size != (SIDE, SIDE):  # known before anything is decoded
            raise ValueError(
                f"it has {image.size[0]} x {image.size[1]} pixels, not {SIDE} x {SIDE}"
            )
        return np.asarray(image.convert("RGB"), np.uint8)


def _pixels_last(rows: npt.NDArray[Any], name: str) -> UInt8Array:
    """Rows of three colour planes -> images (n, 32, 32, 3)."""
    if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != RECORD_BYTES - 1:
        raise DataError(
            f"{name}: holds {rows.dtype} {rows.shape}, not bytes (n, {RECORD_BYTES - 1})"
        )
    return np.ascontiguousarray(rows.reshape(-1, COLOURS, SIDE, SIDE).transpose(0, 2, 3, 1))


def _labels(labels: npt.NDArray[Any], images: int, name: str) -> UInt8Array:
    if labels.shape != (images,) or labels.dtype.kind not in "iu":
        raise DataError(f"{name}: holds {labels.dtype} {labels.shape} labels of {images} images")
    if not images or labels.min() < 0 or labels.max() >= len(CLASSES):
        raise DataError(f"{name}: labels must be 0 to {len(CLASSES) - 1}")
    return labels.astype(np.uint8)


def _join(batches: list[Split]) -> tuple[Split, Split]:
    """All batches but the last are for training."""
    *train, test = batches
    images, labels = zip(*train, strict=True)
    return (np.concatenate(images), np.concatenate(labels)), test
