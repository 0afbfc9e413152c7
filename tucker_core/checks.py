"""What may enter the core: float tensors of order 1 to 8 and ranks that fit them.

Every public function passes its input through these checks, so that a mistake is named where it
was made (the value, the limit, the fix) and not ten calls deeper in a matrix product.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

MAX_ORDER = 8

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
"""A tensor, matrix or vector of float32 or float64; its shape is said in each docstring."""


def check_tensor(
    tensor: npt.ArrayLike, name: str = "tensor", *, finite: bool = False
) -> FloatArray:
    """Return `tensor` as an array, untouched, or say why it cannot be used.

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N), float32 or float64, 1 <= N <= 8, every I_n >= 1
    name : what to call it in an error
    finite : also refuse NaN and infinity (costs one pass over the entries)

    Raises
    ------
    TypeError
        If the entries are not float32 or float64: nothing is converted silently.
    ValueError
        If the order is 0 or above 8, a dimension is 0, or (with `finite`) an entry is not finite.

    Examples
    --------
    >>> check_tensor(np.ones((2, 3))).shape
    (2, 3)
    >>> check_tensor(np.ones((2, 3), dtype=int))
    Traceback (most recent call last):
    TypeError: tensor has dtype int64; float32 or float64 is needed: convert with .astype(np.float64)
    """
    array: npt.NDArray[Any] = np.asarray(tensor)
    if array.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"{name} has dtype {array.dtype}; float32 or float64 is needed: "
            "convert with .astype(np.float64)"
        )
    if not 1 <= array.ndim <= MAX_ORDER:
        raise ValueError(
            f"{name} has order {array.ndim} (shape {array.shape}); orders 1 to {MAX_ORDER} are "
            "supported: reshape it first"
        )
    if array.size == 0:
        raise ValueError(
            f"{name} has shape {array.shape}, so no entries; every dimension must be >= 1"
        )
    if finite and not np.isfinite(array).all():
        bad = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name}{list(bad)} is {array[bad]}; every entry must be finite")
    return array


def check_mode(mode: int, order: int) -> int:
    """Return `mode` if it is one of 0, ..., order - 1 (modes count from 0 in code, from 1 in the paper).

    Raises
    ------
    ValueError
        If `mode` is not a mode of a tensor of that order; negative modes are refused as well.

    Examples
    --------
    >>> check_mode(2, 3)
    2
    >>> check_mode(3, 3)
    Traceback (most recent call last):
    ValueError: mode is 3; a tensor of order 3 has modes 0 to 2 (they count from 0)
    """
    if not 0 <= mode < order:
        raise ValueError(
            f"mode is {mode}; a tensor of order {order} has modes 0 to {order - 1} (they count from 0)"
        )
    return int(mode)


def check_rank(shape: Sequence[int], rank: Sequence[int]) -> tuple[int, ...]:
    """Return `rank` (J_1, ..., J_N) as a tuple of ints if 1 <= J_n <= I_n holds in every mode.

    Raises
    ------
    TypeError
        If one of them is no integer.
    ValueError
        If there is not one rank per mode, or one of them is below 1 or above its dimension.

    Examples
    --------
    >>> check_rank((4, 5), [2, 5])
    (2, 5)
    >>> check_rank((4, 5), (2, 6))
    Traceback (most recent call last):
    ValueError: rank[1] is 6; mode 1 of shape (4, 5) allows 1 to 5
    """
    if len(rank) != len(shape):
        raise ValueError(
            f"rank {tuple(rank)} has {len(rank)} entries; shape {tuple(shape)} has {len(shape)} modes"
        )
    for mode, (r, dim) in enumerate(zip(rank, shape, strict=True)):
        if not isinstance(r, int | np.integer):
            raise TypeError(f"rank[{mode}] is {r!r}; an integer is needed")
        if not 1 <= r <= dim:
            raise ValueError(
                f"rank[{mode}] is {r}; mode {mode} of shape {tuple(shape)} allows 1 to {dim}"
            )
    return tuple(int(r) for r in rank)
