"""The Tucker format: a small core tensor times one transformation matrix per mode.

A tensor W of shape (I_1, ..., I_N) is written as (ADA-Tucker, section on Tucker layers)

    W = C x_1 M_1 x_2 M_2 ... x_N M_N

with core C of shape (J_1, ..., J_N) and transformation (factor) matrices M_n of shape (I_n, J_n).
A factor of None stands for the identity: that mode keeps its dimension and stores no matrix, which
is what a full rank J_n = I_n should cost.

The formulas in plain numpy are in `tucker_chain`; `tucker_plan` makes them fast.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tucker_core.checks import FloatArray, check_sequence, check_shape, check_tensor
from tucker_core.tucker_norm import relative_error, tucker_norm
from tucker_core.tucker_plan import TuckerPlan, plan_for


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
            r if factor is None else np.shape(factor)[0]
            for r, factor in zip(self.rank, self.factors, strict=True)
        )

    @property
    def rank(self) -> tuple[int, ...]:
        """(J_1, ..., J_N), the multilinear rank: the shape of the core."""
        return tuple(np.shape(self.core))

    @property
    def n_params(self) -> int:
        """Parameters stored: prod(J_n) + sum(I_n J_n) over the modes that have a factor."""
        parts = (self.core, *(factor for factor in self.factors if factor is not None))
        return sum(math.prod(np.shape(part)) for part in parts)

    def to_tensor(self) -> FloatArray:
        """Rebuild the full tensor, see `tucker_to_tensor`."""
        return tucker_to_tensor(self)

    def norm(self) -> float:
        """Frobenius norm of the tensor that this stands for, from the parts alone: nothing is rebuilt.

        The factors need not be orthonormal. Infinite only if the norm itself is beyond a float.

        Examples
        --------
        >>> TuckerTensor(np.array([[3.0, 4.0]]), (np.ones((4, 1)), None)).norm()
        10.0
        """
        return tucker_norm(*check_tucker(self, finite=True))

    def relative_error(self, tensor: npt.ArrayLike) -> float:
        """Frobenius norm of the difference to a tensor of this shape, over the norm of that tensor.

        Rebuilt slab by slab and summed in float64, so that no second tensor is in memory and small errors
        keep their digits. Of a tensor of zeros: 0 if this is zero as well, else infinity.

        Examples
        --------
        >>> tensor = np.array([[3.0, 4.0]])
        >>> TuckerTensor(tensor, (None, np.diag([1.0, 0.0]))).relative_error(tensor)
        0.8
        """
        target = check_tensor(tensor, finite=True)
        parts = check_tucker(self, finite=True)
        if target.shape != parts.shape:
            raise ValueError(
                f"tensor has shape {target.shape}; this one in Tucker format has shape {parts.shape}"
            )
        return relative_error(*parts, target)


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
    core, factors, plan = _planned(tucker_tensor)
    return plan.product(core, factors, out=out)


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
    core, factors, plan = _planned(tucker_tensor)
    return plan.gradient(core, factors, grad)


def _planned(
    tucker_tensor: tuple[FloatArray, Sequence[FloatArray | None]],
) -> tuple[FloatArray, Sequence[FloatArray | None], TuckerPlan]:
    """Core, factors and the plan for their shapes; only if there is none, see why or make arrays."""
    try:
        core, factors = tucker_tensor
        return core, factors, plan_for(core, factors)
    except (AttributeError, TypeError, ValueError, IndexError):
        core, factors = check_tucker(tucker_tensor)
        return core, factors, plan_for(core, factors)


def check_tucker(
    tucker_tensor: tuple[FloatArray, Sequence[FloatArray | None]], *, finite: bool = False
) -> TuckerTensor:
    """Return the pair as a `TuckerTensor` of arrays if they fit together, or say which one does not.

    Parameters
    ----------
    tucker_tensor : pair of a core (J_1, ..., J_N) and N factors (I_n, J_n) or None
    finite : also refuse NaN and infinity

    Raises
    ------
    TypeError
        If it is no pair, or core and factors do not share one dtype, float32 or float64.
    ValueError
        If there is not one factor per mode, or a factor is no (I_n, J_n) matrix.

    Examples
    --------
    >>> check_tucker((np.ones((2, 2)), [None]))
    Traceback (most recent call last):
    ValueError: 1 factors for a core of order 2 (shape (2, 2)); give one per mode, None for identity
    """
    pair = check_sequence(tucker_tensor, "tucker_tensor", "a pair (core, factors)")
    if len(pair) != 2:
        raise TypeError(f"tucker_tensor has {len(pair)} entries; a pair (core, factors) is needed")
    core = check_tensor(pair[0], "core", finite=finite)
    factors = list(check_sequence(pair[1], "factors", "a matrix or None per mode"))
    if len(factors) != core.ndim:
        raise ValueError(
            f"{len(factors)} factors for a core of order {core.ndim} (shape {core.shape}); "
            "give one per mode, None for identity"
        )
    for mode, (factor, rank) in enumerate(zip(factors, core.shape, strict=True)):
        if factor is None:
            continue
        matrix = factors[mode] = check_tensor(factor, f"factors[{mode}]", finite=finite)
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
    dims, ranks = check_shape(shape), check_shape(rank, "rank")
    if len(dims) != len(ranks):
        raise ValueError(f"rank {ranks} does not fit shape {dims}: give one rank >= 1 per mode")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng is {rng!r}; a generator such as np.random.default_rng(0) is needed")
    core = rng.standard_normal(ranks)
    return TuckerTensor(
        core, tuple(rng.standard_normal((i, j)) for i, j in zip(dims, ranks, strict=True))
    )
