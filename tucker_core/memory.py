"""Where results start in memory: at a line of the cache, as vector instructions like it."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tucker_core.checks import FloatArray

ALIGNMENT = 64  # bytes: a line of the cache, and the widest vector
SMALL_BYTES = 16_384  # finding an aligned start takes as long as writing this much


def aligned_empty(shape: Sequence[int], dtype: npt.DTypeLike) -> FloatArray:
    """An array like np.empty that starts at a multiple of 64 bytes, unless it is small.

    Vectors of 64 bytes that straddle two lines of the cache cost twice: a fifth of the product of
    (20, 20, 25, 40) at rank 5.

    Examples
    --------
    >>> aligned_empty((100, 100), np.float32).ctypes.data % 64
    0
    """
    kind, size = np.dtype(dtype), math.prod(shape)
    if size * kind.itemsize < SMALL_BYTES:
        return np.empty(shape, kind)
    line = ALIGNMENT // kind.itemsize
    room = np.empty(size + line, kind)
    start = -room.ctypes.data % ALIGNMENT // kind.itemsize
    return room[start : start + size].reshape(shape)
