"""Which arrays belong to a Tucker product of one shape, and what is wrong with those that do not."""

import math
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from tucker_core.checks import (
    MAX_ORDER,
    FloatArray,
    check_mode,
    check_sequence,
    check_shape,
    check_tensor,
)
from tucker_core.memory import check_out
from tucker_core.tucker_chain import Factors


class TuckerShapes:
    """Shape, rank and precision of a Tucker product; pickled and copied as these arguments alone.

    Parameters
    ----------
    shape : (I_1, ..., I_N)
    rank : (J_1, ..., J_N), J_n <= I_n not required
    dtype : np.float32 or np.float64
    full_modes : modes without a factor (the identity), where J_n = I_n

    Raises
    ------
    TypeError, ValueError
        As `TuckerPlan`.

    Examples
    --------
    >>> TuckerShapes((4, 3), (2, 3), np.float64, full_modes=[1]).step_shapes()
    [(2, 3), (3, 2)]
    """

    def __init__(
        self,
        shape: Sequence[int],
        rank: Sequence[int],
        dtype: npt.DTypeLike,
        full_modes: Collection[int],
    ) -> None:
        self.shape, self.rank = check_shape(shape), check_shape(rank, "rank")
        self.dtype = _checked_dtype(dtype)
        self.full_modes = self._checked_modes(full_modes)
        # order of use: the last mode is expanded first
        self.factor_modes = [
            n for n in reversed(range(len(self.shape))) if n not in self.full_modes
        ]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy the arguments: addresses of kernels mean nothing in another process."""
        return type(self), (self.shape, self.rank, self.dtype, tuple(sorted(self.full_modes)))

    def check_grad(self, grad: FloatArray) -> FloatArray:
        """Return the gradient by the full tensor as an array, or say what is wrong with it."""
        array = check_tensor(grad, "grad")
        if array.shape != self.shape or array.dtype != self.dtype:
            raise ValueError(
                f"grad is {array.dtype} of shape {array.shape}; the tensor is {self.dtype} of shape "
                f"{self.shape}"
            )
        return array

    def check_parts(
        self, core: FloatArray, factors: Factors, out: FloatArray | None = None
    ) -> tuple[FloatArray, Factors]:
        """Return core and factors as arrays, or say which one, or `out`, does not belong to this plan."""
        core = check_tensor(core, "core")
        if core.shape != self.rank or core.dtype != self.dtype:
            raise ValueError(
                f"core is {core.dtype} of shape {core.shape}; this plan is for {self.dtype} of shape "
                f"{self.rank}"
            )
        parts = list(check_sequence(factors, "factors", "a matrix or None per mode"))
        fits = len(parts) == len(self.shape)
        if not fits or any(parts[n] is not None for n in self.full_modes):
            raise ValueError(
                f"factors {[None if f is None else np.shape(f) for f in parts]} do not fit: one per "
                f"mode of shape {self.shape}, None exactly for the modes {sorted(self.full_modes)}"
            )
        for mode in self.factor_modes:
            parts[mode] = self._checked_factor(parts[mode], mode)
        if out is not None:
            named = {f"factors[{mode}]": factor for mode, factor in enumerate(parts)}
            check_out(out, self.shape, self.dtype, {"the core": core, **named})
        return core, parts

    def _checked_factor(self, factor: FloatArray | None, mode: int) -> FloatArray:
        name, wanted = f"factors[{mode}]", (self.shape[mode], self.rank[mode])
        matrix = None if factor is None else check_tensor(factor, name)
        if matrix is None or matrix.shape != wanted:
            found = None if matrix is None else matrix.shape
            raise ValueError(
                f"{name} has shape {found}; this plan needs {wanted} (is it transposed?)"
            )
        if matrix.dtype != self.dtype:
            raise TypeError(f"{name} is {matrix.dtype}, the core is {self.dtype}; make them equal")
        return matrix

    def step_shapes(self) -> list[tuple[int, int]]:
        """Shapes of the matrices (everything else, J_n) that enter the steps of `expand`."""
        return [
            (math.prod(self.rank[:n]) * math.prod(self.shape[n + 1 :]), self.rank[n])
            for n in reversed(range(len(self.shape)))
        ]

    def _checked_modes(self, full_modes: Collection[int]) -> frozenset[int]:
        order = len(self.shape)
        if order != len(self.rank) or order > MAX_ORDER:
            raise ValueError(
                f"shape {self.shape} and rank {self.rank} need one entry per mode, 1 to {MAX_ORDER}"
            )
        modes = frozenset(check_mode(mode, order) for mode in full_modes)
        for mode in modes:
            if self.shape[mode] != self.rank[mode]:
                raise ValueError(
                    f"mode {mode} cannot go without a factor: shape {self.shape}, rank {self.rank}"
                )
        return modes


def _checked_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    with suppress(TypeError):
        if (kind := np.dtype(dtype)) in (np.float32, np.float64):
            return kind
    raise TypeError(f"dtype is {dtype!r}; float32 or float64 is needed")
