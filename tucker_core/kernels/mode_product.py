"""The n-mode product, compiled: a matrix times every slab of a block, or every row times it."""

from typing import Any

import numpy as np
from numba import types

from tucker_core.checks import FloatArray
from tucker_core.kernels.jit import compiled, inlined, once, reads, writes
from tucker_core.kernels.matmul import Products, multiply, products
from tucker_core.kernels.simd import item_size

# Long columns are taken in pieces where rows lie whole pages apart: they share one corner of the cache,
# and the whole column would not stay in it.
_PAGE = 4096
_DEPTH = 16
_COLUMNS = 1024


@once
def ready(dtype: np.dtype[Any]) -> tuple[Any, Products]:
    """Compile or load `_mode_product`; also gives the argument `products` that it wants."""
    arrays = reads(dtype, 3), reads(dtype, 2), writes(dtype, 1), writes(dtype, 1)
    kernel = compiled(_mode_product, *arrays, types.boolean, types.UniTuple(types.int64, 2))
    return kernel, products(dtype)


def _mode_product(
    block: FloatArray,
    matrix: FloatArray,
    result: FloatArray,
    scratch: FloatArray,
    transposed: bool,
    products: Products,
) -> bool:
    """Write matrix (J, I) times block (left, I, right) to result, of (left, J, right) numbers.

    transposed: the matrix is stored as (I, J). scratch holds as many numbers as it. Nothing is
    touched and False returned if a size does not fit.
    """
    left, dim, right = block.shape
    rows = matrix.shape[1] if transposed else matrix.shape[0]
    fits = matrix.size == rows * dim and result.size == left * rows * right
    if not fits or scratch.size < matrix.size:
        return False
    zero = block.dtype.type(0)
    size, at = item_size(zero), matrix.ctypes.data
    if right > 1:
        steps = (size, rows * size) if transposed else (dim * size, size)
        _slabs(block, at, steps, rows, result.ctypes.data, products)
        return True
    if not transposed:
        for i in range(dim):
            for j in range(rows):
                scratch[i * rows + j] = matrix[j, i]
        at = scratch.ctypes.data
    source, row = block.ctypes.data, rows * size
    steps = (dim * size, size)
    shape = (left, dim, rows)
    multiply(zero, products, source, steps, at, row, result.ctypes.data, row, shape, 0)
    return True


@inlined
def _slabs(
    block: Any, matrix: int, steps: tuple[int, int], rows: int, result: int, products: Products
) -> None:
    left, dim, right = block.shape
    zero = block.dtype.type(0)
    size = item_size(zero)
    line = right * size
    deep = dim > 4 * _DEPTH and line % _PAGE == 0
    depth, width = (_DEPTH, _COLUMNS) if deep else (dim, right)
    for k in range(left):
        slab, target = block.ctypes.data + k * dim * line, result + k * rows * line
        for start in range(0, right, width):
            for first in range(0, dim, depth):
                b = slab + first * line + start * size
                shape = (rows, min(depth, dim - first), min(width, right - start))
                a, c = matrix + first * steps[1], target + start * size
                multiply(zero, products, a, steps, b, line, c, line, shape, min(first, 1))
