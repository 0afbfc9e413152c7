"""Ranks of all weights together: the largest that fit into a budget, by one coarseness for all.

The coarseness t, 0 to 1, is either the relative error that each rank may leave ("spectra"), or the
inverse of the largest rank ("balanced"): alike for all, whatever the weights are.
"""

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from tucker_core.scaling import check_scaled

Plan = TypeVar("Plan")
RankOf = Callable[[npt.ArrayLike, float], int]
_HALVINGS = 40


def rank_within(singular_values: npt.ArrayLike, tolerance: float) -> int:
    """Least rank, 1 or more, that leaves at most the fraction tolerance^2 of the energy out.

    Examples
    --------
    >>> rank_within([4.0, 3.0, 0.0], 0.7), rank_within([4.0, 3.0, 0.0], 0.0)
    (1, 2)
    """
    energy = np.square(check_scaled(np.asarray(singular_values, np.float64))[0])
    left_out = energy.sum() - np.cumsum(energy)
    return int(np.argmax(left_out <= (tolerance**2 + 1e-12) * energy.sum())) + 1


def rank_up_to(singular_values: npt.ArrayLike, coarseness: float) -> int:
    """The rank 1 / coarseness, if there are so many singular values.

    Examples
    --------
    >>> rank_up_to([4.0, 3.0, 0.0], 0.5), rank_up_to([4.0, 3.0, 0.0], 0.0)
    (2, 3)
    """
    most = len(np.asarray(singular_values))
    return most if coarseness * most <= 1 else int(1 / coarseness)


RANKS: dict[str, RankOf] = {"spectra": rank_within, "balanced": rank_up_to}


def finest_plan(
    plan: Callable[[float], Plan], size: Callable[[Plan], float], budget: float
) -> Plan:
    """Find the plan of the least coarseness that fits.

    Parameters
    ----------
    plan : makes the plan of a coarseness; its size falls as that grows
    size : of a plan, in the unit of the budget
    budget : what it may take at most

    Raises
    ------
    ValueError
        If not even the coarsest plan fits; its size is named.
    """
    low, high = 0.0, 1.0
    best = plan(high)
    if size(best) > budget:
        raise ValueError(
            f"budget is {math.floor(budget):,} parameters; the smallest ranks need "
            f"{math.ceil(size(best)):,}: take a smaller ratio"
        )
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        tried = plan(middle)
        if size(tried) <= budget:
            best, high = tried, middle
        else:
            low = middle
    return best
