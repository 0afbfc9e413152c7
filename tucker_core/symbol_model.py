"""How often each integer of a tensor is expected: a law of two decays, told by 13 bits.

The integer k is expected in proportion to

    theta^|k| rho^(k^2),   -m <= k <= m,

a two-sided geometric law for rho = 1, a discrete normal law for theta = 1. So the model of a tensor is
three codes: of m, of theta and of rho, found by trying all pairs of decays against the histogram.
Finer grids of decays save less than the bits they cost.

The weights are integers, made from the codes by multiplications and shifts alone, so that every
machine gives the coder the same probabilities.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tucker_core.quantize import MAX_SYMBOL, Symbols

DECAYS = 16
_ONE = 1 << 16  # fixed point: 16 bits behind the point
_PEAK = 1 << 24  # weight of the integer 0; every other one has at least 16 (2^-20 of that)
_FLOOR = 1 << 4
# 1 / (1 + 2^(c - 11)) in fixed point: 1 - 2^-10 for code 1, 1/2 for 11, 1/17 for 15; none for code 0
_DECAY = (_ONE, *((_ONE << 11) // ((1 << 11) + (1 << c)) for c in range(1, DECAYS)))
# 0, 1, 2, 3, 4, 6, 8, 12, ... 24576, 32768: two sizes an octave
_LARGEST = (0, 1, *(base << k for k in range(14) for base in (2, 3)), 1 << 15)
SIZES = len(_LARGEST)


@dataclass(frozen=True)
class SymbolModel:
    """How often each integer from -largest to largest is expected.

    Attributes
    ----------
    size_code : which of the sizes 0, 1, 2, 3, 4, 6, 8, 12, ..., 32768 bounds the magnitudes
    theta_code, rho_code : codes of the two decays, 0 (no decay) to 15 (fastest)

    Examples
    --------
    >>> SymbolModel(size_code=2, theta_code=11, rho_code=0).probabilities().round(3)
    array([0.1, 0.2, 0.4, 0.2, 0.1])
    """

    size_code: int
    theta_code: int
    rho_code: int

    def __post_init__(self) -> None:
        """Refuse codes that no encoder writes."""
        limits = (("size", SIZES), ("theta", DECAYS), ("rho", DECAYS))
        codes = (self.size_code, self.theta_code, self.rho_code)
        for (name, limit), code in zip(limits, codes, strict=True):
            if not 0 <= code < limit:
                raise ValueError(f"{name} code is {code}; 0 to {limit - 1} are known")

    @property
    def largest(self) -> int:
        """The largest magnitude that can be coded, m."""
        return _LARGEST[self.size_code]

    def probabilities(self) -> npt.NDArray[np.float64]:
        """Probabilities of -m, ..., m, an array of shape (2 m + 1,) that sums to 1."""
        half = _half_weights(self.largest, _DECAY[self.theta_code], _DECAY[self.rho_code])
        weights = np.concatenate([half[:0:-1], half]).astype(np.float64)
        return weights / float(weights.sum())


def fit_model(symbols: Symbols) -> SymbolModel:
    """Find the model that codes these integers in the fewest bits, of all pairs of decays.

    Raises
    ------
    ValueError
        If an integer is beyond 32,768.

    Examples
    --------
    >>> fit_model(np.zeros(5, np.int32))
    SymbolModel(size_code=0, theta_code=0, rho_code=0)
    """
    magnitudes = np.abs(symbols).ravel()
    largest = int(magnitudes.max(initial=0))
    if largest > MAX_SYMBOL:
        raise ValueError(f"an integer is {largest} in size; at most {MAX_SYMBOL} can be coded")
    if largest == 0:
        return SymbolModel(0, 0, 0)
    size_code = next(code for code, size in enumerate(_LARGEST) if size >= largest)
    counts = np.bincount(magnitudes, minlength=_LARGEST[size_code] + 1).astype(np.float64)
    theta, rho = (codes.ravel() for codes in np.indices((DECAYS, DECAYS)))
    decays = np.array(_DECAY)
    half = _half_weights(len(counts) - 1, decays[theta], decays[rho])  # (m + 1, pairs of decays)
    total = np.log2(half[0] + 2.0 * half[1:].sum(0))
    bits = counts.sum() * total - counts @ np.log2(half)
    best = int(np.argmin(bits))
    return SymbolModel(size_code, int(theta[best]), int(rho[best]))


def _half_weights(largest: int, theta: Any, rho: Any) -> npt.NDArray[np.int64]:
    """theta^k rho^(k^2) for k = 0, ..., m by repeated multiplication, never below the floor.

    The decays are numbers or int64 arrays of one shape, which then follows the first axis. No product
    reaches 2^57, so int64 is as good as Python's own integers.
    """
    weight, ratio, square = (_PEAK << 16) + 0 * theta, theta * rho >> 16, rho * rho >> 16
    weights = [weight]
    for _ in range(largest):
        weight = weight * ratio >> 16
        ratio = ratio * square >> 16
        weights.append(weight)
    table: npt.NDArray[np.int64] = np.maximum(np.array(weights, np.int64) >> 16, _FLOOR)
    return table
