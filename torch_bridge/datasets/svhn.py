"""Street View House Numbers (Netzer et al., 2011), cropped digits: 73,257 + 26,032 images of 32 x 32.

The official files are MATLAB's; SciPy, an optional extra, reads them. In them the digit 0 has label 10.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from torch_bridge.datasets.idx import DataError, naming
from torch_bridge.datasets.locate import check_file, find_place
from torch_bridge.datasets.mnist import DataSet
from torch_bridge.state.reading import open_regular

UInt8Array = npt.NDArray[np.uint8]

VALIDATION = 7_000
MOST = 100_000  # images in a file
MOST_BYTES = 32 * 32 * 3 * MOST + (1 << 20)
HEADER, COMPRESSED = 128, 15  # bytes that a MATLAB 5 file begins with; its mark of a zlib stream
TRAIN, TEST = "train_32x32.mat", "test_32x32.mat"
CHECKSUMS = {TRAIN: "e26dedcc434d2e4c54c9b2d4a06d8373", TEST: "eb5a983be6a315427106f1b164d9cef3"}


def load_svhn(data_dir: str | Path | None = None) -> DataSet:
    """Load SVHN's cropped digits.

    Parameters
    ----------
    data_dir : folder that holds both files, in it or in its subfolder ``svhn``; None asks $ADA_DATA_DIR
        and then ``data/cache``

    Returns
    -------
    ``"SVHN"``, 66,257 / 7,000 / 26,032 images (n, 32, 32, 3) of bytes

    Raises
    ------
    DataError
        If a file is missing (says which to get and where to put it), has a wrong checksum or content,
        or SciPy is not installed.
    """
    (images, labels), test = _read(TRAIN, data_dir), _read(TEST, data_dir)
    held = min(VALIDATION, len(images) // 10)
    return DataSet("SVHN", images[:-held], labels[:-held], images[-held:], labels[-held:], *test)


def _read(name: str, data_dir: str | Path | None) -> tuple[UInt8Array, UInt8Array]:
    path = find_place("svhn", (name,), data_dir, f"get {name} from ufldl.stanford.edu/housenumbers")
    check_file(path, "md5", CHECKSUMS[name])
    try:
        from scipy.io import loadmat, whosmat
    except ImportError as error:
        raise DataError(
            f"{path}: needs SciPy to be read; pip install 'ada-tucker[svhn]'"
        ) from error
    with naming(path, "fetch the official file (MATLAB 5) again"):
        content = _unpacked(path)
        _check_shape(path, whosmat(content))
        stored = loadmat(content, variable_names=("X", "y"))
        pixels, labels = np.asarray(stored["X"]), np.asarray(stored["y"]).ravel()
        if pixels.dtype != np.uint8 or labels.dtype.kind not in "iuf":
            raise DataError(
                f"{path}: holds {pixels.dtype} and {labels.dtype}, not bytes and labels"
            )
        if not np.isin(labels, range(1, 11)).all():
            raise DataError(f"{path}: holds {labels.min()} to {labels.max()}, not labels 1 to 10")
        return np.ascontiguousarray(pixels.transpose(3, 0, 1, 2)), (labels % 10).astype(np.uint8)


def _unpacked(path: Path) -> io.BytesIO:
    """The file with its compressed arrays unpacked, as far as those of this data set can reach."""
    content, left = io.BytesIO(), MOST_BYTES
    with open_regular(path) as file:
        content.write(file.read(HEADER))
        while len(tag := file.read(8)) == 8:
            kind, size = struct.unpack("<II", tag)
            element = file.read(size)
            if kind != COMPRESSED:
                content.write(tag + element)
                continue
            unpacker = zlib.decompressobj()
            left -= content.write(unpacker.decompress(element, left))
            if left <= 0:
                raise DataError(f"{path}: unpacks to more than {MOST_BYTES:,} bytes")
    return content


def _check_shape(path: Path, arrays: Sequence[tuple[str, tuple[int, ...], str]]) -> None:
    """Refuse a file that promises other arrays than as many images as labels."""
    shapes = {name: shape for name, shape, _ in arrays if name in ("X", "y")}
    n = math.prod(shapes.get("y", ()))
    if not 10 <= n <= MOST or shapes.get("X") != (32, 32, 3, n):
        raise DataError(
            f"{path}: holds {shapes or 'neither X nor y'}, not X (32, 32, 3, n) and y (n, 1) of 10 to "
            f"{MOST:,} images"
        )
