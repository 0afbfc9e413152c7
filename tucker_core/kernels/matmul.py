"""Whole matrix products cut into tiles, on addresses.

`zero` in every signature is 0 of the type of the entries: it tells numba which type to compile for.
Addresses and steps between rows or columns are in bytes; counts are in entries.
"""

from typing import Any

import numba
import numpy as np

from tucker_core.kernels.jit import address_of, call_at, inlined, once
from tucker_core.kernels.machine import VECTOR_BYTES
from tucker_core.kernels.simd import (
    DOT_COLUMNS,
    DOT_ROWS,
    ROWS,
    TALL_ROWS,
    TALL_VECTORS,
    VECTORS,
    WIDE,
    copy_rows,
    dot_tile,
    edge_tile,
    item_size,
    stack_buffer,
    stream_tile,
    whole_tile,
)

# Rows of B that stay in the first cache (32 KiB and more) while all rows of A go over them.
PANEL_BYTES = 20480
PACKED_FROM, PACKED_DEPTH = 12, 96
PACKED_ROWS = 24
# Bytes of a row that are copied at once: lines that lie side by side come together. Against one line
# 64 x 196,608 times 192 x 64 takes 0.8 of the time.
PACKED_BYTES = max(WIDE, 256)
_BUFFER_ROWS = PACKED_DEPTH * (PACKED_BYTES // WIDE)
# Larger results are not read again before they have left every cache.
STREAMED_BYTES = 1 << 23
# Where a tile is a single line wide, as with AVX2, writing line by line past the caches pays only if
# little else is to do: at depth 3 1.1 times the speed. Without it the product of 64^4 at rank 8 takes
# a quarter of the time, that of 256^3 at rank 16 half, and of 192x192x1024 at rank 64 0.6.
STREAMED_DEPTH = 4 if WIDE <= 64 else 1 << 30

Products = tuple[int, int]
"""Addresses of the two functions of this file for one precision, see `products`."""


def products(dtype: np.dtype[Any]) -> Products:
    """Addresses of `_multiply` and `_add_dots`, compiled for float32 or float64."""
    both = _compile(dtype)
    return both[0].address, both[1].address


@once
def _compile(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Keep the compiled functions alive as long as their addresses may be used: for ever."""
    zero, number = numba.from_dtype(dtype), numba.int64
    return address_of(_multiply, zero, *[number] * 11), address_of(_add_dots, zero, *[number] * 9)


@inlined
def multiply(
    zero: Any,
    products: Products,
    a: int,
    a_steps: tuple[int, int],
    b: int,
    b_row: int,
    c: int,
    c_row: int,
    shape: tuple[int, int, int],
    accumulate: int,
) -> None:
    """C = A B, or C += A B with `accumulate`, for shape = (rows of A, rows of B, columns of B).

    A may have any two strides; the rows of B and C are contiguous.
    """
    call_at(zero, products[0], (a, *a_steps, b, b_row, c, c_row, *shape, accumulate))


@inlined
def add_dots(
    zero: Any,
    products: Products,
    a: int,
    a_row: int,
    b: int,
    b_row: int,
    c: int,
    c_row: int,
    shape: tuple[int, int, int],
) -> None:
    """C += A B^T for shape = (rows of A, rows of B, columns of both); all rows are contiguous."""
    call_at(zero, products[1], (a, a_row, b, b_row, c, c_row, *shape))


@inlined
def blocks_of(count: int, largest: int) -> int:
    """Number of blocks of nearly equal size, none above `largest`: 20 in sixes is 5, 5, 5, 5."""
    return (count + largest - 1) // largest


@inlined
def _height(rows: int, blocks: int, block: int) -> int:
    """Rows of one of so many blocks; the first ones have one more where they do not come out even."""
    return rows // blocks + (1 if block < rows % blocks else 0)


def _multiply(
    zero: Any,
    a: int,
    a_row: int,
    a_column: int,
    b: int,
    b_row: int,
    c: int,
    c_row: int,
    rows: int,
    depth: int,
    columns: int,
    accumulate: int,
) -> None:
    """Whole tiles panel by panel, then the columns that fill no whole tile.

    A large result is streamed past the caches, which wants aligned addresses: the columns in front of
    the first aligned one are then done on their own.
    """
    size = item_size(zero)
    large = rows * c_row >= STREAMED_BYTES and depth <= STREAMED_DEPTH
    stream = accumulate == 0 and large and c_row % VECTOR_BYTES == 0
    lead = min(columns, -c % VECTOR_BYTES // size) if stream else 0
    if lead > 0:
        _narrow(zero, (a, a_row, a_column), (b, b_row), (c, c_row), (rows, depth, lead), 0)
    b, c, columns = b + lead * size, c + lead * size, columns - lead
    is_far = rows * a_row >= STREAMED_BYTES and columns * size <= WIDE  # A comes from memory
    whole = 0 if is_far else columns * size // WIDE * WIDE
    if whole > 0:
        packed = rows >= PACKED_ROWS and PACKED_FROM <= depth <= PACKED_DEPTH
        panel = PACKED_BYTES if packed else max(1, PANEL_BYTES // (depth * WIDE)) * WIDE
        buffer, blocks = stack_buffer(_BUFFER_ROWS), blocks_of(rows, ROWS)
        for start in range(0, whole, panel):
            end = min(start + panel, whole)
            if packed:
                copy_rows(zero, (b + start, b_row, buffer, depth, (end - start) // WIDE))
            i = 0
            for block in range(blocks):
                count = _height(rows, blocks, block)
                for j in range(start, end, WIDE):
                    source, row = (buffer + (j - start) * depth, WIDE) if packed else (b + j, b_row)
                    at = (a + i * a_row, a_row, a_column, source, row, c + i * c_row + j, c_row)
                    if stream:
                        stream_tile(zero, count, VECTORS, (0, *at, depth, 0, 0))
                    else:
                        whole_tile(zero, count, VECTORS, (0, *at, depth, accumulate, 0))
                i += count
    rest = columns - whole // size
    if rest > 0:
        b, c = b + whole, c + whole
        shape = rows, depth, rest
        _narrow(zero, (a, a_row, a_column), (b, b_row), (c, c_row), shape, accumulate)


@inlined
def _narrow(
    zero: Any,
    a: tuple[int, int, int],
    b: tuple[int, int],
    c: tuple[int, int],
    shape: tuple[int, int, int],
    accumulate: int,
) -> None:
    """The product where C has fewer columns than a whole tile; addresses come with their steps."""
    size, (rows, depth, columns) = item_size(zero), shape
    vectors = blocks_of(columns * size, VECTOR_BYTES)
    lanes = columns - (vectors - 1) * (VECTOR_BYTES // size)
    blocks = blocks_of(rows, TALL_ROWS if vectors <= TALL_VECTORS else ROWS)
    ahead = int(rows * a[1] >= STREAMED_BYTES)
    i = 0
    for block in range(blocks):
        count = _height(rows, blocks, block)
        at = (a[0] + i * a[1], a[1], a[2], *b, c[0] + i * c[1], c[1])
        edge_tile(zero, count, vectors, (lanes, *at, depth, accumulate, ahead))
        i += count


def _add_dots(
    zero: Any,
    a: int,
    a_row: int,
    b: int,
    b_row: int,
    c: int,
    c_row: int,
    rows: int,
    columns: int,
    depth: int,
) -> None:
    size = item_size(zero)
    down, along = blocks_of(rows, DOT_ROWS), blocks_of(columns, DOT_COLUMNS)
    for block in range(down):
        i, below = rows * block // down, rows * (block + 1) // down
        for part in range(along):
            j, after = columns * part // along, columns * (part + 1) // along
            at = (a + i * a_row, a_row, b + j * b_row, b_row, c + i * c_row + j * size, c_row)
            dot_tile(zero, below - i, after - j, (*at, depth))
