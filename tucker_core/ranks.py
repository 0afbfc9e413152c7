"""Which ranks fit a budget? One search for one tensor and for a whole network.

The budget is a hard ceiling on the numbers stored. Within it the search makes the cores as large
and as close to cubes as it can: it starts from the largest cube J x ... x J that fits everywhere and
then raises, one step at a time, the smallest rank that can still be paid for. Two rules keep it from
paying for nothing:

- a rank above the product of the other ranks of its tensor adds no expressive power, and
- where a full mode (J_n = I_n, no factor) costs no more than the rank it replaces, it is taken.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence

import numpy as np

from tucker_core.checks import check_rank
from tucker_core.counting import tucker_params

Dims = tuple[int, ...]


def validate_tucker_rank(shape: Sequence[int], rank: Sequence[int] | int | float) -> Dims:
    """Turn what a user calls a rank into one rank per mode, or say why it cannot be.

    Parameters
    ----------
    shape : (I_1, ..., I_N)
    rank : tuple (J_1, ..., J_N), checked and returned; int J, used in every mode but never above its
        dimension; float in (0, 1], the ranks that store at most that fraction of prod(I_n) numbers

    Raises
    ------
    TypeError
        If rank is none of these.
    ValueError
        If a rank is below 1 or above its dimension, an int exceeds every dimension, or the fraction
        is not in (0, 1] or too small for any plan (the smallest possible is named).

    Examples
    --------
    >>> validate_tucker_rank((20, 25, 25, 32), 5)
    (5, 5, 5, 5)
    >>> ranks = validate_tucker_rank((20, 25, 25, 32), 0.005)
    >>> tucker_params((20, 25, 25, 32), ranks) <= 0.005 * 400_000
    True
    """
    dims = tuple(int(dim) for dim in shape)
    if isinstance(rank, bool | str) or not isinstance(rank, int | float | np.integer | Iterable):
        raise TypeError(f"rank is {rank!r}; an int, a float or one int per mode is needed")
    if isinstance(rank, float):
        if not 0 < rank <= 1:
            raise ValueError(f"rank is {rank}; a float means a fraction of the numbers, in (0, 1]")
        return ranks_within([dims], int(rank * math.prod(dims) + 1e-9))[0]
    if isinstance(rank, int | np.integer):
        if not 1 <= rank <= max(dims):
            raise ValueError(f"rank is {rank}; shape {dims} allows 1 to {max(dims)}")
        return tuple(min(int(rank), dim) for dim in dims)
    return check_rank(dims, rank)


def ranks_within(all_dims: Sequence[Dims], budget: int) -> list[Dims]:
    """Choose the ranks of several tensors together under one ceiling of stored numbers.

    Parameters
    ----------
    all_dims : dims (I_1, ..., I_N) of each tensor
    budget : numbers that all cores and factors together may store, at most

    Returns
    -------
    one rank tuple (J_1, ..., J_N) per tensor; the numbers stored never exceed the budget

    Raises
    ------
    ValueError
        If even rank 1 everywhere does not fit; the smallest possible budget is named.

    Examples
    --------
    >>> ranks_within([(20, 25), (10, 20, 25)], 600)
    [(20, 5), (5, 5, 4)]
    """
    least = _total(all_dims, _cubes(all_dims, 1))
    if least > budget:
        raise ValueError(
            f"budget is {budget} numbers; {len(all_dims)} tensors of dims {list(all_dims)} need at least "
            f"{least}, with every rank at 1"
        )
    sides = range(1, max(max(dims) for dims in all_dims) + 1)
    affordable = bisect_right(sides, budget, key=lambda side: _total(all_dims, _cubes(all_dims, side)))
    chosen = _cubes(all_dims, sides[affordable - 1])
    return _spend(all_dims, chosen, budget)


def _cubes(all_dims: Sequence[Dims], side: int) -> list[Dims]:
    """Ranks of cubes of this side, or as much of it as fits; the larger the side, the more it costs."""
    return [_tidy(dims, tuple(min(side, dim) for dim in dims)) for dims in all_dims]


def _spend(all_dims: Sequence[Dims], chosen: list[Dims], budget: int) -> list[Dims]:
    """Raise the smallest rank that can be paid for until none can."""
    spent = _total(all_dims, chosen)
    while True:
        steps = sorted(
            (rank[mode], k, mode)
            for k, rank in enumerate(chosen)
            for mode in range(len(rank))
            if rank[mode] < all_dims[k][mode]
        )
        for _, k, mode in steps:
            raised = _raise(all_dims[k], chosen[k], mode)
            extra = tucker_params(all_dims[k], raised) - tucker_params(all_dims[k], chosen[k])
            if raised != chosen[k] and spent + extra <= budget:
                chosen[k], spent = raised, spent + extra
                break
        else:
            return chosen


def _raise(dims: Dims, rank: Dims, mode: int) -> Dims:
    """One more in this mode; all of it where that is no dearer; unchanged where it would be wasted."""
    step = _with(rank, mode, rank[mode] + 1)
    full = _with(rank, mode, dims[mode])
    if tucker_params(dims, full) <= tucker_params(dims, step):
        return full
    return rank if step[mode] > math.prod(step) // step[mode] else step


def _tidy(dims: Dims, rank: Dims) -> Dims:
    """Make a mode full where this stores no more numbers, the smallest dimension first."""
    for mode in sorted(range(len(dims)), key=lambda n: dims[n]):
        full = _with(rank, mode, dims[mode])
        if tucker_params(dims, full) <= tucker_params(dims, rank):
            rank = full
    return rank


def _with(rank: Dims, mode: int, value: int) -> Dims:
    return (*rank[:mode], value, *rank[mode + 1 :])


def _total(all_dims: Sequence[Dims], ranks: Sequence[Dims]) -> int:
    return sum(tucker_params(dims, rank) for dims, rank in zip(all_dims, ranks, strict=True))
