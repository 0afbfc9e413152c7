"""The rate term compiled: one pass over the levels of all tensors gives bits and gradient.

The formulas stand at the head of `tucker_core.rate_term`, beside the plain twin. An entry takes two or
three exponentials and logarithms: 3,641 levels of 15 tensors 0.11 ms, and the plain twin 1.4 ms.
"""

import math
from typing import Any

import numpy as np

from tucker_core.checks import FloatArray
from tucker_core.kernels.jit import compiled, inlined, once, reads, writes
from tucker_core.rate_term import LEAST_SPREAD, NARROW, Doubles, Lengths

_IN_BITS = -1 / math.log(2)


@once
def ready(dtype: np.dtype[Any]) -> Any:
    """Compile or load `_rate_term` for levels of this type."""
    double = np.dtype(np.float64)
    given = reads(dtype, 1), reads(np.dtype(np.int64), 1), reads(double, 2)
    return compiled(_rate_term, *given, writes(dtype, 1), writes(double, 2))


@inlined
def _inside(near: float, spread: float, least: float, decay: float) -> tuple[float, float, float]:
    """The mass, and its slopes in u and in log b, for u < 1/2: near = u/b, decay = exp(-1/2b)."""
    e = math.exp(0.5 * near)
    sinh = 0.5 * (e - 1 / e)  # of near / 2
    twice = 2 * sinh * sinh  # cosh(near) - 1
    sinh *= e + 1 / e  # of near
    by_spread = decay * (near * sinh - 0.5 / spread * (1 + twice))
    return least - decay * twice, -decay * sinh / spread, by_spread


def _rate_term(
    levels: FloatArray,
    lengths: Lengths,
    params: Doubles,
    grad_levels: FloatArray,
    grad_params: Doubles,
) -> float:
    """Write both gradients and return the bits; the caller has compared all sizes."""
    total, start = 0.0, 0
    narrow_decay, narrow_least = math.exp(-0.5 / NARROW), -math.expm1(-0.5 / NARROW)
    narrow_tail = math.log(math.sinh(0.5 / NARROW))
    for t in range(len(lengths)):
        step, spread = math.exp(params[0, t]), math.exp(params[1, t])
        is_learned = not spread <= LEAST_SPREAD  # nor if it is no number
        spread = spread if is_learned else LEAST_SPREAD
        half = 0.5 / spread
        decay, least, tail = math.exp(-half), -math.expm1(-half), math.log(math.sinh(half))
        tail_slope = half / math.tanh(half)
        logit = params[2, t]
        log_fraction = min(logit, 0.0) - math.log1p(math.exp(-abs(logit)))
        log_rest = log_fraction - logit
        fraction, rest = math.exp(log_fraction), math.exp(log_rest)
        log_masses, by_step, by_spread, all_wide = 0.0, 0.0, 0.0, 0.0
        for k in range(start, start + lengths[t]):
            size = abs(levels[k]) / step
            if size < 0.5:
                mass, slope, slope_spread = _inside(size / spread, spread, least, decay)
                narrow, narrow_slope, _ = _inside(size / NARROW, NARROW, narrow_least, narrow_decay)
                both = rest * mass + fraction * narrow
                log_mass, wide = math.log(both), rest * mass / both
                by_size = (rest * slope + fraction * narrow_slope) / both
                slope_spread *= rest / both
            else:
                log_wide = log_rest + tail - size / spread
                ahead = log_wide - (log_fraction + narrow_tail - size / NARROW)
                small = math.exp(-abs(ahead))
                log_mass = log_wide + max(-ahead, 0.0) + math.log1p(small)
                wide = (1.0 if ahead > 0 else small) / (1 + small)
                by_size = -wide / spread - (1 - wide) / NARROW
                slope_spread = wide * (size / spread - tail_slope)
            log_masses += log_mass
            by_step -= by_size * size
            by_spread += slope_spread
            all_wide += wide
            sign = 1.0 if levels[k] > 0 else (-1.0 if levels[k] < 0 else 0.0)
            grad_levels[k] = _IN_BITS * by_size * sign / step
        start += lengths[t]
        total += _IN_BITS * log_masses
        grad_params[0, t] = _IN_BITS * by_step
        grad_params[1, t] = _IN_BITS * by_spread if is_learned else 0.0
        grad_params[2, t] = _IN_BITS * (lengths[t] * rest - all_wide)
    return total
