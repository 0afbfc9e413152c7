"""Unfoldings and n-mode products, the four operations on which everything else stands.

All of it is C order (the last index moves fastest, as in numpy, torch and TensorLy) with modes
counted from 0. The trick of this file: a C-contiguous tensor of shape (I_1, ..., I_N) seen from its
mode n *is* a block of shape (left, I_n, right) with left = I_1 ... I_(n-1) and
right = I_(n+1) ... I_N. So an n-mode product is one matrix product on a view, and the transposed
copy that an unfolding makes is never needed.

Source: Kolda and Bader, "Tensor Decompositions and Applications", SIAM Review 51 (2009),
sections 2.4 and 2.5; with columns of the unfolding in C order instead of their Fortran order.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tucker_core.checks import (
    FloatArray,
    check_integer,
    check_mode,
    check_sequence,
    check_shape,
    check_tensor,
)
from tucker_core.kernels import can_compile
from tucker_core.memory import aligned_empty, behaved, check_out
from tucker_core.mode_checks import check_matrix, check_modes

LARGEST_TILED = 32  # rows of a matrix; BLAS is made for larger ones


def unfold(tensor: npt.ArrayLike, mode: int) -> FloatArray:
    """Unfold a tensor into a matrix whose rows are the slices of one mode (mode-n matricization).

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N)
    mode : which mode becomes the rows, 0 to N - 1

    Returns
    -------
    array of shape (I_mode, I_1 ... I_N / I_mode); the other modes keep their order, the last moving
    fastest. A view where possible (always for mode 0 of a contiguous tensor), else a copy.

    Raises
    ------
    TypeError, ValueError
        If the tensor is not a float tensor of order 1 to 8, or has no such mode.

    Examples
    --------
    >>> tensor = np.arange(12.0).reshape(2, 3, 2)
    >>> unfold(tensor, 1)
    array([[ 0.,  1.,  6.,  7.],
           [ 2.,  3.,  8.,  9.],
           [ 4.,  5., 10., 11.]])

    Kolda and Bader, and Matlab, let the first of the other modes move fastest. Their unfolding is that
    of the tensor with its modes reversed:

    >>> unfold(tensor.T, tensor.ndim - 1 - 1)
    array([[ 0.,  6.,  1.,  7.],
           [ 2.,  8.,  3.,  9.],
           [ 4., 10.,  5., 11.]])
    """
    array = check_tensor(tensor)
    mode = check_mode(mode, array.ndim)
    return np.moveaxis(array, mode, 0).reshape(array.shape[mode], -1)


def fold(unfolded: npt.ArrayLike, mode: int, shape: Sequence[int]) -> FloatArray:
    """Fold a matrix back into the tensor that `unfold` made it from.

    Parameters
    ----------
    unfolded : array of shape (I_mode, I_1 ... I_N / I_mode)
    mode : the mode that forms the rows
    shape : (I_1, ..., I_N), the shape of the result

    Returns
    -------
    array of that shape; a view where possible, as in `unfold`

    Raises
    ------
    TypeError, ValueError
        If `unfolded` is not a float matrix, or its shape does not belong to `mode` and `shape`.

    Examples
    --------
    >>> tensor = np.arange(12.0).reshape(2, 3, 2)
    >>> bool((fold(unfold(tensor, 1), 1, (2, 3, 2)) == tensor).all())
    True
    """
    matrix = check_tensor(unfolded, "unfolded")
    dims = check_shape(shape)
    mode = check_mode(mode, len(dims))
    rest = dims[:mode] + dims[mode + 1 :]
    if matrix.shape != (dims[mode], math.prod(rest)):
        raise ValueError(
            f"unfolded has shape {matrix.shape}; mode {mode} of a tensor of shape {dims} unfolds to "
            f"{(dims[mode], math.prod(rest))}"
        )
    return np.moveaxis(matrix.reshape(dims[mode], *rest), 0, mode)


def mode_dot(
    tensor: npt.ArrayLike,
    matrix: npt.ArrayLike,
    mode: int,
    transpose: bool = False,
    *,
    out: FloatArray | None = None,
) -> FloatArray:
    """Multiply a tensor by a matrix or vector along one mode: the n-mode product, tensor x_n matrix.

    A matrix changes the mode's dimension, a vector sums the mode away. Costs 2 J I_1 ... I_N FLOPs (2
    per multiply-add), with J = 1 for a vector.

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N)
    matrix : array of shape (J, I_mode), or (I_mode, J) with `transpose`; or a vector (I_mode,)
    mode : the mode that is contracted, 0 to N - 1
    transpose : multiply by the transposed matrix; a vector has none, and is taken as it is
    out : C-contiguous array of the result's shape and dtype to write into

    Returns
    -------
    array of shape (I_1, ..., J, ..., I_N), J in place of I_mode; with a vector one without that mode,
    of shape () if it was the only one

    Raises
    ------
    TypeError
        If tensor and matrix are not both float32 or both float64, or mode is no integer.
    ValueError
        If the shapes do not fit, or `out` is not what the result needs.

    Examples
    --------
    >>> tensor = np.arange(12.0).reshape(2, 3, 2)
    >>> mode_dot(tensor, np.ones((1, 3)), 1)
    array([[[ 6.,  9.]],
    <BLANKLINE>
           [[24., 27.]]])
    >>> mode_dot(tensor, np.ones(3), 1)
    array([[ 6.,  9.],
           [24., 27.]])
    """
    array = check_tensor(tensor)
    mode = check_mode(mode, array.ndim)
    given = check_tensor(matrix, "matrix")
    factor = check_matrix(given, array.shape, array.dtype, mode, transpose)
    if out is None and given.ndim == 2:
        return _product(array, factor, mode)
    shape = list(array.shape)
    shape[mode : mode + 1] = factor.shape[: given.ndim - 1]  # nothing for a vector
    if out is None:
        return _product(array, factor, mode).reshape(shape)
    check_out(out, tuple(shape), array.dtype, {"the tensor": array, "the matrix": given})
    _product(array, factor, mode, out)
    return out


def _product(
    tensor: FloatArray, matrix: FloatArray, mode: int, out: FloatArray | None = None
) -> FloatArray:
    """The product with a matrix (J, I_mode); J = 1 for a vector, whether or not `out` has such a mode."""
    dims = tensor.shape
    left, rows, right = math.prod(dims[:mode]), len(matrix), math.prod(dims[mode + 1 :])
    result = out
    if result is None:
        result = aligned_empty((*dims[:mode], rows, *dims[mode + 1 :]), tensor.dtype)
    block = behaved(tensor).reshape(left, dims[mode], right)
    if rows <= LARGEST_TILED and can_compile():
        _product_in_tiles(block, matrix, result)
    else:
        product_in_numpy(block, matrix, result.reshape(left, rows, right))
    return result


def product_in_numpy(block: FloatArray, matrix: FloatArray, result: FloatArray) -> None:
    """Write matrix (J, I) times block (left, I, right) to result (left, J, right): the readable way.

    Examples
    --------
    >>> result = np.empty((2, 1, 2))
    >>> product_in_numpy(np.arange(8.0).reshape(2, 2, 2), np.ones((1, 2)), result)
    >>> result.ravel()
    array([ 2.,  4., 10., 12.])
    """
    left, _, right = block.shape
    if right == 1:  # one product of two matrices instead of `left` products with a column
        np.dot(block[:, :, 0], matrix.T, out=result[:, :, 0])
    elif left == 1:
        np.dot(matrix, block[0], out=result[0])
    else:
        np.matmul(matrix, block, out=result)


def _product_in_tiles(block: FloatArray, matrix: FloatArray, result: FloatArray) -> None:
    """The same by the compiled kernel."""
    from tucker_core.kernels.mode_product import ready

    transposed = not matrix.flags.c_contiguous
    stored = behaved(matrix.T if transposed else matrix)
    scratch = np.empty(stored.size, stored.dtype)
    kernel, products = ready(block.dtype)
    if not kernel(block, stored, result.reshape(-1), scratch, transposed, products):
        raise AssertionError("sizes were checked before")


def multi_mode_dot(
    tensor: npt.ArrayLike,
    matrices: Sequence[npt.ArrayLike],
    modes: Sequence[int] | None = None,
    skip: int | None = None,
    transpose: bool = False,
) -> FloatArray:
    """Multiply a tensor by one matrix or vector in each of several modes.

    Products in different modes commute, so the modes are taken in the order which makes the
    intermediate tensors smallest: the mode that shrinks the most first.

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N)
    matrices : one array (J_n, I_n) for each of `modes`, or (I_n, J_n) with `transpose`; or a vector
        (I_n,), which sums that mode away
    modes : the modes of `matrices`, counted in `tensor` as it is given; by default 0, ..., N - 1
    skip : position in `matrices` to leave out
    transpose : multiply by the transposed matrices

    Returns
    -------
    array without the modes of the vectors, of shape () if none is left

    Raises
    ------
    TypeError, ValueError
        As `mode_dot`; also if there is not one matrix per mode, a mode comes twice, or `skip` is no
        position in `matrices`.

    Examples
    --------
    >>> tensor = np.ones((2, 3, 4))
    >>> multi_mode_dot(tensor, [np.ones((5, 2)), np.ones((6, 4))], modes=[0, 2]).shape
    (5, 3, 6)
    >>> multi_mode_dot(tensor, [np.ones(2), np.ones(4)], modes=[0, 2])
    array([8., 8., 8.])
    """
    result = check_tensor(tensor)
    given = check_sequence(matrices, "matrices", "one matrix or vector per mode")
    wanted = check_modes(modes, result.ndim, len(given))
    if skip is not None:
        limit = f"it is a position in matrices, 0 to {len(given) - 1}"
        skip = check_integer(skip, "skip", 0, len(given) - 1, limit)
    parts = [
        (check_tensor(matrix, f"matrices[{k}]"), mode)
        for k, (matrix, mode) in enumerate(zip(given, wanted, strict=True))
        if k != skip
    ]
    pairs = [
        (check_matrix(part, result.shape, result.dtype, mode, transpose), mode)
        for part, mode in parts
    ]
    if not pairs:
        return result.copy()
    for matrix, mode in sorted(pairs, key=lambda pair: pair[0].shape[0] / pair[0].shape[1]):
        result = _product(result, matrix, mode)
    summed = [mode for part, mode in parts if part.ndim == 1]
    return result.squeeze(tuple(summed)) if summed else result
