"""The rate term of quantisation-aware training: the bits that integers will take, and their slopes.

A tensor of levels l is stored as the integers round(l / s) with a step s that is learned. How many bits
a coder takes for them is estimated, smoothly, by a mixture of two discretized Laplace distributions, a
narrow one for the zeros and a wide one for the rest: with u = |l| / s an entry takes

    -log2(f m(u; 0.2) + (1 - f) m(u; b))

where m(u; b) is the mass of a Laplace distribution of mean magnitude b from u - 1/2 to u + 1/2,

    m(u; b) = 1 - exp(-1/2b) cosh(u/b) for u < 1/2, and exp(-u/b) sinh(1/2b) beyond.

Each tensor has a step, a spread b and a fraction f of its own: as they are learned, log s, log b and the
logit of f, the three rows of `params`. All tensors of a network are one flat vector here.
Source: entropy models in training, after Oktay et al., arXiv 1906.06624; the mixture is ours.
"""

import math

import numpy as np
import numpy.typing as npt

from tucker_core.checks import FloatArray, check_tensor
from tucker_core.kernels import can_compile
from tucker_core.memory import behaved

LEAST_SPREAD = 0.05  # below this a distribution is a single spike, and sinh(1 / 2b) would overflow
NARROW = 0.2  # spread of the distribution of the zeros

Doubles = npt.NDArray[np.float64]
Lengths = npt.NDArray[np.int64]


def rate_and_gradient(
    levels: FloatArray, lengths: Lengths, params: Doubles
) -> tuple[float, FloatArray, Doubles]:
    """Expected bits of the integers of several tensors, and the gradient.

    Parameters
    ----------
    levels : the entries of all tensors, one tensor behind the other; float32 or float64, shape (n,)
    lengths : how many entries each of the T tensors has; shape (T,)
    params : log step, log spread and logit of the narrow fraction of each; shape (3, T)

    Returns
    -------
    bits, their gradient with respect to the levels (n,) in the levels' dtype, and with respect to params
    (3, T)

    Raises
    ------
    TypeError
        If the levels are not float32 or float64.
    ValueError
        If the lengths are negative or do not sum to n, or there are not three params for each.

    Examples
    --------
    >>> bits, _, slopes = rate_and_gradient(np.array([0.0, 3.0]), np.array([2]), np.zeros((3, 1)))
    >>> round(bits, 3), slopes.round(3).tolist()
    (6.877, [[-4.329], [-2.433], [0.433]])
    """
    levels = behaved(check_tensor(levels, "levels"))
    lengths = np.ascontiguousarray(lengths, np.int64)
    params = np.ascontiguousarray(params, np.float64)
    fits = params.shape == (3, lengths.size) and bool(np.all(lengths >= 0))
    if not fits or levels.shape != (lengths.sum(),):
        raise ValueError(
            f"levels of shape {levels.shape}, {lengths.size} lengths of sum {lengths.sum()} and params "
            f"of shape {params.shape} do not belong together; one vector of levels, lengths >= 0 that "
            "sum to its length, and params of shape (3, number of lengths) are needed"
        )
    if not can_compile():
        return plain_rate_and_gradient(levels, lengths, params)
    from tucker_core.kernels.rate_term import ready

    grad_levels, grad_params = np.empty_like(levels), np.empty_like(params)
    bits = ready(levels.dtype)(levels, lengths, params, grad_levels, grad_params)
    return bits, grad_levels, grad_params


def plain_rate_and_gradient(
    levels: FloatArray, lengths: Lengths, params: Doubles
) -> tuple[float, FloatArray, Doubles]:
    """The same as one reads it.

    Examples
    --------
    >>> round(plain_rate_and_gradient(np.array([0.0, 3.0]), np.array([2]), np.zeros((3, 1)))[0], 3)
    6.877
    """
    owner = np.repeat(np.arange(len(lengths)), lengths)
    log_step, log_spread, logit = params[:, owner]
    size = np.abs(levels) / np.exp(log_step)
    spread = np.maximum(np.exp(log_spread), LEAST_SPREAD)
    learned = spread > LEAST_SPREAD
    log_wide, by_size_wide, by_spread = _log_mass(size, spread)
    log_narrow, by_size_narrow, _ = _log_mass(size, np.full_like(size, NARROW))
    with np.errstate(invalid="ignore"):  # what is no number may pass, and is seen in the bits
        log_fraction, log_rest = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
        log_mass = np.logaddexp(log_fraction + log_narrow, log_rest + log_wide)
    wide = np.exp(log_rest + log_wide - log_mass)  # probability that the wide one made this entry
    by_size = wide * by_size_wide + (1 - wide) * by_size_narrow
    slopes = -by_size * size, wide * by_spread * learned, np.exp(log_rest) - wide
    sums = np.array([np.bincount(owner, slope, len(lengths)) for slope in slopes])
    grad_levels = by_size * np.sign(levels) / np.exp(log_step)
    in_bits = -1 / math.log(2)
    bits = float(in_bits * log_mass.sum())
    return bits, (in_bits * grad_levels).astype(levels.dtype), in_bits * sums


def _log_mass(size: Doubles, spread: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Log of m(u; b), and its slopes in u and in log b."""
    half, far = 0.5 / spread, size / spread
    near = np.minimum(far, half)
    # 1 - exp(-h) cosh(n), written so that nothing is lost where both are small
    mass = -np.expm1(-half) - 2 * np.exp(-half) * np.sinh(near / 2) ** 2
    by_size = -np.exp(-half) * np.sinh(near) / (spread * mass)
    by_spread = np.exp(-half) * (near * np.sinh(near) - half * np.cosh(near)) / mass
    inside = size < 0.5
    return (
        np.where(inside, np.log(mass), np.log(np.sinh(half)) - far),
        np.where(inside, by_size, -1 / spread),
        np.where(inside, by_spread, far - half / np.tanh(half)),
    )
