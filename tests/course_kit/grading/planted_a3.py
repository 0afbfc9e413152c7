"""Wrong answers to assignment 3, and right ones in another style."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import tucker_core
from course_kit.checks import greedy_plan, total_loss
from tests.course_kit.grading.assignment_runs import Planted, Wrong
from tucker_core import tucker_params

Dims = tuple[int, ...]
Losses = Sequence[Sequence[np.ndarray[Any, Any]]]


def count_all_matrices(dims: Dims, rank: Dims) -> int:
    return math.prod(rank) + sum(i * j for i, j in zip(dims, rank, strict=True))


def count_no_core(dims: Dims, rank: Dims) -> int:
    return count_loops(dims, rank) - math.prod(rank)


def count_sum_of_ranks(dims: Dims, rank: Dims) -> int:
    return count_no_core(dims, rank) + sum(rank)


def count_by_the_library(dims: Dims, rank: Dims) -> int:
    return tucker_core.tucker_params(dims, rank)


def count_loops(dims: Dims, rank: Dims) -> int:
    core, matrices = 1, 0
    for i, j in zip(dims, rank, strict=True):
        core *= j
        if j != i:
            matrices += i * j
    return core + matrices


def count_numpy(dims: Dims, rank: Dims) -> Any:
    i, j = np.array(dims), np.array(rank)
    return np.prod(j) + np.dot(i, j * (j < i))


def factor_no_ones(n: int, order: int) -> list[Dims]:
    return [way for way in factor_recursive(n, order) if 1 not in way or n == 1]


def factor_in_any_order(n: int, order: int) -> list[Dims]:
    if order == 1:
        return [(n,)]
    firsts = (d for d in range(1, n + 1) if n % d == 0)
    return [(d, *rest) for d in firsts for rest in factor_in_any_order(n // d, order - 1)]


def factor_wrong_product(n: int, order: int) -> list[Dims]:
    return [(*way[:-1], way[-1] + 1) for way in factor_recursive(n, order)]


def factor_recursive(n: int, order: int) -> list[Dims]:
    """From the largest factor down."""
    if order == 1:
        return [(n,)]
    ways = []
    for last in range(n, 0, -1):
        if n % last == 0:
            ways += [(*w, last) for w in factor_recursive(n // last, order - 1) if max(w) <= last]
    return ways


def factor_set(n: int, order: int) -> set[Dims]:
    return {tuple(sorted(way)) for way in factor_in_any_order(n, order)}


def balance_first(n: int, order: int) -> Dims:
    return tucker_core.factorizations(n, order)[0]


def balance_falls_short(n: int, order: int) -> Dims:
    return (round(n ** (1 / order)),) * order


def balance_least_smallest(n: int, order: int) -> Dims:
    """Least sum, but of equal sums the most lopsided; and that is wrong only where there are two."""
    return min(tucker_core.factorizations(n, order), key=lambda way: (sum(way), -max(way)))


def balance_greedy(n: int, order: int) -> Dims:
    """The divisor nearest to the root first: good, and not always best."""
    dims = []
    for left in range(order, 1, -1):
        root = n ** (1 / left)
        nearest = min((d for d in range(1, n + 1) if n % d == 0), key=lambda d: abs(d - root))
        dims.append(nearest)
        n //= nearest
    return (*dims, n)


def balance_loops(n: int, order: int) -> Dims:
    best: Dims = ()
    for way in factor_recursive(n, order):
        if not best or (sum(way), max(way)) < (sum(best), max(best)):
            best = way
    return best


def balance_sorted(n: int, order: int) -> list[int]:
    return list(sorted(factor_set(n, order), key=lambda way: (sum(way), max(way)))[0])


def cube_one_too_far(dims: Dims, budget: int) -> int:
    return cube_loop(dims, budget) + 1


def cube_stays_below(dims: Dims, budget: int) -> int:
    return cube_loop(dims, budget - 1)


def cube_no_matrices(dims: Dims, budget: int) -> int:
    J = 1
    while (J + 1) ** len(dims) <= budget:
        J += 1
    return J


def cube_loop(dims: Dims, budget: int) -> int:
    J = 1
    while (J + 1) ** len(dims) + (J + 1) * sum(dims) <= budget:
        J += 1
    return J


def cube_numpy(dims: Dims, budget: int) -> int:
    J = np.arange(1, budget)
    return int((J * sum(dims) + J.astype(float) ** len(dims) <= budget).sum())


def planner_full(dims: Sequence[Dims], budget: int, losses: Losses) -> list[Dims]:
    return list(dims)


def planner_ones(dims: Sequence[Dims], budget: int, losses: Losses) -> list[Dims]:
    return [(1,) * len(own) for own in dims]


def planner_equal(dims: Sequence[Dims], budget: int, losses: Losses) -> list[Dims]:
    """One rank for all modes of all layers."""
    return _cube(dims, budget)


def _cube(dims: Sequence[Dims], budget: int) -> list[Dims]:
    plans = [[tuple(min(j, i) for i in own) for own in dims] for j in range(1, 10)]
    return [plan for plan in plans if sum(map(tucker_params, dims, plan)) <= budget][-1]


def planner_greedy(dims: Sequence[Dims], budget: int, losses: Losses) -> list[Dims]:
    return greedy_plan(dims, budget, losses)


def planner_by_price(dims: Sequence[Dims], budget: int, losses: Losses) -> list[Dims]:
    """Gain per number: better than greedy, not best."""
    ranks = [[1] * len(own) for own in dims]

    def stored() -> int:
        return sum(map(tucker_params, dims, ranks))

    while True:
        before, steps = stored(), []
        for k, own in enumerate(dims):
            for n, dim in enumerate(own):
                old = ranks[k][n]
                for new in range(old + 1, dim + 1):
                    ranks[k][n] = new
                    price = stored() - before
                    gain = losses[k][n][old - 1] - losses[k][n][new - 1]
                    if before + price <= budget:
                        steps.append((gain / max(price, 1e-9), k, n, new))
                ranks[k][n] = old
        if not steps:
            return [tuple(rank) for rank in ranks]
        _, k, n, new = max(steps)
        ranks[k][n] = new


def planner_meet(dims: Sequence[Dims], budget: int, losses: Losses) -> list[Dims]:
    """Exact: what no other shape beats in both numbers and loss, layer after layer."""
    plans: list[tuple[int, float, list[Dims]]] = [(0, 0.0, [])]
    for own, loss in zip(dims, losses, strict=True):
        ranks = itertools.product(*(range(1, dim + 1) for dim in own))
        shapes = [(tucker_params(own, rank), total_loss([rank], [loss]), rank) for rank in ranks]
        shapes = _unbeaten([shape for shape in shapes if shape[0] <= budget])
        both = [
            (cost + more, lost + extra, [*plan, rank])
            for cost, lost, plan in plans
            for more, extra, rank in shapes
            if cost + more <= budget
        ]
        plans = _unbeaten(both)
    return plans[-1][2]


def _unbeaten(options: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for option in sorted(options, key=lambda option: option[:2]):
        if not kept or option[1] < kept[-1][1]:
            kept.append(option)
    return kept


def planner_tables(dims: Sequence[Dims], budget: int, losses: Losses) -> list[Dims]:
    """Exact: a table over what is left of the budget, filled from the last layer to the first."""
    after = np.zeros(budget + 1)
    choices = []
    for own, loss in zip(reversed(dims), reversed(losses), strict=True):
        now, choice = np.full(budget + 1, np.inf), [own] * (budget + 1)
        for index in np.ndindex(*own):
            rank = tuple(j + 1 for j in index)
            cost, lost = tucker_params(own, rank), total_loss([rank], [loss])
            if cost <= budget:
                with_it = after[: budget + 1 - cost] + lost
                better = np.flatnonzero(with_it < now[cost:]) + cost
                now[better] = after[better - cost] + lost
                for b in better:
                    choice[b] = rank
        after = now
        choices.append(choice)
    plan = []
    for own, choice in zip(dims, reversed(choices), strict=True):
        plan.append(choice[budget])
        budget -= tucker_params(own, plan[-1])
    return plan


PLANTED = {
    "test-count": Planted(
        "my_count",
        [
            Wrong(count_all_matrices, "a full mode, J_n = I_n, needs no matrix"),
            Wrong(count_no_core, "the core was left out"),
            Wrong(count_sum_of_ranks, "not their sum"),
            Wrong(count_by_the_library, "tucker_core.tucker_params is what is to be written"),
        ],
        [count_loops, count_numpy],
    ),
    "test-factor": Planted(
        "my_factorizations",
        [
            Wrong(factor_no_ones, "factors of 1 count too"),
            Wrong(factor_in_any_order, "are one way"),
            Wrong(factor_wrong_product, "is not a product"),
        ],
        [factor_recursive, factor_set],
    ),
    "test-balance": Planted(
        "my_balance",
        [
            Wrong(balance_first, "the least is"),
            Wrong(balance_falls_short, "has the product"),
            Wrong(balance_greedy, "the least is"),
            Wrong(balance_least_smallest, "has the least sum, but"),
        ],
        [balance_loops, balance_sorted],
    ),
    "test-cube": Planted(
        "my_cube",
        [
            Wrong(cube_one_too_far, "one too far"),
            Wrong(cube_stays_below, "a ceiling and may be used up"),
            Wrong(cube_no_matrices, "the matrices were left out"),
        ],
        [cube_loop, cube_numpy],
    ),
    "test-plan-budget": Planted(
        "my_planner",
        [Wrong(planner_full, "the budget is"), Wrong(planner_ones, "use more of them")],
        [planner_greedy, planner_by_price],
    ),
    "test-plan-greedy": Planted(
        "my_planner",
        [Wrong(planner_greedy, "beat it"), Wrong(planner_equal, "beat it")],
        [planner_meet, planner_by_price],
    ),
    "test-plan-best": Planted(
        "my_planner",
        [
            Wrong(planner_by_price, "another plan within the budget"),
            Wrong(planner_greedy, "another plan within the budget"),
        ],
        [planner_meet, planner_tables],
    ),
}
