"""Whole matrix products cut into tiles, on addresses.

`zero` in every signature is 0 of the type of the entries: it tells numba which type to compile for.
Addresses and steps between rows or columns are in bytes; counts are in entries.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

from tucker_core.kernels.simd import (
    DOT_COLUMNS,
    DOT_ROWS,
    ROWS,
    VECTOR_BYTES,
    VECTORS,
    dot_tile,
    edge_tile,
    item_size,
    whole_tile,
)

Function = TypeVar("Function", bound=Callable[..., Any])

# Rows of B that stay in the first cache (32 KiB and more) while all rows of A go over them.
PANEL_BYTES = 20480
WIDE = VECTORS * VECTOR_BYTES


def compiled(function: Function) -> Function:
    """Compile when first called with arguments of new types, or load what was compiled before."""
    return cast(Function, numba.njit(cache=True, error_model="numpy")(function))


def compiled_for(signatures: list[Any]) -> Callable[[Function], Function]:
    """Compile for these types of arguments and refuse all others; contiguity is part of a type."""
    return cast(
        Callable[[Function], Function], numba.njit(signatures, cache=True, error_model="numpy")
    )


def inlined(function: Function) -> Function:
    """Compile as part of each caller.

    A compiled function is compiled once more inside every compiled function that calls it, tiles and
    all; so only the two products below are functions of their own, and what stands above is inlined.
    """
    return cast(Function, numba.njit(inline="always", error_model="numpy")(function))


@inlined
def blocks_of(count: int, largest: int) -> int:
    """Number of blocks of nearly equal size, none above `largest`: 20 in sixes is 5, 5, 5, 5."""
    return (count + largest - 1) // largest


@compiled
def multiply(
    zero: Any,
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
    rows, depth, columns = shape
    a_row, a_column = a_steps
    size = item_size(zero)
    blocks = blocks_of(rows, ROWS)
    whole = columns * size // WIDE * WIDE
    panel = max(1, PANEL_BYTES // (depth * WIDE)) * WIDE
    for start in range(0, whole, panel):
        for block in range(blocks):
            i, below = rows * block // blocks, rows * (block + 1) // blocks
            for j in range(start, min(start + panel, whole), WIDE):
                at = (a + i * a_row, a_row, a_column, b + j, b_row, c + i * c_row + j, c_row)
                whole_tile(zero, below - i, VECTORS, (0, *at, depth, accumulate))
    rest = columns - whole // size
    if rest > 0:
        vectors = blocks_of(rest * size, VECTOR_BYTES)
        lanes = rest - (vectors - 1) * (VECTOR_BYTES // size)
        for block in range(blocks):
            i, below = rows * block // blocks, rows * (block + 1) // blocks
            at = (a + i * a_row, a_row, a_column, b + whole, b_row, c + i * c_row + whole, c_row)
            edge_tile(zero, below - i, vectors, (lanes, *at, depth, accumulate))


@compiled
def add_dots(
    zero: Any,
    a: int,
    a_row: int,
    b: int,
    b_row: int,
    c: int,
    c_row: int,
    shape: tuple[int, int, int],
) -> None:
    """C += A B^T for shape = (rows of A, rows of B, columns of both); all rows are contiguous."""
    rows, columns, depth = shape
    size = item_size(zero)
    down, along = blocks_of(rows, DOT_ROWS), blocks_of(columns, DOT_COLUMNS)
    for block in range(down):
        i, below = rows * block // down, rows * (block + 1) // down
        for part in range(along):
            j, after = columns * part // along, columns * (part + 1) // along
            at = (a + i * a_row, a_row, b + j * b_row, b_row, c + i * c_row + j * size, c_row)
            dot_tile(zero, below - i, after - j, (*at, depth))


@inlined
def add_own_dots(zero: Any, a: int, a_row: int, c: int, c_row: int, rows: int, depth: int) -> None:
    """C += A A^T on and above the diagonal; below it C is left half done."""
    size = item_size(zero)
    down = blocks_of(rows, DOT_ROWS)
    for block in range(down):
        i, below = rows * block // down, rows * (block + 1) // down
        at, target = a + i * a_row, c + i * (c_row + size)
        add_dots(zero, at, a_row, at, a_row, target, c_row, (below - i, rows - i, depth))
