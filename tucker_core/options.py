"""What steers an iteration or draws numbers: generators, seeds, sweeps and when to stop."""

import math

import numpy as np

from tucker_core.checks import check_integer, check_real


def check_rng(rng: np.random.Generator | int | None) -> np.random.Generator:
    """Return the generator, or the one of a seed.

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        If the seed is below 0.

    Examples
    --------
    >>> int(check_rng(0).integers(100))
    85
    >>> check_rng("0")
    Traceback (most recent call last):
    TypeError: rng is '0'; an integer is needed: a seed >= 0, or a generator: np.random.default_rng(0)
    """
    if isinstance(rng, np.random.Generator):
        return rng
    limit = "a seed >= 0, or a generator: np.random.default_rng(0)"
    return np.random.default_rng(check_integer(rng, "rng", 0, limit=limit))


def check_sweeps(n_iter_max: int, tol: float) -> tuple[int, float]:
    """Return how many sweeps there may be, and the gain in relative error below which they end.

    Raises
    ------
    TypeError
        If n_iter_max is no integer or tol is no number.
    ValueError
        If n_iter_max is below 1 or tol is not finite.

    Examples
    --------
    >>> check_sweeps(100, 1e-4)
    (100, 0.0001)
    >>> check_sweeps(0, 1e-4)
    Traceback (most recent call last):
    ValueError: n_iter_max is 0; at least one sweep is needed
    """
    sweeps = check_integer(n_iter_max, "n_iter_max", 1, limit="at least one sweep is needed")
    limit = "the least gain of a sweep worth another one, a finite number"
    least = check_real(tol, "tol", limit)
    if not math.isfinite(least):
        raise ValueError(f"tol is {least}; {limit}")
    return sweeps, least
