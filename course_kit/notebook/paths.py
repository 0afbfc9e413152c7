"""Where the files that come with the project lie, from whatever folder a notebook runs in."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tucker_core.shipped import ROOT, shipped

DATA = ROOT / "data"
QR_PICTURE = ROOT / "docs" / "img" / "lenet5_qr.png"  # README's: the smallest LeNet-5


def model_path(name: str) -> Path:
    """Path of a network that comes with the project, e.g. "lenet5_small.ada".

    Raises
    ------
    FileNotFoundError
        If there is none of that name; those that exist are listed.
    """
    path = DATA / "models" / name
    if not path.exists():
        there = sorted(p.name for p in (DATA / "models").glob("*.ada"))
        raise FileNotFoundError(
            f"{path} does not exist; there are {there or 'no shipped networks'}"
        )
    return path


def bundled_digits() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Load the 1,000 held-out digits of MNIST-5k: images (1000, 28, 28) and labels (1000,).

    Raises
    ------
    FileNotFoundError
        If the file is missing.
    """
    with np.load(shipped("data/mnist5k.npz"), allow_pickle=False) as stored:
        return stored["test_images"], stored["test_labels"]
