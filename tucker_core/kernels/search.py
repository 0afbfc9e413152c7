"""Searches over integers: factorizations, core shapes, and how layers share a budget.

The plain references are `factorize.plain_factorizations` and `core_shapes.plain_core_shapes`. All three
searches walk a tree of choices depth first, without recursion, and leave a branch as soon as a lower
bound says that nothing in it can be of use.
"""

import numpy as np
import numpy.typing as npt

from tucker_core.kernels.jit import lazily_compiled

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOST_DIVISORS = 6_720  # of any number up to 2^40


@lazily_compiled
def divisors(n: int) -> Integers:
    """All divisors of n, rising."""
    count, d = 0, 1
    small = np.empty(MOST_DIVISORS, np.int64)
    while d * d <= n:
        if n % d == 0:
            small[count] = d
            count += 1
        d += 1
    square = count > 0 and small[count - 1] * small[count - 1] == n
    found = np.empty(2 * count - int(square), np.int64)
    for k in range(count):
        found[k] = small[k]
        found[len(found) - 1 - k] = n // small[k]
    return found


@lazily_compiled
def fits(divisor: int, times: int, number: int) -> bool:
    """Whether divisor ** times <= number, without the overflow."""
    for _ in range(times):
        number //= divisor
    return number >= 1


@lazily_compiled
def all_factorizations(n: int, order: int, most: int) -> Integers:
    """Rows (I_1 <= ... <= I_order) with product n, in lexicographic order; order is at least 2.

    The search ends with the first row above `most`.
    """
    choices = divisors(n)
    found, count, depth = np.empty((64, order), np.int64), 0, 0
    at = np.zeros(order, np.int64)  # which divisor is tried at each depth
    rest = np.full(order, n, np.int64)  # what the dims from this depth on must multiply to
    row = np.empty(order, np.int64)
    while depth >= 0 and count <= most:
        if depth == order - 2:  # the last two dims in a loop of their own: half the time
            pair = rest[depth]
            for k in range(at[depth], len(choices)):
                divisor, quotient = choices[k], pair // choices[k]
                if quotient < divisor:
                    break
                if quotient * divisor != pair:
                    continue
                row[depth], row[depth + 1] = divisor, quotient
                if count == len(found):
                    found = twice_as_long(found)
                for i in range(order):  # found[count] = row takes 3.3 s to compile, this 0.8 s
                    found[count, i] = row[i]
                count += 1
            depth -= 1
        elif at[depth] < len(choices) and fits(choices[at[depth]], order - depth, rest[depth]):
            divisor = choices[at[depth]]
            if rest[depth] % divisor == 0:
                row[depth] = divisor
                rest[depth + 1] = rest[depth] // divisor
                at[depth + 1] = at[depth]
                depth += 1
            else:
                at[depth] += 1
            continue
        else:
            depth -= 1
        if depth >= 0:
            at[depth] += 1
    return found[:count]


@lazily_compiled
def twice_as_long(rows: Integers) -> Integers:
    """A copy with as many empty rows behind."""
    count, order = rows.shape
    longer = np.empty((2 * count, order), np.int64)
    for i in range(count):
        for k in range(order):
            longer[i, k] = rows[i, k]
    return longer


@lazily_compiled
def most_balanced(n: int, order: int) -> Integers:
    """The row of `all_factorizations` of least sum, then least largest, then first in order.

    Each depth tries the largest divisor first, because that is the balanced one; the least sum that is
    still possible grows from there, so the first divisor that is too dear ends the depth.
    """
    choices = divisors(n)
    prime = largest_prime(choices)
    best, least, largest = np.ones(order, np.int64), n + order, n + 1
    depth, spent = 0, np.zeros(order + 1, np.int64)
    rest, row = np.full(order, n, np.int64), np.ones(order, np.int64)
    at = np.zeros(order, np.int64)
    at[0] = len(choices) - 1
    while depth >= 0:
        left, number = order - depth, rest[depth]
        if left == 1:
            row[depth] = number
            total = spent[depth] + number
            better = total < least or (total == least and number < largest)
            if better or (total == least and number == largest and precedes(row, best)):
                best, least, largest = row.copy(), total, number
            depth -= 1
            continue
        k = at[depth]
        at[depth] -= 1
        if k < 0 or (depth > 0 and choices[k] < row[depth - 1]):
            depth -= 1
            continue
        divisor = choices[k]
        if not fits(divisor, left, number):
            continue
        room = least + 1e-6 - spent[depth] - divisor
        if (left - 1) * (number / divisor) ** (1 / (left - 1)) > room:
            depth -= 1
        elif number % divisor == 0 and least_sum(number / divisor, left - 1, prime) <= room:
            row[depth] = divisor
            rest[depth + 1], spent[depth + 1] = number // divisor, spent[depth] + divisor
            at[depth + 1] = len(choices) - 1
            depth += 1
    return best


@lazily_compiled
def least_sum(number: float, count: int, prime: int) -> float:
    """Lower bound on the sum of `count` factors of a number, one of which holds the prime."""
    even = number ** (1 / count)
    if even >= prime:
        return float(count * even)
    return float(prime + (count - 1) * (number / prime) ** (1 / max(count - 1, 1)))


@lazily_compiled
def largest_prime(choices: Integers) -> int:
    """The largest prime of a number, given its divisors: the last that still divides what is left."""
    prime, left = 1, choices[-1]
    for divisor in choices[1:]:
        while left % divisor == 0:
            prime, left = divisor, left // divisor
    return int(prime)


@lazily_compiled
def precedes(one: Integers, other: Integers) -> bool:
    """Whether one row comes before the other in lexicographic order."""
    for a, b in zip(one, other):  # noqa: B905 - numba knows no strict
        if a != b:
            return bool(a < b)
    return False


@lazily_compiled
def cheapest_losses(
    limits: Integers,
    prices: Integers,
    full_is_free: bool,
    losses: Floats,
    budget: int,
    most_steps: int,
) -> tuple[Floats, Integers, int]:
    """For every number of stored numbers: the least loss of a core shape, and which shape that is.

    A core (J_1, ..., J_N), 1 <= J_n <= limits[n], stores prod(J_n) + sum(prices[n] J_n) numbers, without
    the n-th product where J_n = limits[n] and `full_is_free`. Its loss is the sum of
    losses[n, J_n - 1]. Ranks above the product of all others say nothing new and are left out.

    Returns arrays of budget + 1 entries: the loss (infinite where there is no shape), and the shape as
    an index into an array of shape `limits`; and the steps taken, at most one more than `most_steps`.
    """
    order = len(limits)
    best, shape = np.full(budget + 1, np.inf), np.zeros(budget + 1, np.int64)
    ranks, depth = np.zeros(order, np.int64), 0
    core, spent = np.ones(order + 1, np.int64), np.zeros(order + 1, np.int64)
    lost, index = np.zeros(order + 1), np.zeros(order + 1, np.int64)
    steps = 0
    while depth >= 0 and steps <= most_steps:
        steps += 1
        ranks[depth] += 1
        rank, limit = ranks[depth], limits[depth]
        if rank > limit:
            ranks[depth] = 0
            depth -= 1
            continue
        free = full_is_free and rank == limit
        volume = core[depth] * rank
        numbers = spent[depth] + (0 if free else rank * prices[depth])
        if numbers + volume > budget:  # so have all larger ranks, but perhaps not the full one
            ranks[depth] = max(rank, limit - 1) if full_is_free else limit
            continue
        core[depth + 1], spent[depth + 1] = volume, numbers
        lost[depth + 1] = lost[depth] + losses[depth, rank - 1]
        index[depth + 1] = index[depth] * limit + rank - 1
        if depth < order - 1:
            depth += 1
        elif lost[order] < best[numbers + volume] and useful(ranks, limits, volume, full_is_free):
            best[numbers + volume], shape[numbers + volume] = lost[order], index[order]
    return best, shape, steps


@lazily_compiled
def useful(ranks: Integers, limits: Integers, volume: int, full_is_free: bool) -> bool:
    """Whether no rank exceeds the product of the others, full ones that cost no matrix aside."""
    for rank, limit in zip(ranks, limits):  # noqa: B905 - numba knows no strict
        if rank * rank > volume and not (full_is_free and rank == limit):
            return False
    return True


@lazily_compiled
def add_layer(before: Floats, costs: Integers, losses: Floats) -> tuple[Floats, Integers]:
    """Least loss of some layers and one more, for every budget, and which choice of the new one it takes.

    before[b] is the least loss of the others with at most b numbers; the new layer may take costs[k]
    numbers (rising) and then loses losses[k].
    """
    after, choice = np.full(len(before), np.inf), np.full(len(before), -1, np.int64)
    for budget in range(len(before)):
        for k in range(len(costs)):
            if costs[k] > budget:
                break
            loss = before[budget - costs[k]] + losses[k]
            if loss < after[budget]:
                after[budget], choice[budget] = loss, k
    return after, choice
