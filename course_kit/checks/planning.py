"""Checks of assignment 3, second half: a planner of ranks that beats a greedy one."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import tucker_core
from course_kit.checks.variants import Variant, draw_shape
from course_kit.checks.verdict import CheckFailed, call, whole_numbers
from tucker_core.core_shapes import best_core_shapes, energy_losses

Dims = tuple[int, ...]
Losses = Sequence[npt.NDArray[np.float64]]

SLACK = 1e-9
ROOM = 1.3


class PlanCase(NamedTuple):
    """Several weights to plan: dims of each, numbers that may be stored, and the losses of the ranks."""

    dims: tuple[Dims, ...]
    budget: int
    losses: tuple[Losses, ...]


def plan_case(me: Variant, number: int = 0) -> PlanCase:
    """Draw a small network to plan, one on which `greedy_plan` does badly.

    The first layer's singular values fall slowly, the others' fast, and the greedy plan's loss is at
    least `ROOM` times the least: a planner that looks at costs then has room to beat it.

    Examples
    --------
    >>> from course_kit.checks.variants import variant
    >>> case = plan_case(variant("anna", 0))
    >>> [len(losses) for losses in case.losses]
    [3, 3]
    """
    rng = me.rng(f"plan {number}", anew=number > 0)
    while True:
        case = _draw_case(rng, 2 + number % 2)
        least = total_loss(best_core_shapes(*case), case.losses)
        if total_loss(greedy_plan(*case), case.losses) >= ROOM * least:
            return case


def _draw_case(rng: np.random.Generator, layers: int) -> PlanCase:
    dims = tuple(draw_shape(rng, 3, 5, 9) for _ in range(layers))
    falls = [rng.uniform(0.85, 0.95 if k == 0 else 0.9, 3) ** (1 + 2 * k) for k in range(layers)]
    losses = tuple(
        energy_losses(own, [fall ** np.arange(dim) for fall, dim in zip(row, own, strict=True)])
        for own, row in zip(dims, falls, strict=True)
    )
    share = float(rng.uniform(0.25, 0.45))
    return PlanCase(dims, int(share * sum(map(math.prod, dims))), losses)


def total_loss(ranks: Sequence[Sequence[int]], losses: Sequence[Losses]) -> float:
    """Add up the losses of the ranks (J_1, ..., J_N) of all layers: what a planner makes small.

    Examples
    --------
    >>> total_loss([(1, 2)], [[np.array([0.5, 0.0]), np.array([0.7, 0.1])]])
    0.6
    """
    pairs = zip(ranks, losses, strict=True)
    return sum(float(own[n][j - 1]) for rank, own in pairs for n, j in enumerate(rank))


def greedy_plan(dims: Sequence[Dims], budget: int, losses: Sequence[Losses]) -> list[Dims]:
    """Plan greedily: raise by one whichever rank lessens the loss most, whatever it costs, while it fits.

    Examples
    --------
    >>> greedy_plan([(4, 5)], 15, [energy_losses((4, 5))])
    [(2, 1)]
    """
    ranks = [[1] * len(own) for own in dims]

    def fits() -> bool:
        return sum(map(tucker_core.tucker_params, dims, ranks)) <= budget

    while True:
        places = [
            (k, n) for k, own in enumerate(dims) for n, dim in enumerate(own) if ranks[k][n] < dim
        ]
        gains = {
            (k, n): losses[k][n][ranks[k][n] - 1] - losses[k][n][ranks[k][n]] for k, n in places
        }
        for k, n in sorted(gains, key=lambda place: -gains[place]):
            ranks[k][n] += 1
            if fits():
                break
            ranks[k][n] -= 1
        else:
            return [tuple(rank) for rank in ranks]


def planner_within_budget(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check that `my_planner(dims, budget, losses)` keeps the budget and uses most of it.

    Raises
    ------
    CheckFailed
        With the numbers stored and the budget.
    """
    for case in _plan_cases(me, hard):
        what, ranks = _ranks_of(function, case)
        stored = sum(map(tucker_core.tucker_params, case.dims, ranks))
        if stored < case.budget / 2:
            raise CheckFailed(
                f"{what}: {ranks} stores {stored} numbers; {case.budget} are allowed, use more of them"
            )


def planner_beats_greedy(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check that `my_planner` has a smaller total loss than `greedy_plan`, on every network.

    Raises
    ------
    CheckFailed
        With both losses.
    """
    for case in _plan_cases(me, hard):
        what, ranks = _ranks_of(function, case)
        own, greedy = total_loss(ranks, case.losses), total_loss(greedy_plan(*case), case.losses)
        if not own < greedy * (1 - SLACK):
            raise CheckFailed(f"{what}: loss {own:.5f}, the greedy plan has {greedy:.5f}: beat it")


def planner_is_best(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check that no plan within the budget has a smaller total loss than that of `my_planner`.

    Raises
    ------
    CheckFailed
        With both losses; the best plan is not told.
    """
    for case in _plan_cases(me, hard):
        what, ranks = _ranks_of(function, case)
        own = total_loss(ranks, case.losses)
        best = total_loss(best_core_shapes(*case), case.losses)
        if own > best * (1 + SLACK) + SLACK:
            raise CheckFailed(
                f"{what}: loss {own:.5f}; another plan within the budget has {best:.5f}"
            )


def _plan_cases(me: Variant, hard: bool) -> Iterator[PlanCase]:
    return (plan_case(me, number) for number in (range(1, 5) if hard else range(1)))


def _ranks_of(function: Callable[..., Any], case: PlanCase) -> tuple[str, list[Dims]]:
    """The student's ranks, if they are some and keep the budget."""
    name = getattr(function, "__name__", "your planner")
    what = f"{name} with dims {list(case.dims)} and budget {case.budget}"
    got = list(call(function, *case, without=("plan_network",))[1])
    if len(got) != len(case.dims):
        raise CheckFailed(f"{what}: expected one rank per layer, {len(case.dims)}, got {len(got)}")
    ranks = [whole_numbers(what, rank, len(own)) for rank, own in zip(got, case.dims, strict=True)]
    try:
        stored = sum(map(tucker_core.tucker_params, case.dims, ranks))
    except ValueError as error:
        raise CheckFailed(f"{what}: {error}") from error
    if stored > case.budget:
        raise CheckFailed(f"{what}: {ranks} stores {stored} numbers, the budget is {case.budget}")
    return what, ranks
