"""Arrays as the bytes that they are in memory: for what a file must hold to the last bit.

A parameter whose name ends in "@" and a dtype, such as "bn.running_var@float16", is no product of
integers: its core holds bytes, one row an entry, and the array is what they mean in that dtype. So a
file holds counters, masks and infinities, and small numbers beside large ones, in the format as it is.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from tucker_core.quantize import Symbols

Array = npt.NDArray[Any]

_DTYPES = {
    np.dtype(kind).name: np.dtype(kind).newbyteorder("<")
    for kind in "?bBhHiIqQefdFD"  # bool, integers of 8 to 64 bits, floats, complex numbers
}


def split_name(name: str) -> tuple[str, str]:
    """The name of the array and its dtype; "" for a parameter that is a product of integers.

    Examples
    --------
    >>> split_name("bn.running_var@float16"), split_name("fc.weight")
    (('bn.running_var', 'float16'), ('fc.weight', ''))
    """
    before, _, kind = name.rpartition("@")
    return (before, kind) if before and kind in _DTYPES else (name, "")


def to_words(array: Array) -> Symbols:
    """The bytes of an array, lowest first, without those that all entries can do without.

    Parameters
    ----------
    array : of n entries and any shape

    Returns
    -------
    integers of shape (n, w), each of 8 bits with a sign: of integers the high bytes are left out
        that only repeat the sign, of floats the low ones that are zero

    Raises
    ------
    ValueError
        If the dtype is none of numpy's booleans, integers, floats of 16 to 64 bits and complex numbers.

    Examples
    --------
    >>> to_words(np.array([1, -2, 300])).tolist()
    [[1, 0], [-2, -1], [44, 1]]
    """
    if array.dtype.name not in _DTYPES:
        raise ValueError(
            f"dtype is {array.dtype}; one of {sorted(_DTYPES)} can be stored: convert it first"
        )
    whole = np.ascontiguousarray(array, _DTYPES[array.dtype.name])
    bytes_ = whole.reshape(-1).view(np.int8).reshape(array.size, array.itemsize)
    words: Symbols = bytes_.astype(np.int32)
    if array.dtype.kind in "iu":
        signed = array.dtype.kind == "i"
        while words.shape[1] > 1 and bool((words[:, -1] == _above(words[:, -2], signed)).all()):
            words = words[:, :-1]
    elif array.dtype.kind == "f":
        while words.shape[1] > 1 and not words[:, 0].any():
            words = words[:, 1:]
    return np.ascontiguousarray(words)


def from_words(words: Symbols, kind: str) -> Array:
    """The array of shape (n,) and dtype `kind` that bytes (n, w) stand for.

    Raises
    ------
    ValueError
        If they are no bytes of that dtype.

    Examples
    --------
    >>> from_words(np.array([[1, 0], [-2, -1], [44, 1]], np.int32), "int64").tolist()
    [1, -2, 300]
    """
    check_words(words, kind, len(words))
    dtype, found = _DTYPES[kind], words.astype(np.int8)
    missing = dtype.itemsize - words.shape[1]
    if dtype.kind == "f":
        found = np.hstack([np.zeros((len(words), missing), np.int8), found])
    elif missing:
        padding = _above(found[:, -1:], dtype.kind == "i").astype(np.int8)
        found = np.hstack([found, *[padding] * missing])
    array: Array = np.ascontiguousarray(found).view(dtype)[:, 0].astype(dtype.newbyteorder("="))
    return array


def check_words(words: Symbols, kind: str, n: int) -> None:
    """Refuse integers that are no bytes of n entries of a dtype.

    Raises
    ------
    ValueError
        Their shape is named.
    """
    dtype = _DTYPES[kind]
    widths = range(1 if dtype.kind in "iuf" else dtype.itemsize, dtype.itemsize + 1)
    fits = words.ndim == 2 and len(words) == n and words.shape[1] in widths
    if not fits or not bool(((words >= -128) & (words <= 127)).all()):
        raise ValueError(f"integers of shape {words.shape} are no bytes of {n} entries of {kind}")


def _above(words: Array, signed: bool) -> Array:
    """What stands above the highest byte of a integer: its sign."""
    above: Array = np.where(words < 0, -1, 0) if signed else np.zeros_like(words)
    return above
