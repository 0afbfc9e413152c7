"""The Gram matrix of an unfolding, X_(n) X_(n)^T, straight from the tensor's own memory.

A C-contiguous tensor seen from mode n is a block of shape (left, I, right). Its Gram matrix

    G[i, j] = sum over l and r of block[l, i, r] block[l, j, r]

needs no unfolding: slab by slab, half of a symmetric product. Tiles are faster than BLAS up to about a
hundred rows; above that BLAS has the better of it. float32 entries may be summed in float64: the
squaring halves the digits, so small singular values drown in a float32 Gram matrix.
"""

from typing import Any

import numpy as np

from tucker_core.checks import FloatArray
from tucker_core.kernels import can_compile
from tucker_core.memory import behaved

LARGEST_TILED = 100
_BUFFER_BYTES = 1 << 17  # half of a small second cache
_THIN = 64  # slabs with shorter rows than this are gathered into one with longer rows


def mode_gram(block: FloatArray, dtype: type[np.floating[Any]] | None = None) -> FloatArray:
    """Gram matrix of the unfolding of which a tensor is this block.

    Costs I^2 left right FLOPs: 2 per multiply-add, half of them saved by symmetry.

    Parameters
    ----------
    block : C-contiguous array of shape (left, I, right), float32 or float64
    dtype : in what to sum and to return, the block's own or np.float64; the block's own by default

    Returns
    -------
    array of shape (I, I), exactly symmetric

    Raises
    ------
    TypeError
        If block is not float32 or float64, or dtype is less precise than it.
    ValueError
        If block is not C-contiguous of order 3.

    Examples
    --------
    >>> mode_gram(np.arange(8.0).reshape(2, 2, 2))
    array([[42., 62.],
           [62., 98.]])
    """
    target = _check(block, block.dtype if dtype is None else np.dtype(dtype))
    rows = block.shape[1]
    if rows > LARGEST_TILED or not can_compile():
        return gram_in_numpy(block, target)
    from tucker_core.kernels.gram_tiles import ready

    result = np.zeros((rows, rows), target)
    columns = max(_BUFFER_BYTES // (rows * target.itemsize), _THIN)
    add_gram, products = ready(block.dtype, target)
    add_gram(behaved(block), np.empty(rows * columns, target), result, _THIN, products)
    return result


def gram_in_numpy(block: FloatArray, dtype: np.dtype[Any]) -> FloatArray:
    """The readable reference: slab after slab through BLAS, which sees A A^T and computes one half.

    Examples
    --------
    >>> gram_in_numpy(np.ones((2, 1, 3)), np.dtype(float))
    array([[6.]])
    """
    left, rows, right = block.shape
    if right < _THIN:  # many thin slabs: gather as many as make one long one
        block, (left, right) = block.transpose(1, 0, 2).reshape(1, rows, -1), (1, left * right)
    result: FloatArray | None = None
    width = right if block.dtype == dtype else max(1, _BUFFER_BYTES // rows)
    for slab in block:
        for start in range(0, right, width):
            part = slab[:, start : start + width].astype(dtype, copy=False)
            if result is None:  # most often there is no second part, and no second matrix then
                result = part @ part.T
            else:
                result += part @ part.T
    return np.zeros((rows, rows), dtype) if result is None else result


def _check(block: FloatArray, dtype: np.dtype[Any]) -> np.dtype[Any]:
    if block.dtype not in (np.float32, np.float64) or dtype not in (block.dtype, np.float64):
        raise TypeError(
            f"block is {block.dtype} and the sum {dtype}; float32 or float64 is needed, and a sum at "
            "least as precise as the block"
        )
    if block.ndim != 3 or not block.flags.c_contiguous or block.size == 0:
        raise ValueError(
            f"block has shape {block.shape}; a C-contiguous array (left, I, right) with entries is "
            "needed: reshape the tensor"
        )
    return dtype
