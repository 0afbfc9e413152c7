"""Tucker product and its gradient as compiled chains of matrix products.

A chain is a table of steps, one row for each factor matrix in the order of its use:

    left, rank, dim, right, place

The step turns a block (left, rank, right) into (left, dim, right) and puts it at that place of the
workspace (an index, multiple of 64 bytes); the last one writes the full tensor. In front of all
places lies room for one transposed factor.

Each function compares the sizes of all arrays with the steps before it touches anything, and returns
False if one does not fit.
"""

from functools import cache
from typing import Any

import numpy as np
from numba import types

from tucker_core.checks import FloatArray
from tucker_core.kernels.jit import compiled, inlined, prepare, reads, writes
from tucker_core.kernels.matmul import Products, add_dots, multiply, products
from tucker_core.kernels.simd import DOT_ROWS, item_size

ALIGNMENT = 64  # bytes: a line of the cache, and the widest vector
ARITIES = (4, 8)  # factors are passed as a tuple of one of these lengths, filled up with empty ones
_PANEL_BYTES = 49_152  # what the dot tiles read again and again: most of a first cache


@cache
def ready(dtype: np.dtype[Any], arity: int, with_gradient: bool) -> Products:
    """Compile or load `product` or `gradient`; gives the argument `products` that both want."""
    factors = types.UniTuple(reads(dtype, 2), arity)
    steps, addresses = types.Array(types.int64, 2, "C"), types.UniTuple(types.int64, 2)
    one, other = reads(dtype, 1), writes(dtype, 1)
    if with_gradient:
        grads = types.UniTuple(writes(dtype, 2), arity)
        arguments = one, factors, one, other, grads, other, steps, addresses, types.boolean
        prepare(gradient, *arguments)
    else:
        prepare(product, one, factors, other, other, steps, addresses)
    return products(dtype)


@inlined
def _fits(core: Any, factors: Any, full: Any, workspace: Any, steps: Any) -> bool:
    """Whether the arrays have the sizes that the steps are about to read and write."""
    if not 1 <= len(steps) <= len(factors):
        return False
    room = workspace.size - ALIGNMENT // item_size(core.dtype.type(0))
    entries, last = core.size, len(steps) - 1
    for k in range(len(steps)):
        left, rank, dim, right, place = steps[k]
        if factors[k].shape != (dim, rank) or entries != left * rank * right:
            return False
        entries = left * dim * right
        kept = entries if k < last else 0
        if place < dim * rank or place + kept > room:
            return False
    return bool(entries == full.size)


@inlined
def _shift(workspace: Any, size: int) -> int:
    """Index of the first entry of the workspace that is aligned."""
    return int((ALIGNMENT - workspace.ctypes.data) % ALIGNMENT // size)


@inlined
def _expand(
    factor: Any, source: int, target: int, workspace: Any, step: Any, products: Products
) -> None:
    """(left, rank, right) -> (left, dim, right): the factor times every slab."""
    left, rank, dim, right = step[0], step[1], step[2], step[3]
    zero = workspace.dtype.type(0)
    size, at = item_size(zero), factor.ctypes.data
    if right > 1:
        row = right * size
        for k in range(left):
            slab, result = source + k * rank * row, target + k * dim * row
            multiply(
                zero,
                products,
                at,
                (rank * size, size),
                slab,
                row,
                result,
                row,
                (dim, rank, right),
                0,
            )
        return
    shift, row = _shift(workspace, size), dim * size
    for i in range(dim):
        for j in range(rank):
            workspace[shift + j * dim + i] = factor[i, j]
    b = workspace.ctypes.data + shift * size
    multiply(zero, products, source, (rank * size, size), b, row, target, row, (left, rank, dim), 0)


@inlined
def _expand_all(
    core: Any, factors: Any, full: int, workspace: Any, steps: Any, products: Products
) -> None:
    """Run the chain; with full = 0 all but the last step, which leaves what a gradient needs."""
    size = item_size(core.dtype.type(0))
    base = workspace.ctypes.data + _shift(workspace, size) * size
    source, last = core.ctypes.data, len(steps) - 1
    for k in range(last):
        target = base + steps[k, 4] * size
        _expand(factors[k], source, target, workspace, steps[k], products)
        source = target
    if full != 0:
        _expand(factors[last], source, full, workspace, steps[last], products)


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
    left, rank, dim, right = step[0], step[1], step[2], step[3]
    zero = factor.dtype.type(0)
    size, at, there = item_size(zero), factor.ctypes.data, grad_factor.ctypes.data
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


@compiled
def product(
    core: FloatArray,
    factors: Any,
    full: FloatArray,
    workspace: FloatArray,
    steps: Any,
    products: Products,
) -> bool:
    """Write the Tucker product to `full`, and what stands between the steps to the workspace."""
    if not _fits(core, factors, full, workspace, steps):
        return False
    _expand_all(core, factors, full.ctypes.data, workspace, steps, products)
    return True


@compiled
def gradient(
    core: FloatArray,
    factors: Any,
    grad: FloatArray,
    grad_core: FloatArray,
    grad_factors: Any,
    workspace: FloatArray,
    steps: Any,
    products: Products,
    filled: bool,
) -> bool:
    """Write the gradients by core and factors, given the one by the full tensor.

    filled: the workspace still holds what `product` left there; it is used up here.
    """
    if not _fits(core, factors, grad, workspace, steps) or grad_core.size != core.size:
        return False
    for k in range(len(steps)):
        if grad_factors[k].shape != factors[k].shape:
            return False
    if not filled:
        _expand_all(core, factors, 0, workspace, steps, products)
    size = item_size(core.dtype.type(0))
    base = workspace.ctypes.data + _shift(workspace, size) * size
    upstream = grad.ctypes.data
    for k in range(len(steps) - 1, 0, -1):
        block = base + steps[k - 1, 4] * size
        _contract(factors[k], upstream, block, block, grad_factors[k], steps[k], products)
        upstream = block
    at = grad_core.ctypes.data
    _contract(factors[0], upstream, core.ctypes.data, at, grad_factors[0], steps[0], products)
    return True
