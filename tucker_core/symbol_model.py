"""How often each integer of a tensor is expected: a two-sided geometric distribution, told by 13 bits.

The integer k is expected in proportion to

    zeta for k = 0,   theta^|k| for 0 < |k| <= m.

Training with a price on bits makes many zeros, so they have a weight of their own. The model of a
tensor is three codes: of m, of zeta and of theta, found by trying all pairs against the histogram.
Finer grids, or a second decay, save less than the bits they cost.

The weights are integers, made from the codes by multiplications and shifts alone, so that every
machine gives the coder the same probabilities. Their logarithms and the sums of these are integers
as well, so that every machine finds the same pair, also where several cost the same.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from tucker_core.quantize import Symbols, check_symbols

CODES = 16  # of zeta, and of theta
_ONE = 1 << 16  # fixed point: 16 bits behind the point
_PEAK = 1 << 24  # weight 1; no integer has less than 16, 2^-20 of that
_FLOOR = 1 << 4
_LOG_BITS = 30  # behind the point of a logarithm: sums over 2^27 integers stay below 2^63
# 1 / (1 + 2^(c - 11)) in fixed point: 1 - 2^-10 for code 1, 1/2 for 11, 1/17 for 15; none for code 0
_THETA = (_ONE, *((_ONE << 11) // ((1 << 11) + (1 << c)) for c in range(1, CODES)))
# 1/4, 3/8, 1/2, 3/4, 1, ..., 32, 48: two values an octave
_ZETA = tuple((2 + c % 2) * _PEAK >> 3 << c // 2 for c in range(CODES))
# 0, 1, 2, 3, 4, 6, 8, 12, ... 24576, 32768: two sizes an octave
_LARGEST = (0, 1, *(base << k for k in range(14) for base in (2, 3)), 1 << 15)
SIZES = len(_LARGEST)


Logarithms = npt.NDArray[np.int64]


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
        zero, tail = _ZETA[self.zeta_code], _tail_weights(self.largest, _THETA[self.theta_code])
        weights = np.concatenate([tail[::-1], [zero], tail]).astype(np.float64)
        return weights / float(weights.sum())


def fit_model(symbols: Symbols) -> SymbolModel:
    """Find the model that codes these integers in the fewest bits, of all pairs of codes.

    Of models that take equally many bits it is the one of least zeta, then least theta code.

    Raises
    ------
    TypeError
        If these are no integers.
    ValueError
        If an integer is beyond 32,768.

    Examples
    --------
    >>> fit_model(np.zeros(5, np.int32))
    SymbolModel(size_code=0, zeta_code=0, theta_code=0)
    """
    magnitudes = np.abs(check_symbols(symbols)).ravel()
    largest = int(magnitudes.max(initial=0))
    if largest == 0:
        return SymbolModel(0, 0, 0)
    size_code = next(code for code, size in enumerate(_LARGEST) if size >= largest)
    counts = np.bincount(magnitudes, minlength=_LARGEST[size_code] + 1)
    zeros, tails, totals = _logarithms(size_code)
    bits = len(magnitudes) * totals - counts[0] * zeros - counts[1:] @ tails  # (zeta, theta)
    return SymbolModel(size_code, *divmod(int(np.argmin(bits)), CODES))


@cache
def _logarithms(size_code: int) -> tuple[Logarithms, Logarithms, Logarithms]:
    """Of the weights of 0 (zeta codes, 1), of 1, ..., m (m, theta codes), and of the sums of both."""
    zeros = np.array(_ZETA, np.int64)[:, None]
    tails = np.stack([_tail_weights(_LARGEST[size_code], theta) for theta in _THETA], axis=1)
    return _log2(zeros), _log2(tails), _log2(zeros + 2 * tails.sum(0))


@cache
def _tail_weights(largest: int, theta: int) -> npt.NDArray[np.int64]:
    """theta, theta^2, ..., theta^m by repeated multiplication, never below the floor."""
    weights, weight = [], _PEAK << 16
    for _ in range(largest):
        weight = weight * theta >> 16
        weights.append(weight)
    table: npt.NDArray[np.int64] = np.maximum(np.array(weights, np.int64) >> 16, _FLOOR)
    return table


def _log2(values: npt.NDArray[np.int64]) -> Logarithms:
    """Logarithms to base 2, rounded down, in fixed point.

    The library's may differ by the last digit from machine to machine. Here one bit after the other
    comes from a square, which every machine rounds alike.
    """
    mantissa, exponent = np.frexp(values.astype(np.float64))
    mantissa, log = 2 * mantissa, exponent.astype(np.int64) - 1
    for _ in range(_LOG_BITS):
        mantissa *= mantissa
        above = mantissa >= 2
        log = 2 * log + above
        mantissa[above] /= 2
    return log
