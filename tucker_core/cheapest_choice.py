"""One option for every weight under one ceiling, so that all losses add up to least.

An option costs parameters (or bytes) and loses something. A dynamic programme over the budget, cut into
portions, finds the best choice; what rounding up to whole portions left over is then spent on whatever
brings most for it, until nothing that fits is better.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tucker_core.core_curves import frontier

Costs = npt.NDArray[np.int64]
Losses = npt.NDArray[np.float64]

_PORTIONS = 20_000  # of a budget; one of fewer parameters is shared out number by number
_FINENESS = 250.0  # options whose costs differ by less than a part in so many are taken for one


def cheapest_choice(costs: Sequence[Costs], losses: Sequence[Losses], budget: int) -> list[int]:
    """One option of each list, with the least sum of losses and a sum of costs within the budget.

    Parameters
    ----------
    costs, losses : of the options of each weight, in any order
    budget : at least the sum of the least costs

    Raises
    ------
    ValueError
        If not even the cheapest options fit; the budget for them is named.

    Examples
    --------
    >>> costs = [np.array([1, 5]), np.array([2, 4])]
    >>> cheapest_choice(costs, [np.array([9.0, 0.0]), np.array([3.0, 0.0])], 7)
    [1, 0]
    """
    fronts = [frontier(c, loss) for c, loss in zip(costs, losses, strict=True)]
    good_costs = [c[front] for c, front in zip(costs, fronts, strict=True)]
    good_losses = [loss[front] for loss, front in zip(losses, fronts, strict=True)]
    least = sum(int(own[0]) for own in good_costs)
    if least > budget:
        raise ValueError(f"budget is {budget}; {len(costs)} weights need at least {least}")
    chosen = _in_portions(good_costs, good_losses, budget)
    _spend_rest(good_costs, good_losses, chosen, budget)
    return [int(front[k]) for front, k in zip(fronts, chosen, strict=True)]


def _in_portions(costs: Sequence[Costs], losses: Sequence[Losses], budget: int) -> list[int]:
    """The best choice if every option takes whole portions of the budget."""
    from tucker_core.kernels.search import add_layer

    portion = max(1, budget // _PORTIONS)
    portions = budget // portion
    best = np.zeros(portions + 1)
    picks, steps, choices = list[Costs](), list[Costs](), list[Costs]()
    for own, loss in zip(costs, losses, strict=True):
        taken = -(-own // portion)
        pick = _last_of_each(np.log(own) * _FINENESS)
        best, choice = add_layer(best, taken[pick], loss[pick])
        picks.append(pick)
        steps.append(taken[pick])
        choices.append(choice)
    if choices[-1][portions] < 0:  # only the cheapest fit, and rounding up hid that
        return [0] * len(costs)
    chosen, left = list[int](), portions
    for pick, step, choice in zip(reversed(picks), reversed(steps), reversed(choices), strict=True):
        chosen.append(int(pick[choice[left]]))
        left -= int(step[choice[left]])
    return chosen[::-1]


def _last_of_each(levels: Losses) -> Costs:
    """Indices of the first entry, and of the last one of each integer of a rising list."""
    whole = np.floor(levels)
    last = np.append(np.flatnonzero(np.diff(whole)), len(whole) - 1)
    return last if last[0] == 0 else np.append(0, last)


def _spend_rest(
    costs: Sequence[Costs], losses: Sequence[Losses], chosen: list[int], budget: int
) -> None:
    """Take, again and again, the change that saves most loss for what it costs, while any fits."""
    left = budget - sum(int(own[k]) for own, k in zip(costs, chosen, strict=True))
    while True:
        best, change = 0.0, None
        for n, (own, loss) in enumerate(zip(costs, losses, strict=True)):
            k = chosen[n]
            end = int(np.searchsorted(own, own[k] + left, side="right"))
            if end > k + 1:
                gains = (loss[k] - loss[k + 1 : end]) / (own[k + 1 : end] - own[k])
                top = int(np.argmax(gains))
                if gains[top] > best:
                    best, change = float(gains[top]), (n, k + 1 + top)
        if change is None:
            return
        n, k = change
        left -= int(costs[n][k] - costs[n][chosen[n]])
        chosen[n] = k
