"""Tensors so small or so large that their squares vanish or overflow: over a power of two, and back.

Decompositions square their numbers: a float32 entry of 1e-25 has a square of zero, one of 1e20 a square
of infinity. A power of two changes no digit, so a tensor is divided by one on the way in and the core
multiplied by it on the way out; the factors do not see it. Thus a decomposition of 2^k X has the factors
of that of X, bit for bit, and 2^k times its core.

Ordinary tensors are left as they are, and not copied. What is ordinary is narrower than the squares
alone ask for: LAPACK, too, scales small and large matrices, by numbers that do change digits.
"""

import math
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tucker_core.checks import FloatArray, check_tensor

_Float = TypeVar("_Float", bound=np.floating[Any])

# A largest entry in [2^-10, 2^10): in float32 LAPACK scales no Gram matrix of up to 2^31 such numbers.
_ORDINARY = 10


def check_scaled(tensor: npt.ArrayLike, name: str = "tensor") -> tuple[FloatArray, int]:
    """A checked, finite tensor over 2^k, and k: 0 if its largest entry is in [2^-10, 2^10).

    Otherwise k is such that the largest entry is then in [1, 2), and the array is a new one.

    Raises
    ------
    TypeError, ValueError
        As `check_tensor`, with `finite`.

    Examples
    --------
    >>> check_scaled(np.array([6.0, -20.0]))
    (array([  6., -20.]), 0)
    >>> check_scaled(np.array([6.0e-200, -2.0**-600]))[1]
    -600
    """
    array = check_tensor(tensor, name)
    exponent = common_exponent([(array, name)])
    return times_power(array, -exponent), exponent


def common_exponent(tensors: Iterable[tuple[FloatArray, str]]) -> int:
    """The k of `check_scaled` for all of several (tensor, name) together.

    Raises
    ------
    ValueError
        If an entry is not finite.

    Examples
    --------
    >>> common_exponent([(np.array([2.0]), "a"), (np.array([-4096.0]), "b")])
    12
    """
    largest = max(_largest(array, name) for array, name in tensors)
    exponent = math.frexp(largest)[1] - 1
    return 0 if largest == 0 or -_ORDINARY <= exponent < _ORDINARY else exponent


def _largest(array: FloatArray, name: str) -> float:
    """Largest magnitude of a tensor."""
    largest = max(float(array.max()), -float(array.min()))
    if not math.isfinite(largest):  # NaN, too, is the largest and the smallest
        check_tensor(array, name, finite=True)
    return largest


def times_power(
    array: npt.NDArray[_Float], exponent: int, name: str = "the core"
) -> npt.NDArray[_Float]:
    """2^exponent times an array; the array itself if that is 1.

    Raises
    ------
    ValueError
        If an entry is then above the largest number of the dtype.

    Examples
    --------
    >>> times_power(np.array([0.75, 3.0]), 2)
    array([ 3., 12.])
    """
    if exponent == 0:
        return array
    limits = np.finfo(array.dtype)
    with np.errstate(over="ignore", under="ignore"):
        result: npt.NDArray[_Float]
        if limits.minexp <= exponent < limits.maxexp:  # a tenth of ldexp's time, the same bits
            result = array * array.dtype.type(2.0**exponent)
        else:
            result = np.ldexp(array, exponent)
    if not np.isfinite(result).all():
        most = float(np.abs(array).max())
        excess = math.frexp(most)[1] + exponent - int(limits.maxexp)
        raise ValueError(
            f"{name} would hold {most:.3g} * 2^{exponent}; the largest {array.dtype} number is "
            f"{float(limits.max):.3g}: divide the tensor by 2.0**{excess} first"
        )
    return result
