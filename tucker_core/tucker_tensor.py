"""The Tucker format: a small core tensor times one transformation matrix per mode.

A tensor W of shape (I_1, ..., I_N) is written as (ADA-Tucker, section on Tucker layers)

    W = C x_1 M_1 x_2 M_2 ... x_N M_N

with core C of shape (J_1, ..., J_N) and transformation (factor) matrices M_n of shape (I_n, J_n).
A factor of None stands for the identity: that mode keeps its dimension and stores no matrix, which
is what a full rank J_n = I_n should cost.

How the product is computed: the modes are expanded from the last to the first, each step being one
matrix product Z <- M_n Z^T on the matrix Z of shape (everything else, J_n). Each step moves the new
mode to the front, so after N steps all modes stand in their order again, and no tensor was ever
unfolded. The gradient walks the same chain backwards.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tucker_core.checks import FloatArray, check_tensor


class TuckerTensor(NamedTuple):
    """A tensor in Tucker format; unpacks as `core, factors = tucker_tensor`.

    Attributes
    ----------
    core : array of shape (J_1, ..., J_N)
    factors : N entries, each an array of shape (I_n, J_n) or None for the identity

    Examples
    --------
    >>> t = TuckerTensor(np.ones((2, 3)), (np.ones((4, 2)), None))
    >>> t.shape, t.rank, t.n_params
    ((4, 3), (2, 3), 14)
    >>> t.to_tensor()[0]
    array([2., 2., 2.])
    """

    core: FloatArray
    factors: tuple[FloatArray | None, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """(I_1, ..., I_N), the shape of the tensor that this stands for."""
        return tuple(
            r if factor is None else factor.shape[0]
            for r, factor in zip(self.core.shape, self.factors, strict=True)
        )

    @property
    def rank(self) -> tuple[int, ...]:
        """(J_1, ..., J_N), the multilinear rank: the shape of the core."""
        return tuple(self.core.shape)

    @property
    def n_params(self) -> int:
        """Numbers stored: prod(J_n) + sum(I_n J_n) over the modes that have a factor."""
        return self.core.size + sum(f.size for f in self.factors if f is not None)

    def to_tensor(self) -> FloatArray:
        """Rebuild the full tensor, see `tucker_to_tensor`."""
        return tucker_to_tensor(self)


def tucker_to_tensor(
    tucker_tensor: tuple[FloatArray, Sequence[FloatArray | None]], *, out: FloatArray | None = None
) -> FloatArray:
    """Rebuild the full tensor: core x_1 M_1 x_2 M_2 ... x_N M_N.

    Parameters
    ----------
    tucker_tensor : pair of a core (J_1, ..., J_N) and N factors (I_n, J_n) or None
    out : C-contiguous array of shape (I_1, ..., I_N) and the core's dtype to write into

    Returns
    -------
    array of shape (I_1, ..., I_N)

    Raises
    ------
    TypeError
        If core and factors do not share one dtype, float32 or float64.
    ValueError
        If there is not one factor per mode, a shape does not fit, or `out` is unsuitable.

    Examples
    --------
    >>> core = np.array([[1.0, 2.0]])
    >>> tucker_to_tensor((core, [np.array([[1.0], [10.0]]), None]))
    array([[ 1.,  2.],
           [10., 20.]])
    """
    core, factors = check_tucker(tucker_tensor)
    shape = TuckerTensor(core, factors).shape
    if out is None:
        out = np.empty(shape, core.dtype)
    elif out.shape != shape or out.dtype != core.dtype or not out.flags.c_contiguous:
        raise ValueError(
            f"out is {out.dtype} of shape {out.shape}; a C-contiguous {core.dtype} array of shape "
            f"{shape} is needed"
        )
    steps = _chain(core, factors)
    _expand(steps[-1], factors[0], out.reshape(shape[0], -1))
    return out


def tucker_gradient(
    tucker_tensor: tuple[FloatArray, Sequence[FloatArray | None]], grad: FloatArray
) -> tuple[FloatArray, tuple[FloatArray | None, ...]]:
    """Gradients of a loss by the core and by every factor, given its gradient by the full tensor.

    Reverse mode over the chain of `tucker_to_tensor`: two matrix products per mode, so all N + 1
    gradients cost about twice the product itself. In the paper's terms

        dL/dC   = dL/dW x_1 M_1^T ... x_N M_N^T
        dL/dM_n = (dL/dW)_(n) [(C x_(j != n) M_j)_(n)]^T

    Parameters
    ----------
    tucker_tensor : pair of a core (J_1, ..., J_N) and N factors (I_n, J_n) or None
    grad : array of shape (I_1, ..., I_N), dL/dW

    Returns
    -------
    (grad_core, grad_factors), of the shapes of core and factors; None where the factor is None

    Raises
    ------
    TypeError, ValueError
        As `tucker_to_tensor`; also if `grad` has another shape or dtype than the full tensor.

    Examples
    --------
    >>> core, factor = np.array([[1.0, 2.0]]), np.array([[1.0], [10.0]])
    >>> grad_core, grad_factors = tucker_gradient((core, [factor, None]), np.ones((2, 2)))
    >>> grad_core
    array([[11., 11.]])
    >>> grad_factors[0]
    array([[3.],
           [3.]])
    """
    core, factors = check_tucker(tucker_tensor)
    shape = TuckerTensor(core, factors).shape
    upstream = check_tensor(grad, "grad")
    if upstream.shape != shape or upstream.dtype != core.dtype:
        raise ValueError(
            f"grad is {upstream.dtype} of shape {upstream.shape}; the tensor is {core.dtype} of "
            f"shape {shape}"
        )
    grad_factors: list[FloatArray | None] = []
    for factor, before in zip(factors, reversed(_chain(core, factors)), strict=True):
        rows = shape[len(grad_factors)]
        slab = upstream.reshape(rows, -1)  # (I_n, everything else)
        grad_factors.append(None if factor is None else slab @ before)
        upstream = slab.T if factor is None else slab.T @ factor
    # a copy: with full modes only, this is still the caller's own gradient
    return np.array(upstream, order="C").reshape(core.shape), tuple(grad_factors)


def check_tucker(
    tucker_tensor: tuple[FloatArray, Sequence[FloatArray | None]],
) -> TuckerTensor:
    """Return the pair as a `TuckerTensor` if its parts fit together, or say which one does not.

    Raises
    ------
    TypeError
        If core and factors do not share one dtype, float32 or float64.
    ValueError
        If there is not one factor per mode, or a factor is no (I_n, J_n) matrix.

    Examples
    --------
    >>> check_tucker((np.ones((2, 2)), [None]))
    Traceback (most recent call last):
    ValueError: 1 factors for a core of order 2 (shape (2, 2)); give one per mode, None for identity
    """
    core, factors = tucker_tensor
    core = check_tensor(core, "core")
    if len(factors) != core.ndim:
        raise ValueError(
            f"{len(factors)} factors for a core of order {core.ndim} (shape {core.shape}); "
            "give one per mode, None for identity"
        )
    for mode, (factor, rank) in enumerate(zip(factors, core.shape, strict=True)):
        if factor is None:
            continue
        matrix = check_tensor(factor, f"factors[{mode}]")
        if matrix.dtype != core.dtype:
            raise TypeError(
                f"factors[{mode}] is {matrix.dtype}, the core is {core.dtype}; make them equal"
            )
        if matrix.ndim != 2 or matrix.shape[1] != rank:
            raise ValueError(
                f"factors[{mode}] has shape {matrix.shape}; the core's shape {core.shape} needs "
                f"(I, {rank}) there (is it transposed?)"
            )
    return TuckerTensor(core, tuple(factors))


def _chain(core: FloatArray, factors: Sequence[FloatArray | None]) -> list[FloatArray]:
    """The matrices (everything else, J_n) that enter each step, for n = N - 1, ..., 0."""
    steps = [np.ascontiguousarray(core).reshape(-1, core.shape[-1])]
    for n in range(len(factors) - 1, 0, -1):
        expanded = _expand(steps[-1], factors[n])
        steps.append(expanded.reshape(-1, core.shape[n - 1]))
    return steps


def _expand(
    before: FloatArray, factor: FloatArray | None, out: FloatArray | None = None
) -> FloatArray:
    """One step, (everything else, J_n) -> (I_n, everything else)."""
    if factor is not None:
        return np.dot(factor, before.T, out=out)
    if out is None:
        return np.ascontiguousarray(before.T)
    out[...] = before.T
    return out


def random_tucker(
    shape: Sequence[int], rank: Sequence[int], rng: np.random.Generator
) -> TuckerTensor:
    """Draw a random tensor in Tucker format: standard normal core and factors, float64.

    Parameters
    ----------
    shape : (I_1, ..., I_N)
    rank : (J_1, ..., J_N)
    rng : where the numbers come from; the same generator state gives the same tensor

    Examples
    --------
    >>> random_tucker((4, 5), (2, 3), np.random.default_rng(0)).n_params == 2 * 3 + 4 * 2 + 5 * 3
    True
    """
    if math.prod(rank) < 1 or len(shape) != len(rank):
        raise ValueError(
            f"rank {tuple(rank)} does not fit shape {tuple(shape)}: give one rank >= 1 per mode"
        )
    core = rng.standard_normal(tuple(rank))
    return TuckerTensor(
        core, tuple(rng.standard_normal((i, j)) for i, j in zip(shape, rank, strict=True))
    )
