"""The compiled half of `gram`: slabs of a block, gathered or converted where needed, into tiles."""

from typing import Any

import numba
from numba import types

from tucker_core.checks import FloatArray
from tucker_core.kernels.matmul import add_own_dots, blocks_of, compiled_for, inlined, multiply
from tucker_core.kernels.simd import ROWS, item_size


@inlined
def _add_of_columns(zero: Any, block: Any, buffer: Any, result: Any) -> None:
    """G += X^T X for the last mode, where block is X (left, I)."""
    left, rows, _ = block.shape
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
            at = a + i * size
            shape = (below - i, count, rows - i)
            multiply(zero, at, (size, row), at, row, c + i * (row + size), row, shape, 1)


@inlined
def _add_gathered(zero: Any, block: Any, buffer: Any, result: Any) -> None:
    """Thin slabs are laid side by side in the buffer, as many as it holds."""
    left, rows, right = block.shape
    width = len(buffer) // rows
    most = max(1, width // right)
    row = most * right
    for start in range(0, left, most):
        count = min(most, left - start)
        for i in range(rows):
            for k in range(count):
                for r in range(right):
                    buffer[i * row + k * right + r] = block[start + k, i, r]
        _add_rows(zero, buffer.ctypes.data, row, result, count * right)


@inlined
def _add_slabs(zero: Any, block: Any, buffer: Any, result: Any) -> None:
    """Long slabs are used where they lie, in panels that fit a cache, or converted panel by panel."""
    left, rows, right = block.shape
    size = item_size(zero)
    width = len(buffer) // rows
    for k in range(left):
        for start in range(0, right, width):
            count = min(width, right - start)
            if item_size(block.dtype.type(0)) == size:
                at = block.ctypes.data + (k * rows * right + start) * size
                _add_rows(zero, at, right, result, count)
                continue
            for i in range(rows):
                for r in range(count):
                    buffer[i * width + r] = block[k, i, start + r]
            _add_rows(zero, buffer.ctypes.data, width, result, count)


@inlined
def _add_rows(zero: Any, at: int, row: int, result: Any, count: int) -> None:
    """G += A A^T on and above the diagonal, for A with rows that many entries apart."""
    rows, size = len(result), item_size(zero)
    add_own_dots(zero, at, row * size, result.ctypes.data, rows * size, rows, count)


def _signatures() -> list[Any]:
    """The three pairs of types there are; others are refused instead of compiled."""
    pairs = [(numba.float32, numba.float32), (numba.float32, numba.float64), (numba.float64,) * 2]
    return [
        types.void(
            types.Array(entry, 3, "C", readonly=True),
            types.Array(total, 1, "C"),
            types.Array(total, 2, "C"),
            types.int64,
        )
        for entry, total in pairs
    ]


@compiled_for(_signatures())
def add_gram(block: FloatArray, buffer: FloatArray, result: FloatArray, thin: int) -> None:
    """Add the Gram matrix of block (left, I, right) to result (I, I).

    Slabs narrower than `thin` are gathered in the buffer, which holds I rows of at least `thin`.
    """
    _, rows, right = block.shape
    if result.shape != (rows, rows) or len(buffer) < rows * max(thin, 1):
        raise ValueError("result is not (I, I), or the buffer is smaller than the widest thin slab")
    zero = result.dtype.type(0)
    if right == 1:
        _add_of_columns(zero, block, buffer, result)
    elif right < thin:
        _add_gathered(zero, block, buffer, result)
    else:
        _add_slabs(zero, block, buffer, result)
    for i in range(rows):
        for j in range(i):
            result[i, j] = result[j, i]
