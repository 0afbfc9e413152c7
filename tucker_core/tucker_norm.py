"""Norm and error of a tensor in Tucker format, at the cost of its parts and in the memory of a slab.

With factors M_n = Q_n R_n the norm of C x_1 M_1 ... x_N M_N is that of C x_1 R_1 ... x_N R_N. An error is
summed over the differences themselves: ||T||^2 - 2 <T, W> + ||W||^2 would lose half of its digits.

All numbers are first scaled by powers of two, which costs no digit, so that no square overflows and none
vanishes.
"""

import math
from collections.abc import Iterator

import numpy as np

from tucker_core.checks import FloatArray
from tucker_core.tucker_chain import Factors, expand

_SLAB_NUMBERS = 1 << 17  # 1 MiB: half of a small second cache


def tucker_norm(core: FloatArray, factors: Factors) -> float:
    """Frobenius norm of the tensor that these finite parts stand for.

    Examples
    --------
    >>> tucker_norm(np.array([[3e300, 4e300]]), [np.full((4, 1), 1e-300), None])
    10.0
    """
    core, factors, exponent = _scaled(core, factors)
    triangles = [None if f is None else np.asarray(np.linalg.qr(f, mode="r")) for f in factors]
    full, own = _to_one(expand(core, triangles)[0])
    return _times_power(float(np.linalg.norm(full)), exponent + own)


def relative_error(core: FloatArray, factors: Factors, tensor: FloatArray) -> float:
    """Norm of tensor - core x_1 M_1 ... x_N M_N over the norm of the tensor, for finite entries.

    Examples
    --------
    >>> relative_error(np.array([3.0, 4.0]), [np.diag([1.0, 1 + 2**-40])], np.array([3.0, 4.0])) * 2**40
    0.8
    """
    core, factors, exponent = _scaled(core, factors)
    highest = _exponent(tensor)
    common = max(exponent, highest)
    core = np.ldexp(core, exponent - common)
    wrong, whole = 0.0, 0.0
    for given, rebuilt in _slabs(core, factors, tensor):
        wrong += _sum_of_squares(np.ldexp(given, -common) - rebuilt)
        whole += _sum_of_squares(np.ldexp(given, -highest))
    if whole == 0:
        return math.inf if wrong > 0 else 0.0
    return _times_power(math.sqrt(wrong / whole), common - highest)


def _slabs(
    core: FloatArray, factors: Factors, tensor: FloatArray
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Slabs across the longest mode: of the tensor, and of the one in Tucker format; float64."""
    longest = int(np.argmax(tensor.shape))
    core, tensor = np.moveaxis(core, longest, 0), np.moveaxis(tensor, longest, 0)
    first, others = factors[longest], [f for n, f in enumerate(factors) if n != longest]
    step = max(1, _SLAB_NUMBERS * len(tensor) // tensor.size)
    for start in range(0, len(tensor), step):
        given = tensor[start : start + step].astype(np.float64)
        rows = slice(start, start + step)
        part = core[rows] if first is None else np.tensordot(first[rows], core, 1)
        yield given, expand(part, [None, *others])[0].reshape(given.shape)


def _scaled(core: FloatArray, factors: Factors) -> tuple[FloatArray, Factors, int]:
    """Core, factors and e of 2^e C x_1 M_1 ... x_N M_N: the largest entry of the core and of each column
    of a factor is between a half and one. Each column for itself: 1e300 may stand before 1e-300.
    """  # noqa: D205
    numbers, exponents = np.frexp(core.astype(np.float64))
    scaled = list[FloatArray | None]()
    for mode, factor in enumerate(factors):
        if factor is None:
            scaled.append(None)
            continue
        matrix = factor.astype(np.float64)
        largest = np.abs(matrix).max(axis=0)
        columns = np.frexp(largest)[1]
        scaled.append(np.ldexp(matrix, -columns))
        along = (-1,) + (1,) * (core.ndim - 1 - mode)
        exponents = exponents + columns.reshape(along)
        numbers = numbers * (largest > 0).reshape(along)
    highest = int(exponents[numbers != 0].max(initial=-(1 << 20)))
    return np.ldexp(numbers, np.where(numbers != 0, exponents - highest, 0)), scaled, highest


def _to_one(array: FloatArray) -> tuple[FloatArray, int]:
    """The array over the power of two at its largest entry, and the exponent of that."""
    exponent = _exponent(array)
    return np.ldexp(array, -exponent), exponent


def _exponent(array: FloatArray) -> int:
    """Of the power of two above all entries, found without a second array."""
    return int(np.frexp(max(array.max(), -array.min()))[1])


def _sum_of_squares(array: FloatArray) -> float:
    return float(np.vdot(array, array))


def _times_power(number: float, exponent: int) -> float:
    with np.errstate(over="ignore", under="ignore"):
        return float(np.ldexp(number, exponent))
