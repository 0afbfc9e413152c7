"""Checks of assignment 2, second half: the ranks that a budget, or an error, allows."""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import tucker_core
from course_kit.checks.decompose import SLACK, error_bounds_of
from course_kit.checks.variants import Tensor, Variant, draw_fading_tensor, draw_shape
from course_kit.checks.verdict import CheckFailed, call, same_answers, whole_numbers

Rank = tuple[int, ...]

TOLERANCE = 0.1  # relative error that the question allows


def rank_within_budget(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check that `my_rank(tensor, budget)` keeps the budget and is no worse than equal ranks.

    Raises
    ------
    CheckFailed
        With the numbers stored and the budget, or with both bounds.
    """
    for tensor, budget in _budgets(me, hard):
        what, rank = _rank_of(function, tensor, budget)
        own, equal = error_bounds_of(tensor, rank)[1], _equal_rank_bound(tensor, budget)
        if own > equal * SLACK:
            raise CheckFailed(
                f"{what}: rank {rank} has the bound {own:.4g}; equal ranks already reach {equal:.4g}"
            )


def rank_is_best(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check that of all ranks within the budget `my_rank(tensor, budget)` has the least upper bound.

    Raises
    ------
    CheckFailed
        With both bounds; the best rank is not told.
    """
    for tensor, budget in _budgets(me, hard):
        what, rank = _rank_of(function, tensor, budget)
        own, best = error_bounds_of(tensor, rank)[1], _best_bound(tensor, budget)
        if own > best * SLACK:
            raise CheckFailed(
                f"{what}: rank {rank} has the bound {own:.6g}, and another rank within the budget has "
                f"{best:.6g}. Likely cause: not all ranks were tried, or full modes were charged for"
            )


class RankQuestion(NamedTuple):
    """A student's own tensor in the last problem of assignment 2, and the relative error allowed."""

    tensor: Tensor
    tolerance: float


def rank_question(me: Variant) -> RankQuestion:
    """Draw the tensor that a student is asked about.

    Examples
    --------
    >>> from course_kit.checks.variants import variant
    >>> rank_question(variant("anna", 0)).tensor.ndim
    3
    """
    rng = me.rng("a2 question")
    return RankQuestion(draw_fading_tensor(rng, draw_shape(rng, 3, 8, 16)), TOLERANCE)


def rank_numbers(answers: Any, me: Variant) -> None:
    """Check the numbers that a student worked out for their own tensor.

    Raises
    ------
    CheckFailed
        With the name of the first wrong number and how to find it; the number itself is not told.
    """
    tensor, tolerance = rank_question(me)
    allowed = tolerance * float(np.linalg.norm(tensor))
    cubes = [tuple(min(j, dim) for dim in tensor.shape) for j in range(1, max(tensor.shape) + 1)]
    cube = next(rank for rank in cubes if error_bounds_of(tensor, rank)[1] <= allowed)
    truth = {"rank": max(cube), "numbers": tucker_core.tucker_params(tensor.shape, cube)}
    hints = {
        "rank": "the smallest J whose upper bound is at most the tolerance times the norm",
        "numbers": "count core and matrices with tucker_params",
    }
    same_answers(answers, truth, hints)


def _equal_rank_bound(tensor: Tensor, budget: int) -> float:
    """Upper bound at the largest equal ranks within the budget."""
    cubes = [tuple(min(j, dim) for dim in tensor.shape) for j in range(1, max(tensor.shape) + 1)]
    fit = [rank for rank in cubes if tucker_core.tucker_params(tensor.shape, rank) <= budget]
    return error_bounds_of(tensor, fit[-1])[1]


def _best_bound(tensor: Tensor, budget: int) -> float:
    """Least upper bound within the budget: every rank is tried."""
    shape, spectra = tensor.shape, tucker_core.multilinear_singular_values(tensor)
    tails = [np.append(np.cumsum(s[::-1] ** 2)[::-1], 0.0) for s in spectra]
    ranks = itertools.product(*(range(1, dim + 1) for dim in shape))
    fit = (rank for rank in ranks if tucker_core.tucker_params(shape, rank) <= budget)
    return math.sqrt(min(sum(t[j] for t, j in zip(tails, rank, strict=True)) for rank in fit))


def _rank_of(function: Callable[..., Any], tensor: Tensor, budget: int) -> tuple[str, Rank]:
    """The student's rank, if it is one and keeps the budget."""
    what, got = call(function, tensor, budget)
    rank = whole_numbers(what, got, tensor.ndim)
    try:
        stored = tucker_core.tucker_params(tensor.shape, rank)
    except ValueError as error:
        raise CheckFailed(f"{what}: {error}") from error
    if stored > budget:
        raise CheckFailed(f"{what}: rank {rank} stores {stored} numbers, the budget is {budget}")
    return what, rank


def _budgets(me: Variant, hard: bool) -> Iterator[tuple[Tensor, int]]:
    rng = me.rng(f"budgets {hard}", anew=hard)
    for share in (0.2, 0.35, 0.6) if hard else (0.4,):
        tensor = draw_fading_tensor(rng, draw_shape(rng, 3, 3, 8))
        least = tucker_core.tucker_params(tensor.shape, (1, 1, 1))
        yield tensor, max(least, int(share * tensor.size))
