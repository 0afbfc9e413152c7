"""What rounding alone loses of a weight's energy, against the bits that its integers take.

A plan that keeps fewer parameters is worth it only where it loses less than coarser steps for all
parameters would in as many bytes. The reference is a uniform quantiser with an entropy coder, and
normally distributed entries.
Source: Gish and Pierce, "Asymptotically efficient quantizing", IEEE Trans. Information Theory 14 (1968).
"""

import math
from functools import cache

import numpy as np

_FINEST, _COARSEST, _STEPS = 1 / 64, 8.0, 80  # steps in standard deviations
_REACH = 9.0  # standard deviations, beyond which nothing lies


def rounding_loss(bits: float) -> float:
    """Share of the energy that entries lose where rounding leaves them so many bits each.

    Examples
    --------
    >>> round(rounding_loss(1.0), 2), round(rounding_loss(5.0), 4)  # theory: 1/4 and 1/1024 at least
    (0.47, 0.0014)
    """
    rates, losses = _curve()
    return float(np.interp(bits, rates, losses))


def rounding_bits(levels: float) -> float:
    """Bits of an entry at so many rounding steps per root mean square.

    Examples
    --------
    >>> round(rounding_bits(8.0), 2)
    5.05
    """
    return _of_step(1 / levels)[0]


@cache
def _curve() -> tuple[list[float], list[float]]:
    """Bits, rising, and losses, falling."""
    steps = np.geomspace(_COARSEST, _FINEST, _STEPS)
    points = [(0.0, 1.0), *(_of_step(float(step)) for step in steps)]
    return [bits for bits, _ in points], [lost for _, lost in points]


def _of_step(step: float) -> tuple[float, float]:
    """Entropy of the integers, and mean squared error, of a normal variable of variance 1."""
    most = math.ceil(_REACH / step)
    bits = error = 0.0
    for k in range(most + 1):
        low, high = (k - 0.5) * step, (k + 0.5) * step
        share = (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2))) / 2
        if share > 0:
            first = _density(low) - _density(high)
            second = share + low * _density(low) - high * _density(high)
            times = 1 if k == 0 else 2
            bits -= times * share * math.log2(share)
            error += times * (second - 2 * k * step * first + (k * step) ** 2 * share)
    return bits, error


def _density(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
