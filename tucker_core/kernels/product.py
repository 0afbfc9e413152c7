"""Tucker product and its gradient as compiled chains of matrix products.

A chain is a table with one row for each mode: those with a factor in the order of its use, then the
full ones. The columns are

    left, rank, dim, right, place, mode, and the addresses of `matmul.products`

A step turns a block (left, rank, right) into (left, dim, right) by the factor of its mode, and puts
it at that place of the workspace (an index, multiple of 64 bytes); the last one writes the full
tensor. In front of all places lies room for one transposed factor. Full modes have the place -1 and
an empty factor.

The last number of the workspace says where the places begin, counted from 1, if there is something in
them for a gradient: a copy of the workspace may lie at another address.

Each function compares shapes and layouts of all arrays with the table before it touches anything, and
returns False if one does not fit or if what it is about to write lies where it still has to read.
"""

from typing import Any

import numpy as np
from numba import types

from tucker_core.checks import FloatArray
from tucker_core.kernels.jit import address, compiled, inlined, once, reads, writes
from tucker_core.kernels.matmul import Products, add_dots, multiply, products
from tucker_core.kernels.simd import DOT_ROWS, item_size

ALIGNMENT = 64  # bytes: a line of the cache, and the widest vector
_PANEL_BYTES = 32_768  # what the dot tiles read again and again: it fits every first cache


@once
def ready(dtype: np.dtype[Any], order: int, with_gradient: bool) -> tuple[Any, Products]:
    """Compile or load `_product` or `_gradient`; also gives the addresses for the table of steps."""
    factors, table = types.UniTuple(reads(dtype, 2), order), types.Array(types.int64, 2, "C")
    one, other, room = reads(dtype, order), writes(dtype, order), writes(dtype, 1)
    if with_gradient:
        grads = types.UniTuple(writes(dtype, 2), order)
        arrays = one, factors, one, other, grads, room, table
        return compiled(_gradient, *arrays, types.boolean), products(dtype)
    return compiled(_product, one, factors, other, room, table), products(dtype)


@inlined
def _steps_that_fit(core: Any, factors: Any, full: Any, workspace: Any, table: Any) -> int:
    """Number of steps, or 0 if an array has not the shape that they are about to read and write."""
    if len(table) != len(factors) or not (_is_behaved(core) and _is_behaved(full)):
        return 0
    room = workspace.size - ALIGNMENT // item_size(core.dtype.type(0)) - 1
    entries, count = core.size, 0
    for k in range(len(table)):
        left, rank, dim, right = _sizes(table, k)
        place, mode = table[k, 4], table[k, 5]
        if not 0 <= mode < len(table) or core.shape[mode] != rank or full.shape[mode] != dim:
            return 0
        if place < 0:
            if rank != dim or factors[mode].size > 0:
                return 0
            continue
        factor = factors[mode]
        if (
            factor.shape != (dim, rank)
            or not _is_behaved(factor)
            or entries != left * rank * right
            or count < k
        ):
            return 0
        entries, count = left * dim * right, count + 1
        is_last = count == len(table) or table[count, 4] < 0
        if place < dim * rank or place + (0 if is_last else entries) > room:
            return 0
    return count if entries == full.size else 0


@inlined
def _is_behaved(array: Any) -> bool:
    """Whether the entries are aligned and lie one behind the other."""
    step = item_size(array.dtype.type(0))
    behaved = address(array) % step == 0
    for k in range(array.ndim - 1, -1, -1):
        behaved = behaved and (array.shape[k] == 1 or array.strides[k] == step)
        step *= array.shape[k]
    return bool(behaved)


@inlined
def _share(one: Any, other: Any) -> bool:
    """Whether two contiguous arrays have a byte in common."""
    size, start, begin = item_size(one.dtype.type(0)), address(one), address(other)
    return bool(start < begin + other.size * size and begin < start + one.size * size)


@inlined
def _is_apart(written: Any, core: Any, factors: Any) -> bool:
    """Whether what is about to be written leaves core and factors as they are."""
    shared = _share(written, core)
    for k in range(len(factors)):
        shared = shared or _share(written, factors[k])
    return not shared


@inlined
def _sizes(table: Any, k: int) -> tuple[int, int, int, int]:
    return table[k, 0], table[k, 1], table[k, 2], table[k, 3]


@inlined
def _shift(workspace: Any, size: int) -> int:
    """Index of the first entry of the workspace that is aligned."""
    return int(-address(workspace) % ALIGNMENT // size)


@inlined
def _expand(
    factor: Any, source: int, target: int, workspace: Any, step: Any, products: Products
) -> None:
    """(left, rank, right) -> (left, dim, right): the factor times every slab."""
    left, rank, dim, right = step
    zero = workspace.dtype.type(0)
    size, at = item_size(zero), address(factor)
    if right > 1:
        row, steps, shape = right * size, (rank * size, size), (dim, rank, right)
        for k in range(left):
            slab, result = source + k * rank * row, target + k * dim * row
            multiply(zero, products, at, steps, slab, row, result, row, shape, 0)
        return
    shift, row = _shift(workspace, size), dim * size
    for i in range(dim):
        for j in range(rank):
            workspace[shift + j * dim + i] = factor[i, j]
    b = address(workspace) + shift * size
    multiply(zero, products, source, (rank * size, size), b, row, target, row, (left, rank, dim), 0)


@inlined
def _expand_all(core: Any, factors: Any, full: int, workspace: Any, table: Any, count: int) -> None:
    """Run the chain; with full = 0 all but the last step, which leaves what a gradient needs."""
    size, products = item_size(core.dtype.type(0)), (table[0, 6], table[0, 7])
    base = address(workspace) + _shift(workspace, size) * size
    source = address(core)
    for k in range(count):
        target = full if k == count - 1 else base + table[k, 4] * size
        if target != 0:
            _expand(factors[table[k, 5]], source, target, workspace, _sizes(table, k), products)
        source = target


@inlined
def _contract(
    factor: Any,
    grad: int,
    before: int,
    grad_before: int,
    grad_factor: Any,
    step: Any,
    products: Products,
) -> None:
    """Gradients by the factor and by the block before a step, given the one by the block after it.

    grad_before may be before itself: a panel is overwritten only after its last use.
    """
    left, rank, dim, right = step
    zero = factor.dtype.type(0)
    size, at, there = item_size(zero), address(factor), address(grad_factor)
    row = rank * size
    if right == 1:
        across = (size, dim * size)
        multiply(zero, products, grad, across, before, row, there, row, (dim, left, rank), 0)
        along = (dim * size, size)
        multiply(zero, products, grad, along, at, row, grad_before, row, (left, dim, rank), 0)
        return
    grad_factor[:] = 0
    long = right * size
    width = max(ALIGNMENT, _PANEL_BYTES // ((rank + DOT_ROWS) * size) // ALIGNMENT * ALIGNMENT)
    for k in range(left):
        for start in range(0, right, width):
            count = min(width, right - start)
            upper = grad + (k * dim * right + start) * size
            lower = (k * rank * right + start) * size
            shape = (dim, rank, count)
            add_dots(zero, products, upper, long, before + lower, long, there, row, shape)
            shape = (rank, dim, count)
            result = grad_before + lower
            multiply(zero, products, at, (size, row), upper, long, result, long, shape, 0)


def _product(
    core: FloatArray, factors: Any, full: FloatArray, workspace: FloatArray, table: Any
) -> bool:
    """Write the Tucker product to `full`, and what stands between the steps to the workspace."""
    count = _steps_that_fit(core, factors, full, workspace, table)
    if count == 0 or not _is_apart(full, core, factors):
        return False
    _expand_all(core, factors, address(full), workspace, table, count)
    workspace[-1] = 1 + _shift(workspace, item_size(core.dtype.type(0)))
    return True


def _gradient(
    core: FloatArray,
    factors: Any,
    grad: FloatArray,
    grad_core: FloatArray,
    grad_factors: Any,
    workspace: FloatArray,
    table: Any,
    filled: bool,
) -> bool:
    """Write the gradients by core and factors, given the one by the full tensor.

    filled: the workspace still holds what `_product` left there; it is used up here.
    """
    count = _steps_that_fit(core, factors, grad, workspace, table)
    if count == 0 or grad_core.shape != core.shape or _share(workspace, grad):
        return False
    if not _is_apart(workspace, core, factors):
        return False
    for k in range(len(factors)):
        if grad_factors[k].shape != factors[k].shape:
            return False
    size, products = item_size(core.dtype.type(0)), (table[0, 6], table[0, 7])
    shift = _shift(workspace, size)
    if filled:
        begin = workspace[-1]
        if not 1 <= begin <= ALIGNMENT // size:
            return False
        shift = int(begin) - 1
    else:
        _expand_all(core, factors, 0, workspace, table, count)
    workspace[-1] = 0
    base = address(workspace) + shift * size
    upstream = address(grad)
    for k in range(count - 1, -1, -1):
        block, target = address(core), address(grad_core)
        if k > 0:
            block = target = base + table[k - 1, 4] * size
        mode = table[k, 5]
        factor, found = factors[mode], grad_factors[mode]
        _contract(factor, upstream, block, target, found, _sizes(table, k), products)
        upstream = target
    return True
