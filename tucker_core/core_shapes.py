"""The best core shapes under a ceiling, exactly: every shape is weighed, none is guessed.

A core of shape (J_1, ..., J_N) keeps of its tensor about the product over the modes of the energy that
the J_n leading singular values of mode n hold (exact if the modes are independent; to first order the
bound of HOSVD). So its loss is taken as

    - sum over modes of log(kept energy of mode n at J_n),

and the loss of a network as the sum over its layers: the plan of least loss keeps the most energy of all
layers together, multiplied. Where no singular values are known they are taken to fall as
1, 1/2, 1/3, ..., which makes cores near cubes.

The search is exact: `kernels.search` lists the least loss at every number of stored parameters, layer by
layer, and a dynamic programme shares the budget among the layers.
"""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tucker_core.checks import check_sequence, check_shape, shown
from tucker_core.counting import shared_core_params, tucker_params
from tucker_core.ranks import check_budget, check_tensors
from tucker_core.scaling import check_scaled

Dims = tuple[int, ...]
Losses = Sequence[npt.NDArray[np.float64]]

MAX_STEPS = 2_000_000_000  # some seconds
MAX_TABLE = 100_000_000  # entries of the tables that are kept: a gigabyte
MAX_SHAPES = 1 << 63  # a shape is kept as one integer


def energy_losses(
    dims: Sequence[int], singular_values: Sequence[npt.ArrayLike] | None = None
) -> list[npt.NDArray[np.float64]]:
    """Loss of every rank of every mode: -log of the share of the energy that it keeps.

    Parameters
    ----------
    dims : (I_1, ..., I_N)
    singular_values : per mode at most I_n of them, falling, as `multilinear_singular_values` gives
        them; by default 1, 1/2, 1/3, ...

    Returns
    -------
    per mode an array of I_n losses, of the ranks 1, ..., I_n

    Raises
    ------
    TypeError
        If a dimension is no integer, or a singular value no real number.
    ValueError
        If there is not one list per mode, or one is empty, too long, not finite, negative or rising; or
        the dims sum to more than `MAX_TABLE`.

    Examples
    --------
    >>> energy_losses((2,), [[3.0, 4.0**0.5]])[0].round(3)
    array([0.368, 0.   ])
    """
    dims = check_shape(dims, "dims")
    if sum(dims) > MAX_TABLE:
        raise ValueError(
            f"dims {shown(dims)} sum to more than {MAX_TABLE:,}; exact search takes shorter ones: plan "
            "with search='balanced'"
        )
    if singular_values is None:
        singular_values = [1 / np.arange(1.0, dim + 1) for dim in dims]
    given = check_sequence(singular_values, "singular_values", "one list per mode")
    if len(given) != len(dims):
        raise ValueError(
            f"{len(given)} lists of singular values for dims {dims}; give one per mode"
        )
    losses = []
    for mode, (dim, values) in enumerate(zip(dims, given, strict=True)):
        sigma = _falling(values, mode, dim)
        energy = np.zeros(dim)
        energy[: len(sigma)] = check_scaled(sigma)[0] ** 2
        kept = np.cumsum(energy) / (energy.sum() or 1.0)
        losses.append(np.log(1 / kept) if energy.any() else np.zeros(dim))
    return losses


def _falling(values: npt.ArrayLike, mode: int, dim: int) -> npt.NDArray[np.float64]:
    """Singular values of a mode, checked."""
    try:
        sigma = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"mode {mode} has singular values {shown(values)}; {error}") from error
    if sigma.size and sigma.dtype.kind not in "fiu":
        raise TypeError(
            f"mode {mode} has singular values of dtype {sigma.dtype}; real numbers are needed"
        )
    if sigma.ndim != 1 or not 1 <= len(sigma) <= dim:
        raise ValueError(
            f"mode {mode} has singular values of shape {sigma.shape}; 1 to {dim} of them are needed"
        )
    sigma = sigma.astype(np.float64)
    if not np.isfinite(sigma).all() or sigma[-1] < 0 or (np.diff(sigma) > 0).any():
        raise ValueError(
            f"mode {mode} has singular values {shown(sigma)}; finite, falling, none below 0 are needed"
        )
    return sigma


def best_core_shapes(
    all_dims: Sequence[Dims], budget: int, losses: Sequence[Losses] | None = None
) -> list[Dims]:
    """Core shapes of least total loss that together store at most `budget` numbers.

    Parameters
    ----------
    all_dims : dims (I_1, ..., I_N) of each tensor
    budget : parameters that all cores and factors together may store, at most
    losses : per tensor its `energy_losses`; by default of singular values 1, 1/2, 1/3, ...

    Returns
    -------
    one rank (J_1, ..., J_N) per tensor

    Raises
    ------
    TypeError
        If a dimension or the budget is no integer.
    ValueError
        If not even the smallest shapes fit (the smallest possible budget is named), or the search would
        take more than `MAX_STEPS` steps or `MAX_TABLE` entries.

    Examples
    --------
    >>> best_core_shapes([(20, 25, 25, 32)], 2_000)
    [(6, 6, 6, 6)]
    """
    from tucker_core.kernels.search import add_layer

    all_dims, budget = check_tensors(all_dims), check_budget(budget)
    losses = losses or [energy_losses(dims) for dims in all_dims]
    budget = min(budget, sum(math.prod(dims) for dims in all_dims))
    _check_table(budget, len(all_dims))
    left, steps = np.zeros(max(budget, 0) + 1), 0
    layers = []
    for dims, own in zip(all_dims, losses, strict=True):
        costs, least, ranks = _frontier(dims, dims, own, budget, full_is_free=True)
        steps += len(costs) * budget
        if steps > MAX_STEPS:
            raise ValueError(_too_much(budget, len(all_dims), f"{MAX_STEPS:,} steps"))
        left, choices = add_layer(left, costs, least)
        layers.append((costs, ranks, choices))
    if not np.isfinite(left[-1]):
        raise ValueError(
            f"budget is {budget} parameters; {len(all_dims)} tensors of dims {shown(all_dims)} need at "
            f"least {sum(least_params(dims) for dims in all_dims)}"
        )
    chosen = []
    for costs, ranks, choices in reversed(layers):
        choice = choices[budget]
        chosen.append(ranks[choice])
        budget -= int(costs[choice])
    return chosen[::-1]


def best_shared_core(
    all_dims: Sequence[Dims], budget: int, losses: Sequence[Losses] | None = None
) -> Dims:
    """Shape of least total loss for one core that several tensors share.

    Every tensor keeps a matrix (I_n, J_n) in every mode, a square one too, since the core is not its
    own. No J_n is above the smallest I_n: that tensor would store a wide matrix and gain nothing.

    Parameters
    ----------
    all_dims : dims (I_1, ..., I_N) of each tensor, of one order
    budget : parameters that the core and all factors together may store, at most
    losses : per tensor its `energy_losses`; by default of singular values 1, 1/2, 1/3, ...

    Raises
    ------
    TypeError
        If a dimension or the budget is no integer.
    ValueError
        If the orders differ, not even rank 1 fits (the smallest possible budget is named), or the search
        would take more than `MAX_STEPS` steps or `MAX_TABLE` entries.

    Examples
    --------
    >>> best_shared_core([(20, 25, 25), (10, 20, 25)], 1_000)
    (8, 6, 5)
    """
    all_dims, budget = check_tensors(all_dims), check_budget(budget)
    orders = sorted({len(dims) for dims in all_dims})
    if len(orders) != 1:
        raise ValueError(f"the tensors have orders {orders}; a shared core needs one order")
    losses = losses or [energy_losses(dims) for dims in all_dims]
    limits = tuple(map(min, zip(*all_dims, strict=True)))
    total = [np.zeros(limit) for limit in limits]
    for own in losses:
        for mode, limit in enumerate(limits):
            total[mode] += own[mode][:limit]
    prices = tuple(map(sum, zip(*all_dims, strict=True)))
    most = min(budget, shared_core_params(all_dims, limits))
    _check_table(most, 1)
    costs, _, ranks = _frontier(limits, prices, total, most, full_is_free=False)
    if not len(costs):
        raise ValueError(
            f"budget is {budget} parameters; a shared core for {len(all_dims)} tensors of dims "
            f"{shown(all_dims)} needs at least {shared_core_params(all_dims, (1,) * orders[0])}"
        )
    return ranks[-1]


def least_params(dims: Sequence[int]) -> int:
    """Fewest parameters that any Tucker format of these dims stores.

    Making a mode full saves its I_n numbers and multiplies the core by I_n, which pays for the smallest
    dimensions, if at all.

    Examples
    --------
    >>> least_params((20, 25))  # a core of (20, 1) and one factor of (25, 1)
    45
    """
    rising = sorted(check_shape(dims, "dims"))
    return min(math.prod(rising[:k]) + sum(rising[k:]) for k in range(len(rising) + 1))


def plain_core_shapes(
    dims: Sequence[int], budget: int, losses: Losses
) -> Iterator[tuple[float, int, Dims]]:
    """(loss, parameters, rank) of every useful core shape within the budget: the search as one reads it.

    Examples
    --------
    >>> min(plain_core_shapes((20, 25), 200, energy_losses((20, 25))))[1:]
    (180, (4, 25))
    """
    for rank in itertools.product(*(range(1, dim + 1) for dim in dims)):
        numbers, core = tucker_params(dims, rank), math.prod(rank)
        wasted = any(j * j > core and j < i for i, j in zip(dims, rank, strict=True))
        if numbers <= budget and not wasted:
            loss = sum(float(own[j - 1]) for own, j in zip(losses, rank, strict=True))
            yield loss, numbers, rank


def _check_table(budget: int, count: int) -> None:
    if (count + 4) * budget > MAX_TABLE:
        raise ValueError(_too_much(budget, count, f"{MAX_TABLE:,} entries"))


def _too_much(budget: int, count: int, what: str) -> str:
    return (
        f"budget is {budget} parameters for {count} tensors: more than {what} of exact search; plan with "
        "search='balanced', or with a smaller budget"
    )


def _frontier(
    limits: Dims, prices: Dims, losses: Losses, budget: int, *, full_is_free: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], list[Dims]]:
    """Numbers, losses and ranks of all shapes that no other shape beats in both; numbers rising."""
    from tucker_core.kernels.search import cheapest_losses

    if math.prod(limits) >= MAX_SHAPES:
        raise ValueError(
            f"the largest dims are {shown(limits)}; exact search tells shapes apart where they multiply "
            "to less than 2^63: reshape the tensors to smaller dims"
        )
    table = np.full((len(limits), max(limits)), np.inf)
    for mode, own in enumerate(losses):
        table[mode, : len(own)] = own
    best, shapes, steps = cheapest_losses(
        np.array(limits), np.array(prices), full_is_free, table, max(budget, 0), MAX_STEPS
    )
    if steps > MAX_STEPS:
        raise ValueError(_too_much(budget, 1, f"{MAX_STEPS:,} steps"))
    before = np.minimum.accumulate(np.append(np.inf, best[:-1]))
    costs = np.flatnonzero(best < before)
    ranks = np.transpose(np.unravel_index(shapes[costs], limits)) + 1
    return costs, best[costs], [tuple(map(int, rank)) for rank in ranks]
