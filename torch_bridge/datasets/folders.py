"""Images in a folder a class, as ILSVRC12 is unpacked: they are read when they are needed.

The 1,281,167 training images of ILSVRC12 (Russakovsky et al., arXiv 1409.0575) do not fit into memory.
They are expected as ``train/nXXXXXXXX/*.JPEG`` and ``val/nXXXXXXXX/*.JPEG``; its archives have no other
checksum than their own (`ARCHIVES`), so what is unpacked is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from torch_bridge.datasets.idx import DataError, naming
from torch_bridge.datasets.locate import find_place
from torch_bridge.state.reading import open_regular

UInt8Array = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]  # left, upper, right, lower: shares of width and height
Picture = tuple[Path, int]  # file and class

ARCHIVES = {
    "ILSVRC2012_img_train.tar": "1d675b47d978889d74fa0da5fadfb00e",
    "ILSVRC2012_img_val.tar": "29b22e2961454d5413ddabcf34fc5622",
}
COUNTS = {"train": 1_281_167, "val": 50_000}
CLASSES = 1_000
VALIDATION = 50  # images of each class that are not trained on
_HELD_OF = 5  # but of so many not more than one
_FORMATS = ("JPEG", "PNG")  # one file of ILSVRC12 is a PNG; others could start other programs
_AHEAD = 4  # batches that are read before they are asked for


@dataclass(frozen=True)
class PictureFolders:
    """Files and classes of training, validation and test images.

    Attributes
    ----------
    name : "ILSVRC12", or "ILSVRC12-subset" if there are fewer images
    classes : names of the classes, by number
    train, validation, test : (file, class) of each image
    """

    name: str
    classes: tuple[str, ...]
    train: tuple[Picture, ...]
    validation: tuple[Picture, ...]
    test: tuple[Picture, ...]


def find_ilsvrc12(data_dir: str | Path | None = None) -> PictureFolders:
    """List ILSVRC12's images; the last 50 training images of each class are held out for validation.

    Parameters
    ----------
    data_dir : folder with a subfolder ``ilsvrc12``; None asks $ADA_DATA_DIR and then ``data/cache``

    Raises
    ------
    DataError
        If folders are missing (says which archives to get and where to unpack them) or empty, there are
        more classes than ILSVRC12 has, or too few images to validate on some.
    """
    advice = f"unpack {' and '.join(ARCHIVES)} from image-net.org into train/CLASS and val/CLASS"
    root = find_place("ilsvrc12", ("train",), data_dir, advice).parent
    classes = tuple(sorted(folder.name for folder in (root / "train").iterdir() if folder.is_dir()))
    if not 1 <= len(classes) <= CLASSES:
        raise DataError(
            f"{root / 'train'}: holds {len(classes):,} folders of classes, the networks tell 1 to "
            f"{CLASSES:,} apart; leave that many"
        )
    train, validation = [], []
    for number, kind in enumerate(classes):
        pictures = _pictures(root / "train" / kind, number)
        held = min(VALIDATION, len(pictures) // _HELD_OF)
        train += pictures[: len(pictures) - held]
        validation += pictures[len(pictures) - held :]
    if not validation:
        raise DataError(
            f"{root / 'train'}: no class has {_HELD_OF} images, of which one is needed to validate on; "
            "add some"
        )
    test = [
        p for number, kind in enumerate(classes) for p in _pictures(root / "val" / kind, number)
    ]
    whole = (len(train) + len(validation), len(test)) == (COUNTS["train"], COUNTS["val"])
    name = "ILSVRC12" if whole else "ILSVRC12-subset"
    return PictureFolders(name, classes, tuple(train), tuple(validation), tuple(test))


def _pictures(folder: Path, number: int) -> list[Picture]:
    files = sorted(folder.glob("*.JPEG")) if folder.is_dir() else []
    if not files:
        raise DataError(
            f"{folder}: holds no *.JPEG; every class needs a folder with its images under train and "
            "under val"
        )
    return [(file, number) for file in files]


def read_picture(path: Path, side: int, box: Box) -> UInt8Array:
    """Turn an image as its camera was held, cut a box out of it and scale that to (side, side, 3).

    Parameters
    ----------
    path : of a JPEG
    side : pixels along an edge
    box : left, upper, right, lower, as shares of width and height

    Raises
    ------
    DataError
        If the file is no image, or Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise DataError(f"{path}: needs Pillow to be read; pip install pillow") from error
    with (
        naming(path, "unpack it again"),
        open_regular(path) as file,
        Image.open(file, formats=_FORMATS) as image,
    ):
        image.draft("RGB", (2 * side, 2 * side))  # decodes fewer pixels of a large JPEG
        with suppress(Exception):  # damaged notes of a camera do not make a damaged image
            ImageOps.exif_transpose(image, in_place=True)
        width, height = image.size
        cut = (box[0] * width, box[1] * height, box[2] * width, box[3] * height)
        small = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR, cut)
        return np.asarray(small, np.uint8)


def read_batches(
    batches: Sequence[Sequence[tuple[Path, Box]]], side: int, threads: int
) -> Iterator[UInt8Array]:
    """Read batches of images (n, side, side, 3) with several threads, a few batches ahead.

    Pillow lets go of Python's lock while it decodes and scales, so that threads are enough.
    """
    with ThreadPoolExecutor(threads) as pool:
        waiting = ([pool.submit(read_picture, p, side, box) for p, box in b] for b in batches)
        ready = list(islice(waiting, _AHEAD))
        while ready:
            yield np.stack([future.result() for future in ready.pop(0)])
            ready += islice(waiting, 1)
