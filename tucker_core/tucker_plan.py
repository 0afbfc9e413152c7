"""The Tucker product prepared once for a shape: checks, room for intermediates, compiled kernels.

`tucker_to_tensor` and `tucker_gradient` look up a plan for the shapes they are given. Code that
calls them again and again with equal shapes, such as a training loop, holds the plan itself.
"""

import math
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tucker_core.checks import FloatArray
from tucker_core.kernels import can_compile
from tucker_core.memory import ALIGNMENT, SMALL_BYTES, aligned_empty, behaved
from tucker_core.tucker_chain import Factors, contract, expand
from tucker_core.tucker_shapes import TuckerShapes

LARGEST_RANK = 96  # above it, BLAS is faster than the kernels
_KEPT_NUMBERS = 1 << 18  # larger workspaces are not kept between calls of `tucker_to_tensor`

_WRONG_SAVED = (
    "what was saved for the gradient is used up or belongs to another plan: take it from a new "
    "product_and_saved, or leave it out"
)

Saved: TypeAlias = FloatArray | list[FloatArray]
"""What a product leaves for its gradient: a filled workspace, or the matrices of the numpy chain."""


class TuckerPlan(TuckerShapes):
    """Tucker product and gradient for one shape, rank and precision.

    Several threads may use one plan at once: a kernel holds the interpreter's lock from its first number
    to its last, and nothing stays in the plan between two calls. A plan is pickled and copied as its
    arguments.

    Parameters
    ----------
    shape : (I_1, ..., I_N)
    rank : (J_1, ..., J_N), J_n <= I_n not required
    dtype : np.float32 or np.float64
    full_modes : modes without a factor (the identity), where J_n = I_n

    Raises
    ------
    TypeError
        If dtype is neither float32 nor float64, or an entry of shape or rank is no integer.
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
        super().__init__(shape, rank, dtype, full_modes)
        ranks = [self.rank[n] for n in self.factor_modes]
        small = math.prod(self.shape) * self.dtype.itemsize < SMALL_BYTES
        self._new = np.empty if small else aligned_empty
        self._compiled = bool(ranks) and max(ranks) <= LARGEST_RANK and can_compile()
        self._nothing = np.empty((0, 0), self.dtype)  # in place of a factor that is not there
        self._filled = self._fill if self.full_modes else tuple
        self._factor_shapes = [
            (0, 0) if n in self.full_modes else pair
            for n, pair in enumerate(zip(self.shape, self.rank, strict=True))
        ]
        self._order = len(self.shape)
        self._table, self._room = self._lay_out()
        self._workspace: FloatArray | None = None
        self._product_kernel: Any = None
        self._gradient_kernel: Any = None

    @property
    def is_compiled(self) -> bool:
        """Whether the kernels do the work; if not, numpy and its BLAS."""
        return self._compiled

    def product(
        self, core: FloatArray, factors: Factors, *, out: FloatArray | None = None
    ) -> FloatArray:
        """Rebuild the full tensor (I_1, ..., I_N), in `out` if given; see `tucker_to_tensor`."""
        if self._compiled:
            workspace = self._workspace
            if workspace is None:
                workspace = self._workspace = np.empty(self._room, self.dtype)
            return self._product(core, factors, out, workspace)
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
        if not self._compiled:
            return self._gradient_in_numpy(core, factors, grad, saved)
        kernel, dtype = self._gradient_kernel, self.dtype
        if kernel is None:
            kernel = self._gradient_kernel = self._load(True)
        grad_core = np.empty(self.rank, dtype)
        grads = tuple([np.empty(shape, dtype) for shape in self._factor_shapes])
        given = saved is not None
        workspace: Any = saved if given else self._workspace
        if workspace is None:
            workspace = self._workspace = np.empty(self._room, dtype)
        elif given and not (_is_plain(workspace, dtype, 1) and workspace.flags.carray):
            raise ValueError(_WRONG_SAVED)
        rest = grad_core, grads, workspace, self._table, given
        parts = self._plain(core, factors)
        usable = parts is not None and _is_plain(grad, dtype, self._order)
        if not usable or not kernel(core, parts, grad, *rest):
            core, parts = self._contiguous(core, factors)
            if not kernel(core, parts, behaved(self.check_grad(grad)), *rest):
                raise ValueError(_WRONG_SAVED)
        if not self.full_modes:
            return grad_core, grads
        return grad_core, tuple([None if n in self.full_modes else g for n, g in enumerate(grads)])

    def _load(self, with_gradient: bool) -> Any:
        """Compile or load a kernel; no `cached_property`, whose lock a fork may leave closed for ever."""
        from tucker_core.kernels.product import ready

        kernel, self._table[:, 6:] = ready(self.dtype, len(self.shape), with_gradient)
        return kernel

    def _product(
        self, core: FloatArray, factors: Factors, out: FloatArray | None, workspace: FloatArray
    ) -> FloatArray:
        full = self._new(self.shape, self.dtype) if out is None else out
        kernel = self._product_kernel
        if kernel is None:
            kernel = self._product_kernel = self._load(False)
        parts = self._plain(core, factors)
        usable = out is None or (_is_plain(out, self.dtype, self._order) and out.flags.carray)
        if usable and parts and kernel(core, parts, full, workspace, self._table):
            return full
        core, parts = self._contiguous(core, factors, out)
        if not kernel(core, parts, full, workspace, self._table):
            raise AssertionError("shapes and addresses were checked before")
        return full

    def _product_in_numpy(
        self, core: FloatArray, factors: Factors, out: FloatArray | None
    ) -> tuple[FloatArray, Saved]:
        core, factors = self.check_parts(core, factors, out)
        full = self._new(self.shape, self.dtype) if out is None else out
        return full, expand(core, factors, full)[1]

    def _gradient_in_numpy(
        self, core: FloatArray, factors: Factors, grad: FloatArray, saved: Saved | None
    ) -> tuple[FloatArray, tuple[FloatArray | None, ...]]:
        core, factors = self.check_parts(core, factors)
        grad = self.check_grad(grad)
        if saved is None:
            saved = expand(core, factors)[1]
        elif [np.shape(step) for step in saved] != self.step_shapes():
            raise ValueError(_WRONG_SAVED)
        grad_core, by_mode = contract(factors, np.ascontiguousarray(grad), list(saved))
        return grad_core.reshape(self.rank), by_mode

    def _plain(self, core: FloatArray, factors: Factors) -> tuple[Any, ...] | None:
        """The factors as the kernels take them, if all parts pass what kernels do not look at again."""
        try:
            parts = self._filled(factors)
        except TypeError:
            return None
        kind = (
            self.dtype
        )  # most often the very same object, which is faster to see than an equal one
        if type(core) is not np.ndarray or core.ndim != self._order or len(parts) != self._order:
            return None
        if core.dtype is not kind and core.dtype != kind:
            return None
        for part in parts:
            if type(part) is not np.ndarray or part.ndim != 2:
                return None
            if part.dtype is not kind and part.dtype != kind:
                return None
        return parts

    def _fill(self, factors: Factors) -> tuple[Any, ...]:
        """The factors without gaps."""
        return tuple([self._nothing if factor is None else factor for factor in factors])

    def _contiguous(
        self, core: FloatArray, factors: Factors, out: FloatArray | None = None
    ) -> tuple[FloatArray, tuple[Any, ...]]:
        """Core and factors as the kernels take them, copied where they must be, or what is wrong."""
        core, factors = self.check_parts(core, factors, out)
        return behaved(core), self._fill([None if f is None else behaved(f) for f in factors])

    def _lay_out(self) -> tuple[npt.NDArray[np.int64], int]:
        """The table that the kernels want, and the numbers that the workspace must hold."""
        line = ALIGNMENT // self.dtype.itemsize
        factor_sizes = [self.shape[n] * self.rank[n] for n in self.factor_modes]
        rows, place = [], _round_up(max(factor_sizes, default=0), line)
        for n in self.factor_modes:
            left, right = math.prod(self.rank[:n]), math.prod(self.shape[n + 1 :])
            rows.append((left, self.rank[n], self.shape[n], right, place, n, 0, 0))
            if n != self.factor_modes[-1]:
                place += _round_up(left * self.shape[n] * right, line)
        room = place + line + 1 if self._compiled else 0
        rows += [(0, self.rank[n], self.shape[n], 0, -1, n, 0, 0) for n in sorted(self.full_modes)]
        return np.array(rows, np.int64), room


def plan_for(core: FloatArray, factors: Factors) -> TuckerPlan:
    """A plan for arrays of these shapes and this precision; the last few hundred are kept.

    Examples
    --------
    >>> plan_for(np.ones((2, 3)), [np.ones((4, 2)), None]).shape
    (4, 3)
    """
    shapes = tuple([None if factor is None else factor.shape for factor in factors])
    plan = _plan_for(core.shape, core.dtype, shapes)
    if plan._room <= _KEPT_NUMBERS:
        return plan
    passing = object.__new__(TuckerPlan)  # takes its workspace with it
    vars(passing).update(vars(plan))
    return passing


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


def _is_plain(array: Any, dtype: np.dtype[Any], order: int) -> bool:
    """Whether this is an array of that kind, in the machine's own order of bytes and without a mask."""
    return type(array) is np.ndarray and array.dtype == dtype and array.ndim == order


def _round_up(count: int, line: int) -> int:
    return (count + line - 1) // line * line
