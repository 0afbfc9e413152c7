"""Where results lie in memory: at a line of the cache, and apart from what they are made of."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

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


def behaved(array: FloatArray) -> FloatArray:
    """The array as kernels want it, C-contiguous and aligned; a copy only where it is not.

    Examples
    --------
    >>> behaved(np.ones((2, 3)).T).flags.c_contiguous
    True
    """
    flags = array.flags
    return array if flags.c_contiguous and flags.aligned else array.copy(order="C")


def check_out(
    out: FloatArray,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    parts: Mapping[str, FloatArray | None],
) -> FloatArray:
    """Return `out` if a result of this shape may be written there, or say why it may not.

    Raises
    ------
    TypeError
        If it is no numpy array, or a masked one.
    ValueError
        If it has another shape, dtype or layout, is read-only, or has a byte in common with a part.

    Examples
    --------
    >>> core = np.ones((2, 2))
    >>> check_out(core[:1], (1, 2), core.dtype, {"the core": core})
    Traceback (most recent call last):
    ValueError: out shares memory with the core; give an array of its own, such as np.empty((1, 2))
    """
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise TypeError(f"out is a {type(out).__name__}; a numpy array without a mask is needed")
    fits = out.shape == shape and out.dtype == dtype
    if not fits or not (out.flags.c_contiguous and out.flags.aligned):
        layout = "" if not fits else ", not contiguous" if out.flags.aligned else ", not aligned"
        raise ValueError(
            f"out is {out.dtype} of shape {out.shape}{layout}; a C-contiguous {dtype} array of shape "
            f"{shape} is needed"
        )
    if not out.flags.writeable:
        raise ValueError("out is read-only; give an array that may be written, such as its .copy()")
    for name, part in parts.items():
        if part is not None and _share_memory(out, part):
            raise ValueError(
                f"out shares memory with {name}; give an array of its own, such as np.empty({shape})"
            )
    return out


def _share_memory(one: FloatArray, other: FloatArray) -> bool:
    """Whether two arrays have a byte in common; if that takes too long to find out, say yes."""
    try:
        return bool(np.shares_memory(one, other, max_work=1000))  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True
