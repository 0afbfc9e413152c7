"""The Tucker product and its gradient in plain numpy: the two formulas, readable on one screen.

    W       = C x_1 M_1 x_2 M_2 ... x_N M_N
    dL/dC   = dL/dW x_1 M_1^T ... x_N M_N^T
    dL/dM_n = (dL/dW)_(n) [(C x_(j != n) M_j)_(n)]^T

The modes are expanded from the last to the first, each step being one matrix product Z <- M_n Z^T on
the matrix Z of shape (everything else, J_n). Each step moves the new mode to the front, so after N
steps all modes stand in their order again, and no tensor was ever unfolded. The gradient walks the
same chain backwards: two matrix products per mode, so all N + 1 gradients cost about twice the product.

`tucker_plan` uses these functions where its compiled kernels cannot run or do not pay.
"""

from collections.abc import Sequence

import numpy as np

from tucker_core.checks import FloatArray

Factors = Sequence[FloatArray | None]
"""One matrix (I_n, J_n) per mode, or None for the identity."""


def expand(
    core: FloatArray, factors: Factors, out: FloatArray | None = None
) -> tuple[FloatArray, list[FloatArray]]:
    """Tucker product, and the matrices (everything else, J_n) that entered its steps.

    Examples
    --------
    >>> full, steps = expand(np.array([[1.0, 2.0]]), [np.array([[1.0], [10.0]]), None])
    >>> full.reshape(2, 2)
    array([[ 1.,  2.],
           [10., 20.]])
    >>> [step.shape for step in steps]
    [(1, 2), (2, 1)]
    """
    after, steps = np.ascontiguousarray(core), list[FloatArray]()
    for mode in range(core.ndim - 1, -1, -1):
        before = after.reshape(-1, core.shape[mode])
        factor = factors[mode]
        target = None if mode or out is None else out.reshape(-1, len(before))
        if factor is not None:
            after = np.dot(factor, before.T, out=target)
        elif target is None:
            after = np.ascontiguousarray(before.T)
        else:
            target[...] = before.T
            after = target
        steps.append(before)
    return after, steps


def contract(
    factors: Factors, grad: FloatArray, steps: Sequence[FloatArray]
) -> tuple[FloatArray, tuple[FloatArray | None, ...]]:
    """Gradients by core and factors, given the one by the full tensor and the steps of `expand`.

    Examples
    --------
    >>> core, factors = np.array([[1.0, 2.0]]), [np.array([[1.0], [10.0]]), None]
    >>> grad_core, grad_factors = contract(factors, np.ones((2, 2)), expand(core, factors)[1])
    >>> grad_core.ravel()
    array([11., 11.])
    """
    upstream, grads = grad, list[FloatArray | None]()
    for factor, before in zip(factors, reversed(steps), strict=True):
        slab = upstream.reshape(-1, len(before))  # (I_n, everything else)
        grads.append(None if factor is None else slab @ before)
        upstream = slab.T if factor is None else slab.T @ factor
    # a copy: with full modes only, this is still the caller's own gradient
    return np.array(upstream, order="C"), tuple(grads)
