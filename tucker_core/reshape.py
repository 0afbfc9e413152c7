"""Which tensor should a weight become? Reshaping to a proper order with balanced dimensions.

Tucker compresses a weight of n entries well when it is first reshaped to order N with dims
(I_1, ..., I_N) that are close to each other: the factors store sum(I_n J_n) numbers, and for equal J
and fixed prod(I_n) = n that sum is least when all I_n are equal (the inequality of arithmetic and
geometric means). Order 2 makes the dims too large, a very high order makes the core too large.
Source: ADA-Tucker, sections on proper order and balanced dimensions; figure 2.

`plan_reshape` looks at every way to merge modes of the weight and to split single ones. By default it
merges neighbours only, and a split never mixes two modes, so that inputs and outputs stay apart. The
search itself is in `reshape_ways`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from tucker_core.checks import (
    MAX_ORDER,
    check_flag,
    check_integer,
    check_sequence,
    check_shape,
    shown,
)
from tucker_core.factorize import check_size
from tucker_core.reshape_ways import Constraints, Way, best_ways, mixed_way

# Measured on the first layer of LeNet-300 at about 4,100 stored parameters: order 4 (mean dimension 22)
# beats 3 (62) and 5 (12), and all beat 2 (485) by far. So dims near 22 are taken as proper.
PROPER_DIM = 22


@dataclass(frozen=True)
class ReshapePlan:
    """How a weight of `shape` becomes a tensor of `dims`: pad and permute its modes, then reshape.

    Attributes
    ----------
    shape : shape of the weight, e.g. (out, in, height, width)
    dims : (I_1, ..., I_N) of the tensor; as many entries as the weight, padding included
    permutation : order in which the weight's modes are taken before reshaping
    reason : one line on why these dims
    padded : shape of the weight with zeros behind its modes; () if there are none
    alternatives : other dims that were possible

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
    padded: tuple[int, ...] = ()
    alternatives: tuple[tuple[int, ...], ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        """Refuse a plan that would lose or invent entries."""
        for name in ("shape", "dims"):
            object.__setattr__(self, name, check_shape(getattr(self, name), name))
        for name, least in (("permutation", 0), ("padded", 1)):
            entries = check_sequence(getattr(self, name), name, "one integer per mode")
            checked = tuple(check_integer(n, f"{name}[{k}]", least) for k, n in enumerate(entries))
            object.__setattr__(self, name, checked)
        whole = self.padded or self.shape
        if len(whole) != len(self.shape) or any(map(int.__lt__, whole, self.shape)):
            raise ValueError(
                f"padded is {shown(whole)}; it must be at least {shown(self.shape)} in every mode"
            )
        if math.prod(whole) != math.prod(self.dims):
            which = "padded shape" if self.padded else "shape"
            raise ValueError(
                f"dims {shown(self.dims)} hold {shown(math.prod(self.dims))} entries, {which} "
                f"{shown(whole)} holds {shown(math.prod(whole))}; a reshape keeps the number of entries"
            )
        if sorted(self.permutation) != list(range(len(self.shape))):
            raise ValueError(
                f"permutation {shown(self.permutation)} does not reorder {len(self.shape)} modes"
            )

    @classmethod
    def straight(
        cls, shape: Sequence[int], dims: Sequence[int] | None = None, reason: str = ""
    ) -> "ReshapePlan":
        """The plan that takes the modes as they come, by default each as one of the tensor's.

        Examples
        --------
        >>> ReshapePlan.straight((10, 8, 3, 3), (10, 8, 9)).permutation
        (0, 1, 2, 3)
        """
        plain = tuple(shape)
        return cls(plain, tuple(dims or plain), tuple(range(len(plain))), reason)

    @property
    def padding(self) -> int:
        """How many zeros are added to the weight's entries."""
        return math.prod(self.dims) - math.prod(self.shape)

    def apply(self, weight: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Weight of `shape` -> tensor of `dims`; a view where permutation and padding allow it."""
        if _shape_of(weight, "weight") != self.shape:
            raise ValueError(f"weight has shape {weight.shape}; this plan is for {self.shape}")
        if self.padding:
            longer = zip(self.padded, self.shape, strict=True)
            weight = np.pad(weight, [(0, long - dim) for long, dim in longer])
        return weight.transpose(self.permutation).reshape(self.dims)

    def undo(self, tensor: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Tensor of `dims` -> weight of `shape`, the inverse of `apply`; the padding is dropped."""
        if _shape_of(tensor, "tensor") != self.dims:
            raise ValueError(f"tensor has shape {tensor.shape}; this plan makes {self.dims}")
        whole = self.padded or self.shape
        permuted = tuple(whole[mode] for mode in self.permutation)
        weight = tensor.reshape(permuted).transpose(np.argsort(self.permutation))
        return weight[tuple(map(slice, self.shape))] if self.padding else weight

    def explain(self) -> str:
        """Say why these dims were chosen, and on a second line what else was possible."""
        why = f"{_by(self.shape)} -> {_by(self.dims)}: {self.reason or 'given by the caller'}"
        others = [f"{_by(dims)} (sum {sum(dims)})" for dims in self.alternatives]
        return why + ("\nother orders: " + ", ".join(others) if others else "")


def plan_reshape(
    shape: Sequence[int],
    order: int | Literal["auto"] = "auto",
    *,
    mixed: bool = False,
    permute: bool = False,
    pad: bool = False,
    natural: Mapping[int, Sequence[int]] | None = None,
) -> ReshapePlan:
    """Choose the dims that a weight of this shape is reshaped to before it is decomposed.

    Parameters
    ----------
    shape : shape of the weight; modes of size 1 are dropped
    order : number of modes of the tensor; "auto" takes the order whose dims lie closest to
        `PROPER_DIM` (least mean of |log(I_n / PROPER_DIM)|)
    mixed : allow any factorization of the number of entries, even one that mixes the weight's modes
    permute : allow to merge modes that are no neighbours
    pad : lengthen a mode by zeros where its parts then have a smaller sum, as with a prime dimension
    natural : mode -> the parts it is made of, e.g. {1: (28, 28)} for 784 pixels; it is then cut between
        and inside these parts only

    Returns
    -------
    ReshapePlan with the least sum of dims, then the least largest dim, among the allowed ones; its
    `explain()` says why and what the other orders would be

    Notes
    -----
    The search is exact and takes less than a second, for shapes of up to 10 modes longer than 1. Of a
    shape of more, the neighbours of least product are merged beforehand until 10 are left.

    Raises
    ------
    TypeError
        If a dimension, the order or a part of a natural mode is no integer, or an option no boolean.
    ValueError
        If the shape is empty, has a dimension below 1 or more than 2^40 entries, the order is not 1 to
        8, the parts of a natural mode do not multiply to it, or `mixed` is asked together with one of
        the options after it.

    Examples
    --------
    >>> plan_reshape((500, 800)).dims
    (20, 25, 25, 32)
    >>> plan_reshape((10, 500)).dims
    (10, 20, 25)
    >>> plan_reshape((300, 784), order=3).dims, plan_reshape((300, 784), order=3, mixed=True).dims
    ((300, 28, 28), (56, 60, 70))
    >>> plan_reshape((10, 997), pad=True).dims  # 997 is prime, 999 is not
    (10, 27, 37)
    """
    whole = check_size(shape)
    parts = _check_natural(natural, whole)
    wanted = check_order(order)
    apart = check_flag(permute, "permute") | check_flag(pad, "pad") | bool(parts)
    if check_flag(mixed, "mixed") and apart:
        raise ValueError("mixed is True; permute, pad and natural need modes that are kept apart")
    if mixed:
        best = {d: mixed_way(whole, d) for d in range(1, MAX_ORDER + 1)}
    else:
        best = best_ways(whole, Constraints(pad, parts), permute=permute)
    chosen = best[wanted] if wanted else min(best.values(), key=_improperness)
    others = [way.dims for way in best.values() if way is not chosen and min(way.dims) > 1]
    reason = _reason(chosen, whole, not wanted, mixed)
    padded = chosen.padded if chosen.padded != whole else ()
    return ReshapePlan(whole, chosen.dims, chosen.permutation, reason, padded, tuple(others))


def _shape_of(array: object, name: str) -> tuple[int, ...]:
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} is {shown(array)}; a numpy array is needed: np.asarray makes one")
    return tuple(array.shape)


def _improperness(way: Way) -> float:
    """How far the dims lie from PROPER_DIM, as the mean of |log ratio|."""
    return sum(abs(math.log(dim / PROPER_DIM)) for dim in way.dims) / len(way.dims)


def _reason(way: Way, shape: tuple[int, ...], auto: bool, mixed: bool) -> str:
    order, total = len(way.dims), sum(way.dims)
    why = f", its dims being nearest to {PROPER_DIM}" if auto else ""
    among = "of all factorizations" if mixed else "without mixing modes"
    perfect = order * math.prod(way.dims) ** (1 / order)
    reason = (
        f"order {order}{why}; least sum of dims {among}, {total}; "
        f"perfect balance would sum to {perfect:.0f}"
    )
    if way.permutation != tuple(range(len(shape))):
        reason += f"; modes taken as {way.permutation}"
    if way.padded != shape:
        zeros = math.prod(way.padded) - math.prod(shape)
        reason += f"; padded to {_by(way.padded)} with {zeros:,} zeros"
    return reason


def check_order(order: int | str) -> int | None:
    """Return the order that is asked for, None for "auto".

    Raises
    ------
    TypeError, ValueError
        If it is neither "auto" nor an integer from 1 to 8.

    Examples
    --------
    >>> check_order("auto"), check_order(3)
    (None, 3)
    """
    if isinstance(order, str) and order == "auto":
        return None
    return check_integer(order, "order", 1, MAX_ORDER, f"1 to {MAX_ORDER} or 'auto' is needed")


def _check_natural(natural: object, shape: tuple[int, ...]) -> dict[int, tuple[int, ...]]:
    if natural is not None and not isinstance(natural, Mapping):
        raise TypeError(
            f"natural is {shown(natural)}; a mapping from modes to their parts is needed"
        )
    checked = {}
    for key, given in (natural or {}).items():
        mode = check_integer(key, "a mode of natural", 0)
        parts = check_shape(given, f"natural[{mode}]")
        if mode >= len(shape) or math.prod(parts) != shape[mode]:
            raise ValueError(
                f"natural[{mode}] is {shown(parts)}; the parts of a mode of {shape} multiply to it"
            )
        checked[mode] = parts
    return checked


def _by(dims: Sequence[int]) -> str:
    return " x ".join(str(dim) for dim in dims)
