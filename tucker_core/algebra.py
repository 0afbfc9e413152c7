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

from tucker_core.checks import FloatArray, check_mode, check_tensor
from tucker_core.kernels import can_compile
from tucker_core.memory import aligned_empty

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
    dims = tuple(int(dim) for dim in shape)
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
    """Multiply a tensor by a matrix along one mode: the n-mode product, tensor x_n matrix.

    Costs 2 J I_1 ... I_N FLOPs (2 per multiply-add).

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N)
    matrix : array of shape (J, I_mode), or (I_mode, J) with `transpose`
    mode : the mode that is contracted, 0 to N - 1
    transpose : multiply by the transposed matrix
    out : C-contiguous array of the result's shape and dtype to write into

    Returns
    -------
    array of shape (I_1, ..., J, ..., I_N), J in place of I_mode

    Raises
    ------
    TypeError
        If tensor and matrix are not both float32 or both float64.
    ValueError
        If the shapes do not fit, or `out` is not what the result needs.

    Examples
    --------
    >>> tensor = np.arange(12.0).reshape(2, 3, 2)
    >>> mode_dot(tensor, np.ones((1, 3)), 1)
    array([[[ 6.,  9.]],
    <BLANKLINE>
           [[24., 27.]]])
    """
    array = check_tensor(tensor)
    mode = check_mode(mode, array.ndim)
    factor = _check_matrix(array, matrix, mode, transpose)
    left = math.prod(array.shape[:mode])
    right = math.prod(array.shape[mode + 1 :])
    shape = (*array.shape[:mode], factor.shape[0], *array.shape[mode + 1 :])
    result = aligned_empty(shape, array.dtype) if out is None else _check_out(out, shape, array)
    block = np.ascontiguousarray(array).reshape(left, array.shape[mode], right)
    if factor.shape[0] <= LARGEST_TILED and can_compile():
        _product_in_tiles(block, factor, result)
    else:
        product_in_numpy(block, factor, result.reshape(left, -1, right))
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
    from tucker_core.kernels.mode_product import mode_product, ready

    transposed = not matrix.flags.c_contiguous
    stored = np.ascontiguousarray(matrix.T if transposed else matrix)
    scratch = np.empty(stored.size, stored.dtype)
    addresses = ready(block.dtype)
    if not mode_product(block, stored, result.reshape(-1), scratch, transposed, addresses):
        raise AssertionError("sizes were checked before")


def multi_mode_dot(
    tensor: npt.ArrayLike,
    matrices: Sequence[npt.ArrayLike],
    modes: Sequence[int] | None = None,
    skip: int | None = None,
    transpose: bool = False,
) -> FloatArray:
    """Multiply a tensor by one matrix in each of several modes.

    Products in different modes commute, so the modes are taken in the order which makes the
    intermediate tensors smallest: the mode that shrinks the most first.

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N)
    matrices : one array (J_n, I_n) for each of `modes`, or (I_n, J_n) with `transpose`
    modes : the modes of `matrices`; by default 0, ..., N - 1
    skip : position in `matrices` to leave out
    transpose : multiply by the transposed matrices

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
    """
    result = check_tensor(tensor)
    wanted = (
        list(range(result.ndim)) if modes is None else [check_mode(m, result.ndim) for m in modes]
    )
    if len(matrices) != len(wanted):
        raise ValueError(
            f"{len(matrices)} matrices for {len(wanted)} modes {wanted}; give one per mode"
        )
    if len(set(wanted)) != len(wanted):
        raise ValueError(f"modes {wanted} name a mode twice; multiply the two matrices first")
    if skip is not None and not 0 <= skip < len(wanted):
        raise ValueError(f"skip is {skip}; it is a position in matrices, 0 to {len(wanted) - 1}")
    pairs = [
        (np.asarray(m), n)
        for k, (m, n) in enumerate(zip(matrices, wanted, strict=True))
        if k != skip
    ]
    shrinking = sorted(pairs, key=lambda pair: _growth(pair[0], transpose))
    for matrix, mode in shrinking:
        result = mode_dot(result, matrix, mode, transpose)
    return result.copy() if result is tensor else result


def _growth(matrix: FloatArray, transpose: bool) -> float:
    """How much larger the tensor becomes by this product: J / I."""
    rows, columns = (int(n) for n in matrix.shape) if matrix.ndim == 2 else (1, 1)
    return columns / rows if transpose else rows / columns


def _check_matrix(
    tensor: FloatArray, matrix: npt.ArrayLike, mode: int, transpose: bool
) -> FloatArray:
    factor = check_tensor(matrix, "matrix")
    if factor.ndim != 2:
        raise ValueError(
            f"matrix has shape {factor.shape}; an n-mode product needs a matrix (J, I_n)"
        )
    if factor.dtype != tensor.dtype:
        raise TypeError(
            f"tensor is {tensor.dtype} and matrix is {factor.dtype}; convert one of them: nothing is "
            "converted silently"
        )
    if transpose:
        factor = factor.T
    if factor.shape[1] != tensor.shape[mode]:
        raise ValueError(
            f"matrix has {factor.shape[1]} {'rows' if transpose else 'columns'}; mode {mode} of shape "
            f"{tensor.shape} needs {tensor.shape[mode]} (is the matrix transposed?)"
        )
    return factor


def _check_out(out: FloatArray, shape: tuple[int, ...], tensor: FloatArray) -> FloatArray:
    if out.shape != shape or out.dtype != tensor.dtype or not out.flags.c_contiguous:
        raise ValueError(
            f"out is {out.dtype} of shape {out.shape}; a C-contiguous {tensor.dtype} array of shape "
            f"{shape} is needed"
        )
    if np.may_share_memory(out, tensor):
        raise ValueError("out shares memory with the tensor; give an array of its own")
    return out
