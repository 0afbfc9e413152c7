"""The Tucker product prepared once for a shape: checks, room for intermediates, compiled kernels.

`tucker_to_tensor` and `tucker_gradient` look up a plan for the shapes they are given. Code that
calls them again and again with equal shapes, such as a training loop, holds the plan itself.
"""

import math
from collections.abc import Collection, Sequence
from copy import copy
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tucker_core.checks import MAX_ORDER, FloatArray
from tucker_core.kernels import can_compile
from tucker_core.memory import ALIGNMENT, SMALL_BYTES, aligned_empty
from tucker_core.tucker_chain import Factors, contract, expand

LARGEST_RANK = 96  # above it, BLAS is faster than the kernels
_KEPT_NUMBERS = 1 << 18  # larger workspaces are not kept between calls of `tucker_to_tensor`

Saved: TypeAlias = FloatArray | list[FloatArray]
"""What a product leaves for its gradient: a filled workspace, or the matrices of the numpy chain."""


class TuckerPlan:
    """Tucker product and gradient for one shape, rank and precision.

    Not for use by several threads at once: make one for each.

    Parameters
    ----------
    shape : (I_1, ..., I_N)
    rank : (J_1, ..., J_N), J_n <= I_n not required
    dtype : np.float32 or np.float64
    full_modes : modes without a factor (the identity), where J_n = I_n

    Raises
    ------
    TypeError
        If dtype is neither float32 nor float64.
    ValueError
        If shape and rank do not belong together, or a full mode has J_n != I_n.

    Examples
    --------
    >>> plan = TuckerPlan((4, 3), (2, 3), np.float64, full_modes=[1])
    >>> full, saved = plan.product_and_saved(np.ones((2, 3)), [np.ones((4, 2)), None])
    >>> full[0]
    array([2., 2., 2.])
    >>> grad_core, grad_factors = plan.gradient(np.ones((2, 3)), [np.ones((4, 2)), None], full, saved)
    >>> grad_core[0]
    array([8., 8., 8.])
    """

    def __init__(
        self,
        shape: Sequence[int],
        rank: Sequence[int],
        dtype: npt.DTypeLike = np.float32,
        full_modes: Collection[int] = (),
    ) -> None:
        self.shape, self.rank = tuple(map(int, shape)), tuple(map(int, rank))
        self.dtype, self.full_modes = np.dtype(dtype), frozenset(full_modes)
        self._check_parts()
        # order of use: the last mode is expanded first
        self._modes = [n for n in reversed(range(len(self.shape))) if n not in self.full_modes]
        ranks = [self.rank[n] for n in self._modes]
        small = math.prod(self.shape) * self.dtype.itemsize < SMALL_BYTES
        self._new = np.empty if small else aligned_empty
        self._compiled = bool(ranks) and max(ranks) <= LARGEST_RANK and can_compile()
        self._nothing = np.empty((0, 0), self.dtype)  # in place of a factor that is not there
        self._filled = self._fill if self.full_modes else tuple
        self._factor_shapes = [
            (0, 0) if n in self.full_modes else pair
            for n, pair in enumerate(zip(self.shape, self.rank, strict=True))
        ]
        self._table, self._room = self._lay_out()

    @property
    def is_compiled(self) -> bool:
        """Whether the kernels do the work; if not, numpy and its BLAS."""
        return self._compiled

    def product(
        self, core: FloatArray, factors: Factors, *, out: FloatArray | None = None
    ) -> FloatArray:
        """Rebuild the full tensor (I_1, ..., I_N), in `out` if given; see `tucker_to_tensor`."""
        if self._compiled:
            return self._product(core, factors, out, self._workspace)
        return self._product_in_numpy(core, factors, out)[0]

    def product_and_saved(
        self, core: FloatArray, factors: Factors, *, out: FloatArray | None = None
    ) -> tuple[FloatArray, Saved]:
        """As `product`; also what `gradient` can take up instead of computing it again."""
        if not self._compiled:
            return self._product_in_numpy(core, factors, out)
        workspace = np.empty(self._room, self.dtype)
        return self._product(core, factors, out, workspace), workspace

    def gradient(
        self, core: FloatArray, factors: Factors, grad: FloatArray, saved: Saved | None = None
    ) -> tuple[FloatArray, tuple[FloatArray | None, ...]]:
        """Gradients by core and factors; see `tucker_gradient`. What was saved serves once."""
        if grad.shape != self.shape or grad.dtype != self.dtype:
            raise ValueError(
                f"grad is {grad.dtype} of shape {grad.shape}; the tensor is {self.dtype} of shape "
                f"{self.shape}"
            )
        if not self._compiled:
            core, factors = self._checked(core, factors)
            steps = expand(core, factors)[1] if saved is None else list(saved)
            grad_core, by_mode = contract(factors, np.ascontiguousarray(grad), steps)
            return grad_core.reshape(self.rank), by_mode
        kernel, dtype = self._gradient_kernel, self.dtype
        grad_core = np.empty(self.rank, dtype)
        grads = tuple([np.empty(shape, dtype) for shape in self._factor_shapes])
        workspace, given = (self._workspace, False) if saved is None else (saved, True)
        rest = grad_core, grads, workspace, self._table, given
        try:
            fits = kernel(core, self._filled(factors), grad, *rest)
        except TypeError:  # another precision or order, not contiguous, too many or too few
            fits = False
        if not fits:
            self._run_on_checked(kernel, core, factors, np.ascontiguousarray(grad), *rest)
        if not self.full_modes:
            return grad_core, grads
        return grad_core, tuple([None if n in self.full_modes else g for n, g in enumerate(grads)])

    @cached_property
    def _workspace(self) -> FloatArray:
        return np.empty(self._room, self.dtype)

    @cached_property
    def _product_kernel(self) -> Any:
        from tucker_core.kernels import product as kernels

        self._table[:, 6:] = kernels.ready(self.dtype, len(self.shape), False)
        return kernels.product

    @cached_property
    def _gradient_kernel(self) -> Any:
        from tucker_core.kernels import product as kernels

        self._table[:, 6:] = kernels.ready(self.dtype, len(self.shape), True)
        return kernels.gradient

    def _product(
        self, core: FloatArray, factors: Factors, out: FloatArray | None, workspace: FloatArray
    ) -> FloatArray:
        out = self._new(self.shape, self.dtype) if out is None else self._checked_out(out)
        try:
            if self._product_kernel(core, self._filled(factors), out, workspace, self._table):
                return out
        except TypeError:  # another precision or order, not contiguous, too many or too few
            pass
        self._run_on_checked(self._product_kernel, core, factors, out, workspace, self._table)
        return out

    def _product_in_numpy(
        self, core: FloatArray, factors: Factors, out: FloatArray | None
    ) -> tuple[FloatArray, Saved]:
        out = self._new(self.shape, self.dtype) if out is None else self._checked_out(out)
        core, factors = self._checked(core, factors)
        return out, expand(core, factors, out)[1]

    def _run_on_checked(self, kernel: Any, core: FloatArray, factors: Factors, *rest: Any) -> None:
        """Run a kernel after a closer look, which makes parts contiguous or says what is wrong."""
        core, factors = self._checked(core, factors)
        if not kernel(core, self._filled(factors), *rest):
            raise ValueError("what was saved for the gradient belongs to another plan")

    def _fill(self, factors: Factors) -> tuple[Any, ...]:
        """The factors as the kernels take them: nothing is missing."""
        return tuple([self._nothing if factor is None else factor for factor in factors])

    def _checked_out(self, out: FloatArray) -> FloatArray:
        if out.shape != self.shape or out.dtype != self.dtype or not out.flags.c_contiguous:
            raise ValueError(
                f"out is {out.dtype} of shape {out.shape}; a C-contiguous {self.dtype} array of "
                f"shape {self.shape} is needed"
            )
        return out

    def _checked(self, core: FloatArray, factors: Factors) -> tuple[FloatArray, Factors]:
        """The parts as contiguous arrays, or say which one does not belong to this plan."""
        if core.shape != self.rank or core.dtype != self.dtype:
            raise ValueError(
                f"core is {core.dtype} of shape {core.shape}; this plan is for {self.dtype} of shape "
                f"{self.rank}"
            )
        fits = len(factors) == len(self.shape)
        if not fits or any(factors[n] is not None for n in self.full_modes):
            raise ValueError(
                f"factors {[None if f is None else f.shape for f in factors]} do not fit: one per "
                f"mode of shape {self.shape}, None exactly for the modes {sorted(self.full_modes)}"
            )
        contiguous: list[FloatArray | None] = [None] * len(factors)
        for mode in self._modes:
            wanted, factor = (self.shape[mode], self.rank[mode]), factors[mode]
            if factor is None or factor.shape != wanted:
                found = None if factor is None else factor.shape
                raise ValueError(
                    f"factors[{mode}] has shape {found}; this plan needs {wanted} (is it transposed?)"
                )
            if factor.dtype != self.dtype:
                raise TypeError(
                    f"factors[{mode}] is {factor.dtype}, the core is {self.dtype}; make them equal"
                )
            contiguous[mode] = np.ascontiguousarray(factor)
        return np.ascontiguousarray(core), contiguous

    def _lay_out(self) -> tuple[npt.NDArray[np.int64], int]:
        """The table that the kernels want, and the numbers that the workspace must hold."""
        line = ALIGNMENT // self.dtype.itemsize
        factor_sizes = [self.shape[n] * self.rank[n] for n in self._modes]
        rows, place = [], _round_up(max(factor_sizes, default=0), line)
        for n in self._modes:
            left, right = math.prod(self.rank[:n]), math.prod(self.shape[n + 1 :])
            rows.append((left, self.rank[n], self.shape[n], right, place, n, 0, 0))
            if n != self._modes[-1]:
                place += _round_up(left * self.shape[n] * right, line)
        room = place + line if self._compiled else 0
        rows += [(0, self.rank[n], self.shape[n], 0, -1, n, 0, 0) for n in sorted(self.full_modes)]
        return np.array(rows, np.int64), room

    def _check_parts(self) -> None:
        if self.dtype not in (np.float32, np.float64):
            raise TypeError(f"dtype is {self.dtype}; float32 or float64 is needed")
        orders = len(self.shape), len(self.rank)
        if orders[0] != orders[1] or not 1 <= orders[0] <= MAX_ORDER:
            raise ValueError(
                f"shape {self.shape} and rank {self.rank} need one entry per mode, 1 to {MAX_ORDER}"
            )
        if min(*self.shape, *self.rank) < 1:
            raise ValueError(f"shape {self.shape} and rank {self.rank} must be >= 1 everywhere")
        for mode in self.full_modes:
            if not 0 <= mode < orders[0] or self.shape[mode] != self.rank[mode]:
                raise ValueError(
                    f"mode {mode} cannot go without a factor: shape {self.shape}, rank {self.rank}"
                )


def plan_for(core: FloatArray, factors: Factors) -> TuckerPlan:
    """A plan for arrays of these shapes and this precision; the last few hundred are kept.

    Examples
    --------
    >>> plan_for(np.ones((2, 3)), [np.ones((4, 2)), None]).shape
    (4, 3)
    """
    shapes = tuple([None if factor is None else factor.shape for factor in factors])
    plan = _plan_for(core.shape, core.dtype, shapes)
    return copy(plan) if plan._room > _KEPT_NUMBERS else plan


@lru_cache(256)
def _plan_for(
    rank: tuple[int, ...], dtype: np.dtype[Any], factors: tuple[tuple[int, int] | None, ...]
) -> TuckerPlan:
    if len(rank) != len(factors) or any(
        f is not None and (len(f) != 2 or f[1] != r) for r, f in zip(rank, factors, strict=True)
    ):
        raise ValueError(f"factors of shapes {factors} do not fit a core of shape {rank}")
    shape = [r if f is None else f[0] for r, f in zip(rank, factors, strict=True)]
    return TuckerPlan(shape, rank, dtype, [n for n, f in enumerate(factors) if f is None])


def _round_up(count: int, line: int) -> int:
    return (count + line - 1) // line * line
