"""A photograph to compress, from matplotlib's own sample data: nothing is downloaded."""

from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt
from matplotlib.cbook import get_sample_data
from matplotlib.image import imread


def portrait(shrink: int = 4) -> npt.NDArray[np.float64]:
    """Load the portrait of Grace Hopper, every block of `shrink` x `shrink` pixels averaged to one.

    Parameters
    ----------
    shrink : a divisor of both 600 and 512: 1, 2, 4 or 8

    Returns
    -------
    array of shape (600 / shrink, 512 / shrink, 3), red, green and blue from 0 to 1

    Raises
    ------
    ValueError
        If `shrink` does not divide both sides.

    Examples
    --------
    >>> portrait().shape
    (150, 128, 3)
    """
    with cast(BinaryIO, get_sample_data("grace_hopper.jpg")) as file:
        pixels = np.asarray(imread(file, format="jpg"), np.float64) / 255
    height, width, colours = pixels.shape
    if shrink < 1 or height % shrink or width % shrink:
        raise ValueError(f"shrink is {shrink}; a divisor of {height} and {width} is needed")
    blocks = pixels.reshape(height // shrink, shrink, width // shrink, shrink, colours)
    return np.ascontiguousarray(blocks.mean(axis=(1, 3)))
