"""The compiled half of `gram`: slabs of a block, gathered or converted where needed, into tiles."""

from typing import Any

import numpy as np
from numba import types

from tucker_core.checks import FloatArray
from tucker_core.kernels.jit import compiled, inlined, once, reads, writes
from tucker_core.kernels.matmul import Products, add_dots, blocks_of, multiply, products
from tucker_core.kernels.simd import DOT_ROWS, ROWS, item_size


@once
def ready(dtype: np.dtype[Any], total: np.dtype[Any]) -> tuple[Any, Products]:
    """Compile or load `_add_gram` for a type of entries and of sums; also gives its last argument."""
    arrays = reads(dtype, 3), writes(total, 1), writes(total, 2)
    kernel = compiled(_add_gram, *arrays, types.int64, types.UniTuple(types.int64, 2))
    return kernel, products(total)


def _add_gram(
    block: FloatArray, buffer: FloatArray, result: FloatArray, thin: int, products: Products
) -> None:
    """Add the Gram matrix of block (left, I, right) to result (I, I).

    Slabs narrower than `thin` are gathered in the buffer, which holds I rows of at least `thin`.
    """
    _, rows, right = block.shape
    if result.shape != (rows, rows) or len(buffer) < rows * max(thin, 1):
        raise ValueError("result is not (I, I), or the buffer is smaller than the widest thin slab")
    if right == 1:
        _add_of_columns(block, buffer, result, products)
    elif right < thin:
        _add_gathered(block, buffer, result, products)
    else:
        _add_slabs(block, buffer, result, products)
    for i in range(rows):
        for j in range(i):
            result[i, j] = result[j, i]


@inlined
def _add_of_columns(block: Any, buffer: Any, result: Any, products: Products) -> None:
    """G += X^T X for the last mode, where block is X (left, I)."""
    left, rows, _ = block.shape
    zero = result.dtype.type(0)
    size, c = item_size(zero), result.ctypes.data
    row = rows * size
    most = len(buffer) // rows
    blocks = blocks_of(rows, ROWS)
    for start in range(0, left, most):
        count = min(most, left - start)
        a = block.ctypes.data + start * row
        if item_size(block.dtype.type(0)) != size:
            for k in range(count):
                for i in range(rows):
                    buffer[k * rows + i] = block[start + k, i, 0]
            a = buffer.ctypes.data
        for part in range(blocks):
            i, below = rows * part // blocks, rows * (part + 1) // blocks
            at, target = a + i * size, c + i * (row + size)
            shape = (below - i, count, rows - i)
            multiply(zero, products, at, (size, row), at, row, target, row, shape, 1)


@inlined
def _add_gathered(block: Any, buffer: Any, result: Any, products: Products) -> None:
    """Thin slabs are laid side by side in the buffer, as many as it holds."""
    left, rows, right = block.shape
    most = len(buffer) // rows // right
    row = most * right
    for start in range(0, left, most):
        count = min(most, left - start)
        for i in range(rows):
            for k in range(count):
                for r in range(right):
                    buffer[i * row + k * right + r] = block[start + k, i, r]
        _add_rows(buffer.ctypes.data, row, result, count * right, products)


@inlined
def _add_slabs(block: Any, buffer: Any, result: Any, products: Products) -> None:
    """Long slabs are used where they lie, in panels that fit a cache, or converted panel by panel."""
    left, rows, right = block.shape
    size = item_size(result.dtype.type(0))
    width = len(buffer) // rows
    for k in range(left):
        for start in range(0, right, width):
            count = min(width, right - start)
            at, row = block.ctypes.data + (k * rows * right + start) * size, right
            if item_size(block.dtype.type(0)) != size:
                for i in range(rows):
                    for r in range(count):
                        buffer[i * width + r] = block[k, i, start + r]
                at, row = buffer.ctypes.data, width
            _add_rows(at, row, result, count, products)


@inlined
def _add_rows(at: int, row: int, result: Any, count: int, products: Products) -> None:
    """G += A A^T on and above the diagonal, for A with rows that many entries apart."""
    rows, zero = len(result), result.dtype.type(0)
    size = item_size(zero)
    down, step = blocks_of(rows, DOT_ROWS), row * size
    for block in range(down):
        i, below = rows * block // down, rows * (block + 1) // down
        a, target = at + i * step, result.ctypes.data + i * (rows + 1) * size
        shape = (below - i, rows - i, count)
        add_dots(zero, products, a, step, a, step, target, rows * size, shape)
