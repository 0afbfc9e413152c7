"""Does a weight hold anything but random numbers? Its largest singular value tells.

The largest singular value of an (m, n) matrix of independent numbers of variance s^2 lies near
s (sqrt(m) + sqrt(n)), within a margin that is known too, whatever the distribution. What training leaves
in a weight stands out above it; a weight as it was drawn has nothing there, and no planner can find in
it what is worth keeping.
Source: Johnstone, "On the distribution of the largest eigenvalue in principal components analysis",
Annals of Statistics 29 (2001).
"""

import math

import numpy as np
import numpy.typing as npt

from tucker_core.checks import check_tensor
from tucker_core.scaling import check_scaled

_DEVIATIONS = 6.0  # of Tracy and Widom's distribution: noise reaches beyond about once in a million
_STEPS = 20  # of the power iteration, which never says more than is there


def looks_random(weight: npt.ArrayLike) -> bool:
    """Whether the largest singular value of a weight is no larger than that of random numbers.

    Parameters
    ----------
    weight : of shape (out, ...), float32 or float64

    Raises
    ------
    TypeError, ValueError
        If it is not float32 or float64, or an entry is not finite.

    Examples
    --------
    >>> drawn = np.random.default_rng(0).standard_normal((30, 20))
    >>> looks_random(drawn), looks_random(drawn + 0.5)
    (True, False)
    """
    array = check_scaled(check_tensor(weight, "weight"))[0]
    matrix = array.reshape(len(array), -1)
    rows, columns = (math.sqrt(side) for side in matrix.shape)
    variance = float(np.vdot(matrix, matrix)) / matrix.size
    edge = (rows + columns) ** 2
    margin = (rows + columns) * (1 / rows + 1 / columns) ** (1 / 3)
    vector = np.random.default_rng(0).standard_normal(matrix.shape[1]).astype(matrix.dtype)
    for _ in range(_STEPS):
        vector = (vector / (np.linalg.norm(vector) or 1.0)).astype(matrix.dtype)
        vector = matrix.T @ (matrix @ vector)
    return bool(np.linalg.norm(vector) <= variance * (edge + _DEVIATIONS * margin))
