"""How often each integer of a tensor is expected: a two-sided geometric law, told by 13 bits.

The integer k is expected in proportion to

    zeta for k = 0,   theta^|k| for 0 < |k| <= m.

Training with a price on bits makes many zeros, so they have a weight of their own. The model of a
tensor is three codes: of m, of zeta and of theta, found by trying all pairs against the histogram.
Finer grids, or a second decay, save less than the bits they cost.

The weights are integers, made from the codes by multiplications and shifts alone, so that every
machine gives the coder the same probabilities.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tucker_core.quantize import MAX_SYMBOL, Symbols

CODES = 16  # of zeta, and of theta
_ONE = 1 << 16  # fixed point: 16 bits behind the point
_PEAK = 1 << 24  # weight 1; no integer has less than 16, 2^-20 of that
_FLOOR = 1 << 4
# 1 / (1 + 2^(c - 11)) in fixed point: 1 - 2^-10 for code 1, 1/2 for 11, 1/17 for 15; none for code 0
_THETA = (_ONE, *((_ONE << 11) // ((1 << 11) + (1 << c)) for c in range(1, CODES)))
# 1/4, 3/8, 1/2, 3/4, 1, ..., 32, 48: two values an octave
_ZETA = tuple((2 + c % 2) * _PEAK >> 3 << c // 2 for c in range(CODES))
# 0, 1, 2, 3, 4, 6, 8, 12, ... 24576, 32768: two sizes an octave
_LARGEST = (0, 1, *(base << k for k in range(14) for base in (2, 3)), 1 << 15)
SIZES = len(_LARGEST)


@dataclass(frozen=True)
class SymbolModel:
    """How often each integer from -largest to largest is expected.

    Attributes
    ----------
    size_code : which of the sizes 0, 1, 2, 3, 4, 6, 8, 12, ..., 32768 bounds the magnitudes
    zeta_code : of the weight of 0, from 1/4 (code 0) to 48 (code 15)
    theta_code : of the decay, from none (code 0) to 1/17 (code 15)

    Examples
    --------
    >>> SymbolModel(size_code=2, zeta_code=4, theta_code=11).probabilities().round(3)
    array([0.1, 0.2, 0.4, 0.2, 0.1])
    """

    size_code: int
    zeta_code: int
    theta_code: int

    def __post_init__(self) -> None:
        """Refuse codes that no encoder writes."""
        limits = (("size", SIZES), ("zeta", CODES), ("theta", CODES))
        codes = (self.size_code, self.zeta_code, self.theta_code)
        for (name, limit), code in zip(limits, codes, strict=True):
            if not 0 <= code < limit:
                raise ValueError(f"{name} code is {code}; 0 to {limit - 1} are known")

    @property
    def largest(self) -> int:
        """The largest magnitude that can be coded, m."""
        return _LARGEST[self.size_code]

    def probabilities(self) -> npt.NDArray[np.float64]:
        """Probabilities of -m, ..., m, an array of shape (2 m + 1,) that sums to 1."""
        half = _half_weights(self.largest, _ZETA[self.zeta_code], _THETA[self.theta_code])
        weights = np.concatenate([half[:0:-1], half]).astype(np.float64)
        return weights / float(weights.sum())


def fit_model(symbols: Symbols) -> SymbolModel:
    """Find the model that codes these integers in the fewest bits, of all pairs of codes.

    Raises
    ------
    ValueError
        If an integer is beyond 32,768.

    Examples
    --------
    >>> fit_model(np.zeros(5, np.int32))
    SymbolModel(size_code=0, zeta_code=0, theta_code=0)
    """
    magnitudes = np.abs(symbols).ravel()
    largest = int(magnitudes.max(initial=0))
    if largest > MAX_SYMBOL:
        raise ValueError(f"an integer is {largest} in size; at most {MAX_SYMBOL} can be coded")
    if largest == 0:
        return SymbolModel(0, 0, 0)
    size_code = next(code for code, size in enumerate(_LARGEST) if size >= largest)
    counts = np.bincount(magnitudes, minlength=_LARGEST[size_code] + 1).astype(np.float64)
    zeta, theta = (codes.ravel() for codes in np.indices((CODES, CODES)))
    half = _half_weights(len(counts) - 1, np.array(_ZETA)[zeta], np.array(_THETA)[theta])
    total = np.log2(half[0] + 2.0 * half[1:].sum(0))  # half: (m + 1, pairs of codes)
    bits = counts.sum() * total - counts @ np.log2(half)
    best = int(np.argmin(bits))
    return SymbolModel(size_code, int(zeta[best]), int(theta[best]))


def _half_weights(largest: int, zeta: Any, theta: Any) -> npt.NDArray[np.int64]:
    """zeta, theta, theta^2, ..., theta^m by repeated multiplication, never below the floor.

    The two are numbers or int64 arrays of one shape, which then follows the first axis. No product
    reaches 2^57, so int64 is as good as Python's own integers.
    """
    weights = [zeta << 16]
    weight = (_PEAK << 16) + 0 * theta
    for _ in range(largest):
        weight = weight * theta >> 16
        weights.append(weight)
    table: npt.NDArray[np.int64] = np.maximum(np.array(weights, np.int64) >> 16, _FLOOR)
    return table
