"""Sizes of tensors that are right where the squares of their entries vanish or overflow."""

import math

import numpy as np

from tucker_core.checks import FloatArray
from tucker_core.scaling import check_scaled, times_power
from tucker_core.spectra import squared_norm


def frobenius_norm(tensor: FloatArray) -> float:
    """Square root of the sum of all squares, in float64, however small or large the entries are.

    Infinity where that is above the largest float64 number.

    Examples
    --------
    >>> frobenius_norm(np.array([3.0e-200, 4.0e-200]))
    5e-200
    """
    array, exponent = check_scaled(tensor)
    with np.errstate(over="ignore"):
        return float(np.ldexp(math.sqrt(squared_norm(array)), exponent))


def energy_share(part: FloatArray, whole: FloatArray) -> float:
    """||part||^2 / ||whole||^2, however small or large the entries are; 0 if the whole is zero.

    Examples
    --------
    >>> energy_share(np.array([2.0e-200]), np.array([2.0e-200] * 4))
    0.25
    """
    array, exponent = check_scaled(whole)
    return squared_norm(times_power(part, -exponent)) / (squared_norm(array) or 1.0)
