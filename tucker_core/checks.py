"""What may enter the core: float tensors of order 1 to 8 and ranks that fit them.

Every public function passes its input through these checks, so that a mistake is named where it
was made (the value, the limit, the fix) and not ten calls deeper in a matrix product.
"""

import operator
from collections.abc import Iterable, Mapping, Sequence, Set
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

MAX_ORDER = 8

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
"""A tensor, matrix or vector of float32 or float64; its shape is said in each docstring."""

_LONGEST_SHOWN = 200


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
        If the entries are not float32 or float64, or some are masked: nothing is converted or dropped
        silently.
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
    array: npt.NDArray[Any] = tensor if type(tensor) is np.ndarray else _as_array(tensor, name)
    if array.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"{name} has dtype {array.dtype}; float32 or float64 is needed: "
            f"{_way_to_floats(tensor, array.dtype)}"
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
    TypeError
        If `mode` is no integer.
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
    if type(mode) is int and 0 <= mode < order:
        return mode
    limit = f"a tensor of order {order} has modes 0 to {order - 1} (they count from 0)"
    return check_integer(mode, "mode", 0, order - 1, limit)


def check_rank(shape: Sequence[int], rank: Iterable[int]) -> tuple[int, ...]:
    """Return `rank` (J_1, ..., J_N) as a tuple of ints if 1 <= J_n <= I_n holds in every mode.

    Raises
    ------
    TypeError
        If it is no sequence, or one of its entries is no integer.
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
    ranks = check_sequence(rank, "rank", "one integer per mode")
    if len(ranks) != len(shape):
        raise ValueError(
            f"rank {shown(ranks)} has {len(ranks)} entries; shape {tuple(shape)} has {len(shape)} modes"
        )
    return tuple(
        r
        if type(r) is int and 1 <= r <= dim  # this runs in the innermost loop of the planner
        else check_integer(
            r, f"rank[{mode}]", 1, dim, f"mode {mode} of shape {tuple(shape)} allows 1 to {dim}"
        )
        for mode, (r, dim) in enumerate(zip(ranks, shape, strict=True))
    )


def check_shape(shape: Iterable[int], name: str = "shape") -> tuple[int, ...]:
    """Return `shape` (I_1, ..., I_N) as a tuple of ints if there are some and all are at least 1.

    Raises
    ------
    TypeError
        If it is no sequence, or one of its entries is no integer.
    ValueError
        If it is empty, or a dimension is below 1.

    Examples
    --------
    >>> check_shape([4, np.int64(5)])
    (4, 5)
    >>> check_shape((4, 6.9))
    Traceback (most recent call last):
    TypeError: shape[1] is 6.9; an integer is needed: dimensions are >= 1
    """
    dims = check_sequence(shape, name, "one integer per mode")
    if not dims or any(type(dim) is int and dim < 1 for dim in dims):
        raise ValueError(f"{name} is {shown(dims)}; at least one dimension, each >= 1, is needed")
    return tuple(
        check_integer(dim, f"{name}[{mode}]", 1, limit="dimensions are >= 1")
        for mode, dim in enumerate(dims)
    )


def check_integer(
    value: Any, name: str, low: int | None = None, high: int | None = None, limit: str = ""
) -> int:
    """Return `value` as an int if it is an integer from `low` to `high`.

    Whatever has `__index__` is an integer (numpy's too); booleans, texts and 1.0 are not.

    Parameters
    ----------
    value : what was given
    name : what to call it in an error
    low, high : the limits, both allowed; None for none
    limit : the limits in words, for an error

    Raises
    ------
    TypeError, ValueError
        If it is no integer, or one below `low` or above `high`.

    Examples
    --------
    >>> check_integer(np.int64(3), "order", 1, 8)
    3
    >>> check_integer(2.0, "order", 1, 8)
    Traceback (most recent call last):
    TypeError: order is 2.0; an integer is needed: 1 to 8 is allowed
    """
    limit = limit or (f"at least {low}" if high is None else f"{low} to {high}") + " is allowed"
    try:
        number = operator.index(value)
        if isinstance(value, bool):
            raise TypeError
    except TypeError:
        raise TypeError(f"{name} is {shown(value)}; an integer is needed: {limit}") from None
    if (low is not None and number < low) or (high is not None and number > high):
        raise ValueError(f"{name} is {shown(number)}; {limit}")
    return number


def check_real(value: Any, name: str, limit: str) -> float:
    """Return `value` as a float if it is a real number; its range is for the caller to check.

    Raises
    ------
    TypeError, ValueError
        If it is no number, or one too large for a float.

    Examples
    --------
    >>> check_real(np.float32(0.5), "rank", "a fraction in (0, 1]")
    0.5
    >>> check_real("4", "bits", "a positive number of bits")
    Traceback (most recent call last):
    TypeError: bits is '4'; a number is needed: a positive number of bits
    """
    number = value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value
    if isinstance(number, bool) or not isinstance(number, Real):
        raise TypeError(f"{name} is {shown(value)}; a number is needed: {limit}")
    try:
        return float(number)
    except OverflowError:
        raise ValueError(f"{name} is {shown(value)}; {limit}") from None


def check_flag(value: Any, name: str) -> bool:
    """Return `value` if it is True or False; anything else is a TypeError.

    Examples
    --------
    >>> check_flag("no", "permute")
    Traceback (most recent call last):
    TypeError: permute is 'no'; True or False is needed
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} is {shown(value)}; True or False is needed")
    return bool(value)


def check_sequence(values: Any, name: str, needed: str) -> tuple[Any, ...]:
    """Return the entries of a sequence, an array or a generator, in their order.

    Raises
    ------
    TypeError
        If there is no such order: a single value, a text, a set or a mapping.

    Examples
    --------
    >>> check_sequence((n * n for n in (1, 2)), "rank", "one integer per mode")
    (1, 4)
    >>> check_sequence(7, "rank", "one integer per mode")
    Traceback (most recent call last):
    TypeError: rank is 7; one integer per mode is needed
    """
    try:
        if isinstance(values, str | bytes | Set | Mapping):
            raise TypeError
        return tuple(values)
    except TypeError as error:
        raise TypeError(f"{name} is {shown(values)}; {needed} is needed") from error


def shown(value: Any) -> str:
    """A value in an error: as Python writes it, on one line and not without end.

    Examples
    --------
    >>> shown(np.float64(1.5)), len(shown(list(range(10_000))))
    ('np.float64(1.5)', 200)
    """
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python writes no integers of more than 4,300 digits
        text = f"<{type(value).__name__} too long to write>"
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def check_unmasked(array: Any, name: str) -> None:
    """Refuse an array with a mask, which numpy would drop in silence, or a list of such.

    Examples
    --------
    >>> check_unmasked(np.ma.masked_equal([1, 2], 2), "core")
    Traceback (most recent call last):
    TypeError: core is masked in 1 of 2 entries; an array without a mask is needed: say what those \
entries are with .filled(value)
    """
    for part in array if isinstance(array, list | tuple) else (array,):
        if isinstance(part, np.ma.MaskedArray):
            raise TypeError(
                f"{name} is masked in {np.count_nonzero(part.mask)} of {part.size} entries; an array "
                "without a mask is needed: say what those entries are with .filled(value)"
            )


def _as_array(tensor: Any, name: str) -> npt.NDArray[Any]:
    check_unmasked(tensor, name)
    try:
        array: npt.NDArray[Any] = np.asarray(tensor)
    except (TypeError, ValueError, RuntimeError) as error:  # torch has its reasons, numpy too
        raise TypeError(
            f"{name} is a {type(tensor).__name__} that numpy makes no array of ({error}); a float32 or "
            "float64 array is needed (from torch: .detach().cpu().numpy(), .float() before it if it "
            "is bfloat16)"
        ) from error
    return array


def _way_to_floats(tensor: Any, dtype: np.dtype[Any]) -> str:
    """What to do about a dtype; only advice that works."""
    if hasattr(tensor, "toarray"):
        return "it is sparse, make it dense with .toarray()"
    if dtype.kind == "c":
        return "give its parts, .real and .imag, one after the other"
    if dtype.kind in "OV":
        return "gather its numbers in one dense array of floats"
    if dtype.kind in "USTmM":
        return "give numbers"
    if not hasattr(tensor, "astype"):  # lists, and tensors of torch
        return "convert with np.asarray(tensor, np.float64)"
    return "convert with .astype(np.float64)"
