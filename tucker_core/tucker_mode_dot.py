"""The n-mode product of a tensor in Tucker format, which stays in that format."""

from collections.abc import Sequence

import numpy.typing as npt

from tucker_core.algebra import mode_dot
from tucker_core.checks import FloatArray, check_mode, check_tensor
from tucker_core.mode_checks import check_matrix
from tucker_core.tucker_tensor import TuckerTensor, check_tucker


def tucker_mode_dot(
    tucker_tensor: tuple[FloatArray, Sequence[FloatArray | None]], matrix: npt.ArrayLike, mode: int
) -> TuckerTensor:
    """Multiply a tensor in Tucker format by a matrix or vector along one mode; see `mode_dot`.

    Only the factor of that mode changes, W x_n A = C x_1 M_1 ... x_n (A M_n) ... x_N M_N, and with a
    vector it is multiplied into the core.

    Parameters
    ----------
    tucker_tensor : pair of a core (J_1, ..., J_N) and N factors (I_n, J_n) or None
    matrix : array of shape (K, I_mode), or a vector (I_mode,)
    mode : the mode that is contracted, 0 to N - 1

    Returns
    -------
    tensor in Tucker format with K in place of I_mode, or without that mode; none of its arrays is one of
    those given

    Raises
    ------
    TypeError, ValueError
        As `mode_dot` and `tucker_to_tensor`; also for the vector that would leave no mode.

    Examples
    --------
    >>> import numpy as np
    >>> tucker = TuckerTensor(np.ones((2, 3)), (np.ones((4, 2)), np.ones((5, 3))))
    >>> tucker_mode_dot(tucker, np.ones((6, 4)), 0).shape
    (6, 5)
    >>> tucker_mode_dot(tucker, np.ones(4), 0).shape
    (5,)
    """
    core, factors = check_tucker(tucker_tensor)
    mode = check_mode(mode, core.ndim)
    given = check_tensor(matrix, "matrix")
    check_matrix(given, TuckerTensor(core, factors).shape, core.dtype, mode)
    if given.ndim == core.ndim == 1:
        raise ValueError(
            "a vector leaves no mode of a tensor of order 1; for that number rebuild the tensor, "
            "mode_dot(tucker_to_tensor(...), vector, 0)"
        )
    old = factors[mode]
    new = given.copy() if old is None else mode_dot(old, given, 0)
    kept = [None if factor is None else factor.copy() for factor in factors]
    if given.ndim == 1:
        return TuckerTensor(mode_dot(core, new, mode), (*kept[:mode], *kept[mode + 1 :]))
    return TuckerTensor(core.copy(), (*kept[:mode], new, *kept[mode + 1 :]))
