"""Checks of assignment 3, first half: counting numbers, factorizing, balanced dimensions."""

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import tucker_core
from course_kit.checks.variants import Variant, draw_shape
from course_kit.checks.verdict import (
    CheckFailed,
    Suspects,
    call,
    same_answers,
    same_number,
    whole_numbers,
)

Dims = tuple[int, ...]

# The divisor nearest to the root is not always the one to take: 444 and 1,380 show it.
COMPOSITES = (96, 180, 360, 444, 480, 720, 840, 1_380, 2_520, 5_040)
PRIMES = (97, 199, 397)


def count_numbers(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check `my_count(dims, rank)`: what a Tucker format stores, full modes without a matrix.

    Raises
    ------
    CheckFailed
        At the first wrong count, with the likely cause.
    """
    rng = me.rng(f"count {hard}", anew=hard)
    for order in (2, 5, 4) if hard else (3, 3):
        dims = draw_shape(rng, order, 3, 12)
        rank = tuple(int(rng.integers(1, dim)) for dim in dims)
        for ranks in (rank, (dims[0], *rank[1:])):
            what, got = call(function, dims, ranks, without=("tucker_params",))
            core, whole = math.prod(ranks), tucker_core.tucker_params(dims, ranks)
            mistakes: Suspects = [
                (
                    "a full mode, J_n = I_n, needs no matrix",
                    core + sum(map(int.__mul__, dims, ranks)),
                ),
                ("the core was left out", whole - core),
                ("the core has the product of the ranks, not their sum", whole - core + sum(ranks)),
            ]
            same_number(what, got, whole, mistakes)


def factor_tuples(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check `my_factorizations(n, order)`: every way to write n as a product, each once.

    Raises
    ------
    CheckFailed
        With a product that is wrong, missing, or there twice.
    """
    numbers = (me.pick("composite", COMPOSITES), 12)
    for n in (*numbers, me.pick("prime", PRIMES), 1) if hard else numbers:
        for order in (1, 2, 3, 4) if hard else (2, 3):
            what, got = call(function, n, order, without=("factorizations",))
            try:
                found = [tuple(sorted(int(factor) for factor in way)) for way in got]
            except (TypeError, ValueError) as error:
                raise CheckFailed(f"{what}: expected tuples of whole numbers: {error}") from error
            _same_ways(what, found, n, order)


def _same_ways(what: str, found: list[Dims], n: int, order: int) -> None:
    truth = tucker_core.factorizations(n, order)
    wrong = [way for way in found if way not in truth]
    if wrong:
        raise CheckFailed(f"{what}: {wrong[0]} is not a product of {order} factors that gives {n}")
    missing = [way for way in truth if way not in found]
    if missing:
        ones = ". Likely cause: factors of 1 count too" if 1 in missing[0] else ""
        raise CheckFailed(f"{what}: {missing[0]} is missing, one of {len(missing)}{ones}")
    if len(set(found)) < len(found):
        raise CheckFailed(
            f"{what}: {len(found)} ways instead of {len(truth)}: 2 x 3 and 3 x 2 are one way"
        )


def balance_dims(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check `my_balance(n, order)`: least sum, and at equal sums the least largest.

    Raises
    ------
    CheckFailed
        With both tuples, and what is better about the right one.
    """
    numbers = COMPOSITES if hard else (me.pick("balance", COMPOSITES),)
    for n, order in itertools.product(numbers, (2, 3, 4)):
        what, got = call(function, n, order, without=("balance_dims", "plan_reshape"))
        dims = whole_numbers(what, got, order)
        truth = tucker_core.balance_dims(n, order)
        if math.prod(dims) != n:
            raise CheckFailed(f"{what}: {dims} has the product {math.prod(dims)}, not {n}")
        if sum(dims) > sum(truth):
            raise CheckFailed(f"{what}: {dims} has the sum {sum(dims)}; the least is {sum(truth)}")
        if max(dims) > max(truth):
            raise CheckFailed(
                f"{what}: {dims} has the least sum, but another of that sum has a largest of {max(truth)}"
            )


def largest_cube(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check `my_cube(dims, budget)`: the largest J whose core J x ... x J fits, with its matrices.

    Raises
    ------
    CheckFailed
        With both numbers and the likely cause.
    """
    rng = me.rng(f"cube {hard}", anew=hard)
    for order in (2, 3, 4, 5) if hard else (3, 4):
        dims = tuple(int(dim) for dim in rng.integers(12, 40, order))
        sums = [j**order + j * sum(dims) for j in range(1, 12)]
        for budget in (sums[4], sums[5] - 1, int(rng.integers(sums[2], sums[7]))):
            what, got = call(function, dims, budget)
            truth = sum(total <= budget for total in sums)
            without = (j for j in range(1, budget + 1) if j**order <= budget)
            mistakes: Suspects = [
                ("one too far: this J is the first that does not fit", truth + 1),
                ("a budget is a ceiling and may be used up", sum(n < budget for n in sums)),
                ("the matrices were left out", max(without)),
            ]
            same_number(what, got, truth, mistakes)


class BalanceQuestion(NamedTuple):
    """A student's own layer in the last problem of assignment 3."""

    shape: tuple[int, int]
    order: int
    budget: int


def balance_question(me: Variant) -> BalanceQuestion:
    """Draw the layer that a student is asked about.

    Examples
    --------
    >>> from course_kit.checks.variants import variant
    >>> len(balance_question(variant("anna", 0)).shape)
    2
    """
    rng = me.rng("a3 question")
    sizes = rng.choice([120, 150, 180, 200, 240, 300, 360, 400, 480, 500, 600], 2, replace=False)
    shape = (int(sizes[0]), int(sizes[1]))
    return BalanceQuestion(shape, int(rng.integers(3, 5)), int(rng.integers(15, 30)) * 100)


def balance_numbers(answers: Any, me: Variant) -> None:
    """Check the numbers that a student worked out for their own layer.

    Raises
    ------
    CheckFailed
        With the name of the first wrong number and how to find it; the number itself is not told.
    """
    shape, order, budget = balance_question(me)
    dims = tucker_core.balance_dims(math.prod(shape), order)
    cubes = range(1, max(dims) + 1)
    truth = {
        "sum": sum(dims),
        "cube": max(j for j in cubes if j**order + j * sum(dims) <= budget),
        "matrix": max(j for j in cubes if j**2 + j * sum(shape) <= budget),
    }
    hints = {
        "sum": "the sum of the balanced dims of all entries, at the order you were given",
        "cube": "the largest J at these dims and this budget",
        "matrix": "the largest J for the matrix as it is: order 2, dims as the shape",
    }
    same_answers(answers, truth, hints)
