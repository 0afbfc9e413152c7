"""Which tensor should a weight become? Reshaping to a proper order with balanced dimensions.

Tucker compresses a weight of n entries well when it is first reshaped to order N with dims
(I_1, ..., I_N) that are close to each other: the factors store sum(I_n J_n) numbers, and for equal J
and fixed prod(I_n) = n that sum is least when all I_n are equal (the inequality of arithmetic and
geometric means). Order 2 makes the dims too large, a very high order makes the core too large.
Source: ADA-Tucker, sections on proper order and balanced dimensions; figure 2.

`plan_reshape` looks at every way to merge neighbouring modes and to split single ones. By default
a split never mixes two modes of the weight, so that inputs and outputs stay apart; `mixed` allows
any factorisation of the number of entries.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from tucker_core.checks import MAX_ORDER

# Measured on the first layer of LeNet-300 at about 4,100 stored numbers: order 4 (mean dimension 22)
# beats 3 (62) and 5 (12), and all beat 2 (485) by far. So dims near 22 are taken as proper.
PROPER_DIM = 22


@lru_cache(maxsize=4096)
def factorizations(n: int, order: int) -> tuple[tuple[int, ...], ...]:
    """List every way to write n as an ordered-up product of `order` integers >= 1.

    Parameters
    ----------
    n : the number to factorise, >= 1
    order : how many factors, >= 1

    Returns
    -------
    tuples (I_1 <= ... <= I_order) with product n, in lexicographic order, each once

    Raises
    ------
    ValueError
        If n or order is below 1, or order is above 8.

    Examples
    --------
    >>> factorizations(12, 2)
    ((1, 12), (2, 6), (3, 4))
    >>> factorizations(7, 3)
    ((1, 1, 7),)
    """
    if n < 1:
        raise ValueError(f"n is {n}; a number of entries is at least 1")
    if not 1 <= order <= MAX_ORDER:
        raise ValueError(f"order is {order}; orders 1 to {MAX_ORDER} are supported")
    return tuple(_factorizations(n, order, 1))


def _factorizations(n: int, order: int, least: int) -> Iterator[tuple[int, ...]]:
    if order == 1:
        if n >= least:
            yield (n,)
        return
    first = least
    while first**order <= n:
        if n % first == 0:
            for rest in _factorizations(n // first, order - 1, first):
                yield (first, *rest)
        first += 1


def balance_dims(n: int, order: int) -> tuple[int, ...]:
    """Factorise n into `order` dims as equal as possible: least sum, then least largest.

    Examples
    --------
    >>> balance_dims(400_000, 4)
    (20, 25, 25, 32)
    >>> balance_dims(16_777_216, 2)  # a 4096 x 4096 weight
    (4096, 4096)
    """
    return min(factorizations(n, order), key=_imbalance)


def _imbalance(dims: Sequence[int]) -> tuple[int, int]:
    return sum(dims), max(dims)


@dataclass(frozen=True)
class ReshapePlan:
    """How a weight of `shape` becomes a tensor of `dims`: permute its modes, then reshape.

    Attributes
    ----------
    shape : shape of the weight, e.g. (out, in, height, width)
    dims : (I_1, ..., I_N) of the tensor, same number of entries
    permutation : order in which the weight's modes are taken before reshaping
    reason : one line on why these dims

    Examples
    --------
    >>> plan = plan_reshape((50, 20, 5, 5))
    >>> plan.dims
    (50, 20, 25)
    >>> weight = np.arange(25_000.0).reshape(50, 20, 5, 5)
    >>> bool((plan.undo(plan.apply(weight)) == weight).all())
    True
    """

    shape: tuple[int, ...]
    dims: tuple[int, ...]
    permutation: tuple[int, ...]
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse a plan that would lose or invent entries."""
        if min(*self.shape, *self.dims, 1) < 1 or math.prod(self.shape) != math.prod(self.dims):
            raise ValueError(
                f"dims {self.dims} hold {math.prod(self.dims)} entries, shape {self.shape} holds "
                f"{math.prod(self.shape)}; a reshape keeps the number of entries"
            )
        if sorted(self.permutation) != list(range(len(self.shape))):
            raise ValueError(
                f"permutation {self.permutation} does not reorder {len(self.shape)} modes"
            )

    def apply(self, weight: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Weight of `shape` -> tensor of `dims`; a view where the permutation allows it."""
        if weight.shape != self.shape:
            raise ValueError(f"weight has shape {weight.shape}; this plan is for {self.shape}")
        return weight.transpose(self.permutation).reshape(self.dims)

    def undo(self, tensor: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Tensor of `dims` -> weight of `shape`, the inverse of `apply`."""
        if tensor.shape != self.dims:
            raise ValueError(f"tensor has shape {tensor.shape}; this plan makes {self.dims}")
        permuted = tuple(self.shape[mode] for mode in self.permutation)
        return tensor.reshape(permuted).transpose(np.argsort(self.permutation))

    def explain(self) -> str:
        """Say why these dims were chosen."""
        return f"{_by(self.shape)} -> {_by(self.dims)}: {self.reason or 'given by the caller'}"


def plan_reshape(
    shape: Sequence[int],
    order: int | Literal["auto"] = "auto",
    *,
    mixed: bool = False,
) -> ReshapePlan:
    """Choose the dims that a weight of this shape is reshaped to before it is decomposed.

    Parameters
    ----------
    shape : shape of the weight; modes of size 1 are dropped
    order : number of modes of the tensor; "auto" takes the order whose dims lie closest to
        `PROPER_DIM` (least mean of |log(I_n / PROPER_DIM)|)
    mixed : allow any factorisation of the number of entries, even one that mixes the weight's modes

    Returns
    -------
    ReshapePlan with the least sum of dims, then the least largest dim, among the allowed ones

    Raises
    ------
    ValueError
        If the shape is empty or has a dimension below 1, or the order is not 1 to 8.

    Examples
    --------
    >>> plan_reshape((500, 800)).dims
    (20, 25, 25, 32)
    >>> plan_reshape((10, 500)).dims
    (10, 20, 25)
    >>> plan_reshape((300, 784), order=3).dims, plan_reshape((300, 784), order=3, mixed=True).dims
    ((300, 28, 28), (56, 60, 70))
    """
    whole = tuple(int(dim) for dim in shape)
    if not whole or min(whole) < 1:
        raise ValueError(f"shape is {whole}; at least one dimension, each >= 1, is needed")
    if order != "auto" and not 1 <= order <= MAX_ORDER:
        raise ValueError(f"order is {order}; 1 to {MAX_ORDER} or 'auto' is needed")
    orders = range(1, MAX_ORDER + 1) if order == "auto" else (order,)
    dims = min((_best_dims(whole, d, mixed) for d in orders), key=_improperness)
    why = f", its dims being nearest to {PROPER_DIM}" if order == "auto" else ""
    among = "of all factorisations" if mixed else "without mixing modes"
    reason = (
        f"order {len(dims)}{why}; least sum of dims {among}, {sum(dims)}; "
        f"perfect balance would sum to {len(dims) * math.prod(dims) ** (1 / len(dims)):.0f}"
    )
    return ReshapePlan(whole, dims, tuple(range(len(whole))), reason)


def _best_dims(shape: tuple[int, ...], order: int, mixed: bool) -> tuple[int, ...]:
    if mixed:
        return balance_dims(math.prod(shape), order)
    return min(_splits(shape, order), key=_imbalance)


def _improperness(dims: Sequence[int]) -> float:
    """How far the dims lie from PROPER_DIM, as the mean of |log ratio|."""
    return sum(abs(math.log(dim / PROPER_DIM)) for dim in dims) / len(dims)


def _splits(shape: tuple[int, ...], order: int) -> Iterator[tuple[int, ...]]:
    """Every way to reach `order` modes by merging neighbours or splitting single modes."""
    modes = tuple(dim for dim in shape if dim > 1) or (1,)
    for groups in _merges(modes):
        if len(groups) > order:
            continue
        for parts in _compositions(order, len(groups)):
            if any(len(group) > 1 and k > 1 for group, k in zip(groups, parts, strict=True)):
                continue  # splitting a merged group would mix its modes
            pieces = [balance_dims(math.prod(g), k) for g, k in zip(groups, parts, strict=True)]
            yield tuple(itertools.chain.from_iterable(pieces))


def _merges(modes: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Every way to cut the sequence of modes into runs of neighbours."""
    gaps = len(modes) - 1
    for cuts in itertools.product((False, True), repeat=gaps):
        edges = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), len(modes)]
        yield tuple(modes[a:b] for a, b in itertools.pairwise(edges))


def _compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Every way to write `total` as an ordered sum of `parts` integers >= 1."""
    for bars in itertools.combinations(range(1, total), parts - 1):
        edges = (0, *bars, total)
        yield tuple(b - a for a, b in itertools.pairwise(edges))


def _by(dims: Sequence[int]) -> str:
    return " x ".join(str(dim) for dim in dims)
