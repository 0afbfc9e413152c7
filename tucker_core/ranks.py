"""Which ranks fit a budget? One search for one tensor and for a whole network.

The budget is a hard ceiling on the parameters stored. Within it the search makes the cores as large
and as close to cubes as it can: it starts from the largest cube J x ... x J that fits everywhere and
then raises, one step at a time, the smallest rank that can still be paid for. Two rules keep it from
paying for nothing:

- a rank above the product of the other ranks of its tensor adds no expressive power, and
- where a full mode (J_n = I_n, no factor) costs no more than the rank it replaces, it is taken.
"""

import math
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from numbers import Integral, Real

import numpy as np

from tucker_core.checks import (
    check_integer,
    check_mode,
    check_rank,
    check_real,
    check_sequence,
    check_shape,
    shown,
)
from tucker_core.counting import stored_params
from tucker_core.factorize import check_size

Dims = tuple[int, ...]


def validate_tucker_rank(
    shape: Sequence[int],
    rank: Iterable[int] | int | float,
    *,
    fixed_modes: Iterable[int] | None = None,
) -> Dims:
    """Turn what a user calls a rank into one rank per mode, or say why it cannot be.

    Parameters
    ----------
    shape : (I_1, ..., I_N)
    rank : one integer per mode (J_1, ..., J_N), checked and returned; int J, used in every mode but never
        above its dimension; float in (0, 1], the ranks that store at most that fraction of prod(I_n)
        numbers
    fixed_modes : modes that stay full, J_n = I_n, and get no factor; J or the fraction is for the others

    Returns
    -------
    (J_1, ..., J_N)

    Raises
    ------
    TypeError
        If rank is none of these, or a dimension or a mode is no integer.
    ValueError
        If a rank is below 1 or above its dimension, an int exceeds every dimension, a fixed mode is given
        another rank, or the fraction is not in (0, 1] or too small for any plan (the smallest possible
        is named).

    Examples
    --------
    >>> validate_tucker_rank((20, 25, 25, 32), 5)
    (5, 5, 5, 5)
    >>> from tucker_core import tucker_params
    >>> ranks = validate_tucker_rank((20, 25, 25, 32), 0.005)
    >>> tucker_params((20, 25, 25, 32), ranks) <= 0.005 * 400_000
    True
    >>> validate_tucker_rank((64, 32, 3, 3), 0.2, fixed_modes=[2, 3])  # a kernel's height and width
    (16, 15, 3, 3)
    """
    dims = check_size(shape)
    fixed = _check_fixed(fixed_modes, len(dims))
    if isinstance(rank, np.ndarray) and rank.ndim == 0:
        rank = rank[()]
    if isinstance(rank, bool | np.bool_ | str | bytes) or not isinstance(rank, Real | Iterable):
        raise TypeError(f"rank is {shown(rank)}; an int, a float or one int per mode is needed")
    if isinstance(rank, Iterable):
        return _check_given(dims, check_rank(dims, rank), fixed)
    if isinstance(rank, Integral):
        most = max((dim for mode, dim in enumerate(dims) if mode not in fixed), default=max(dims))
        side = check_integer(rank, "rank", 1, most, f"shape {shown(dims)} allows 1 to {most}")
        return tuple(dim if n in fixed else min(side, dim) for n, dim in enumerate(dims))
    fraction = check_real(rank, "rank", "a fraction of the parameters, in (0, 1]")
    if not 0 < fraction <= 1:
        raise ValueError(f"rank is {rank}; a float means a fraction of the parameters, in (0, 1]")
    return ranks_within([dims], int(fraction * math.prod(dims) + 1e-9), fixed)[0]


def _check_fixed(modes: Iterable[int] | None, order: int) -> tuple[int, ...]:
    if modes is None:
        return ()
    given = check_sequence(modes, "fixed_modes", "a list of modes")
    return tuple(check_mode(mode, order) for mode in given)


def _check_given(dims: Dims, rank: Dims, fixed: Collection[int]) -> Dims:
    for mode in fixed:
        if rank[mode] != dims[mode]:
            raise ValueError(
                f"rank[{mode}] is {rank[mode]}; mode {mode} of shape {dims} is one of fixed_modes, "
                f"which keep their dimension: {dims[mode]} is needed"
            )
    return rank


def ranks_within(
    all_dims: Sequence[Dims], budget: int, fixed_modes: Collection[int] = ()
) -> list[Dims]:
    """Choose the ranks of several tensors together under one ceiling of stored parameters.

    Parameters
    ----------
    all_dims : dims (I_1, ..., I_N) of each tensor
    budget : parameters that all cores and factors together may store, at most
    fixed_modes : modes that stay full in every tensor

    Returns
    -------
    one rank tuple (J_1, ..., J_N) per tensor; the parameters stored never exceed the budget

    Raises
    ------
    TypeError
        If a dimension or the budget is no integer.
    ValueError
        If there is no tensor, or even rank 1 everywhere does not fit; the smallest possible budget is
        named.

    Examples
    --------
    >>> ranks_within([(20, 25), (10, 20, 25)], 600)
    [(20, 5), (5, 5, 4)]
    """
    all_dims, budget = check_tensors(all_dims), check_budget(budget)
    fixed = frozenset(fixed_modes)
    least = _total(all_dims, _cubes(all_dims, 1, fixed))
    if least > budget:
        others = (
            f"every other rank at 1 and modes {sorted(fixed)} full" if fixed else "every rank at 1"
        )
        raise ValueError(
            f"budget is {budget} parameters; {len(all_dims)} tensors of dims {shown(all_dims)} need at "
            f"least {least}, with {others}"
        )
    sides = range(1, max(max(dims) for dims in all_dims) + 1)

    def cost(side: int) -> int:
        return _total(all_dims, _cubes(all_dims, side, fixed))

    affordable = bisect_right(sides, budget, key=cost)
    return _spend(all_dims, _cubes(all_dims, sides[affordable - 1], fixed), budget)


def check_tensors(all_dims: Iterable[Iterable[int]]) -> list[Dims]:
    """Return the dims of several tensors as tuples of ints.

    Raises
    ------
    TypeError, ValueError
        If there is none, or a dimension is no integer >= 1.

    Examples
    --------
    >>> check_tensors([[2, 3]])
    [(2, 3)]
    """
    given = check_sequence(all_dims, "all_dims", "one shape per tensor")
    if not given:
        raise ValueError("all_dims is (); the dims of at least one tensor are needed")
    return [check_shape(dims, f"all_dims[{k}]") for k, dims in enumerate(given)]


def check_budget(budget: int) -> int:
    """Return the budget if it is an integer; whether it suffices only the search can say.

    Raises
    ------
    TypeError
        If it is no integer.

    Examples
    --------
    >>> check_budget(np.int64(100))
    100
    """
    return check_integer(budget, "budget", limit="it counts the parameters that may be stored")


def _cubes(all_dims: Sequence[Dims], side: int, fixed: Collection[int]) -> list[Dims]:
    """Ranks of cubes of this side, or as much of it as fits; the larger the side, the more they cost."""
    return [
        _tidy(dims, tuple(dim if n in fixed else min(side, dim) for n, dim in enumerate(dims)))
        for dims in all_dims
    ]


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
            extra = stored_params(all_dims[k], raised) - stored_params(all_dims[k], chosen[k])
            if raised != chosen[k] and spent + extra <= budget:
                chosen[k], spent = raised, spent + extra
                break
        else:
            return chosen


def _raise(dims: Dims, rank: Dims, mode: int) -> Dims:
    """One more in this mode; all of it where that is no dearer; unchanged where it would be wasted."""
    step = _with(rank, mode, rank[mode] + 1)
    full = _with(rank, mode, dims[mode])
    if stored_params(dims, full) <= stored_params(dims, step):
        return full
    return rank if step[mode] > math.prod(step) // step[mode] else step


def _tidy(dims: Dims, rank: Dims) -> Dims:
    """Make a mode full where this stores no more parameters, the smallest dimension first."""
    for mode in sorted(range(len(dims)), key=lambda n: dims[n]):
        full = _with(rank, mode, dims[mode])
        if stored_params(dims, full) <= stored_params(dims, rank):
            rank = full
    return rank


def _with(rank: Dims, mode: int, value: int) -> Dims:
    return (*rank[:mode], value, *rank[mode + 1 :])


def _total(all_dims: Sequence[Dims], ranks: Sequence[Dims]) -> int:
    return sum(stored_params(dims, rank) for dims, rank in zip(all_dims, ranks, strict=True))
