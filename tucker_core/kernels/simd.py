"""Tiles of vector instructions: a few rows and columns of a matrix product.

    multiply: C[i, j] (+)= sum_k A[i, k] B[k, j]    vectors run along a row of B and C
    dot:      C[i, j]  += sum_k A[i, k] B[j, k]     vectors run along the rows of A and B

A tile keeps its part of C in the vector registers while it walks along k, so every number that is
loaded is used several times. There is one for each number of rows and of columns (counted in vectors
for `multiply`). Everything is an address or a step in bytes, and nothing is checked here: the callers
in this folder check shapes before they take an address.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tucker_core.kernels.machine import I64, MANY_REGISTERS, VECTOR_BYTES, Machine

# What fits the registers: the tile of C, one row of B and one number of A.
ROWS = 6
VECTORS = 4 if MANY_REGISTERS else 2
TALL_ROWS = 12  # where C is so narrow that they fit; fewer sums would wait for each other
TALL_VECTORS = ROWS * VECTORS // TALL_ROWS
# Five by five read the fewest lines of the cache for each product: rows at odd addresses touch two at
# a time. Against four by four that is 1.3 to 1.6 times the speed at ranks 5 and 10.
DOT_ROWS = DOT_COLUMNS = 5 if MANY_REGISTERS else 3
WIDE = VECTORS * VECTOR_BYTES

Body = Callable[[Machine, int, int, Any], None]


def _multiply(
    machine: Machine, rows: int, vectors: int, args: Any, masked: bool = False, past: bool = False
) -> None:
    """C tile = A B: one register for each vector of C, one pass along k.

    With `ahead` narrow tiles ask for the rows of A below theirs, bit by bit, as if those were contiguous:
    with 12 streams at a time the processor does not see for itself what comes next. Last mode of 256^3:
    1.3 (AVX2) to 1.8 times the speed; of what lies in the caches it costs a tenth.
    """
    lanes, a, a_row, a_column, b, b_row, c, c_row, depth, accumulate, ahead = args
    builder = machine.builder
    masks = [None] * (vectors - 1) + [machine.mask(lanes) if masked else None]
    cells = [(i, j) for i in range(rows) for j in range(vectors)]
    sums = {cell: cgutils.alloca_once_value(builder, machine.zero) for cell in cells}
    after = machine.ahead(a, a_row, rows)
    with cgutils.for_range(builder, depth) as loop:
        if masked:
            with builder.if_then(builder.icmp_signed("!=", ahead, I64(0))):
                machine.prefetch(machine.ahead(after, rows * machine.size, loop.index))
        b_at, a_at = machine.ahead(b, b_row, loop.index), machine.ahead(a, a_column, loop.index)
        row = [machine.load(machine.ahead(b_at, VECTOR_BYTES, j), masks[j]) for j in range(vectors)]
        for i in range(rows):
            factor = machine.broadcast(machine.ahead(a_at, a_row, i))
            for j in range(vectors):
                old = builder.load(sums[i, j])
                builder.store(machine.multiply_add(factor, row[j], old), sums[i, j])
    places = {(i, j): machine.ahead(machine.ahead(c, c_row, i), VECTOR_BYTES, j) for i, j in cells}
    if past:
        for cell in cells:
            machine.stream(builder.load(sums[cell]), places[cell])
        return
    with builder.if_then(builder.icmp_signed("!=", accumulate, I64(0))):
        for cell in cells:
            there = machine.load(places[cell], masks[cell[1]])
            builder.store(builder.fadd(builder.load(sums[cell]), there), sums[cell])
    values = {cell: builder.load(sums[cell]) for cell in cells}
    width = machine.ahead(I64((vectors - 1) * VECTOR_BYTES), machine.size, lanes)
    adjacent = builder.icmp_signed("==", c_row, width)
    fresh = builder.icmp_signed("==", accumulate, I64(0))
    with builder.if_else(builder.and_(adjacent, fresh)) as (may_spill, exact):
        with may_spill:
            _store(machine, values, places, masks, spill=masked and vectors > 1)
        with exact:
            _store(machine, values, places, masks)


def _store(machine: Machine, values: Any, places: Any, masks: Any, spill: bool = False) -> None:
    """Write a tile of C row by row.

    spill: rows lie one behind the other and are not read, so all but the last may run over into the
    next one, which comes after it. AVX2 stores with a mask at a tenth of the speed: 10,000 x 40 times
    40 x 10 takes 0.8 of the time.
    """
    last = max(i for i, _ in values)
    for (i, j), value in values.items():
        machine.store(value, places[i, j], None if spill and i < last else masks[j])


def _dot(machine: Machine, rows: int, columns: int, args: Any) -> None:
    """C tile += A B^T: one register for each entry of C, summed over its lanes at the end."""
    a, a_row, b, b_row, c, c_row, depth = args
    builder = machine.builder
    cells = [(i, j) for i in range(rows) for j in range(columns)]
    sums = {cell: cgutils.alloca_once_value(builder, machine.zero) for cell in cells}

    def step(start: Any, mask: Any) -> None:
        at = [machine.ahead(b, b_row, j) for j in range(columns)]
        line = [machine.load(machine.ahead(x, VECTOR_BYTES, start), mask) for x in at]
        for i in range(rows):
            a_at = machine.ahead(a, a_row, i)
            factor = machine.load(machine.ahead(a_at, VECTOR_BYTES, start), mask)
            for j in range(columns):
                old = builder.load(sums[i, j])
                builder.store(machine.multiply_add(factor, line[j], old), sums[i, j])

    whole, rest = (f(depth, I64(machine.lanes)) for f in (builder.sdiv, builder.srem))
    with cgutils.for_range(builder, whole) as loop:
        step(loop.index, None)
    with builder.if_then(builder.icmp_signed(">", rest, I64(0))):
        step(whole, machine.mask(rest))
    for i in range(rows):
        for j in range(0, columns, machine.group):
            row = [builder.load(sums[i, k]) for k in range(j, min(j + machine.group, columns))]
            place = machine.ahead(machine.ahead(c, c_row, i), machine.size, j)
            machine.add_to_memory(machine.totals(row), len(row), place)


def _tile(module: Any, bits: int, name: str, body: Body, size: tuple[int, int], count: int) -> Any:
    """The LLVM function of one tile size, made once for each module."""
    kind = ir.FunctionType(ir.VoidType(), [I64] * count)
    label = f"ada_tucker_{name}_{bits}_{size[0]}_{size[1]}"
    function = cgutils.get_or_insert_function(module, kind, label)
    if function.is_declaration:
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")  # many call sites, and compiling is what takes long
        function.attributes.add("nounwind")
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        body(Machine(builder, bits), *size, function.args)
        builder.ret_void()
    return function


def _switch(name: str, body: Body, sizes: list[tuple[int, int]], count: int) -> Any:
    """A numba function (zero, rows, columns, numbers) that jumps to the tile of that size.

    The type of zero, float32 or float64, is the type of the tile's entries.
    """

    def typed(_typing: Any, zero: Any, rows: Any, columns: Any, numbers: Any) -> Any:
        def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            numbers = cgutils.unpack_tuple(builder, args[3])
            done = builder.append_basic_block("done")
            chosen = builder.add(builder.mul(args[1], I64(8)), args[2])
            switch = builder.switch(chosen, done)
            for size in sizes:
                block = builder.append_basic_block("tile")
                switch.add_case(I64(8 * size[0] + size[1]), block)
                builder.position_at_end(block)
                tile = _tile(builder.module, zero.bitwidth, name, body, size, count)
                builder.call(tile, numbers)
                builder.branch(done)
            builder.position_at_end(done)
            return cgutils.false_bit

        numbers = types.UniTuple(types.int64, count)
        return types.boolean(zero, types.int64, types.int64, numbers), codegen

    return intrinsic(typed)


_WHOLE = [(i, VECTORS) for i in range(1, ROWS + 1)]
_EDGES = [
    (i, j)
    for j in range(1, VECTORS + 1)
    for i in range(1, (TALL_ROWS if j <= TALL_VECTORS else ROWS) + 1)
]
_DOTS = [(i, j) for i in range(1, DOT_ROWS + 1) for j in range(1, DOT_COLUMNS + 1)]

# numbers: lanes of the last vector, a, a_row, a_column, b, b_row, c, c_row, depth, accumulate, ahead
whole_tile = _switch("whole", _multiply, _WHOLE, 11)
stream_tile = _switch("stream", partial(_multiply, past=True), _WHOLE, 11)
edge_tile = _switch("edge", partial(_multiply, masked=True), _EDGES, 11)
# numbers: a, a_row, b, b_row, c, c_row, depth
dot_tile = _switch("dot", _dot, _DOTS, 7)


def _copy_rows(_typing: Any, zero: Any, numbers: Any) -> Any:
    """Copy rows of several WIDE into as many columns of one WIDE, a whole row before the next.

    numbers: from, step of its rows, to, count of rows, count of columns.
    """

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        machine = Machine(builder, zero.bitwidth)
        source, row, target, count, columns = cgutils.unpack_tuple(builder, args[1])
        size = builder.mul(count, I64(WIDE))
        with cgutils.for_range(builder, count) as loop:
            line = machine.ahead(source, row, loop.index)
            room = machine.ahead(target, WIDE, loop.index)
            with cgutils.for_range(builder, columns) as along:
                here = machine.ahead(line, WIDE, along.index)
                there = machine.ahead(room, size, along.index)
                for j in range(VECTORS):
                    value = machine.load(machine.ahead(here, VECTOR_BYTES, j))
                    machine.store(value, machine.ahead(there, VECTOR_BYTES, j))
        return cgutils.false_bit

    return types.boolean(zero, types.UniTuple(types.int64, 5)), codegen


def _stack_buffer(_typing: Any, rows: Any) -> Any:
    """Address of room for so many rows of WIDE bytes (a literal), for as long as the caller runs."""

    def codegen(_context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        kind = ir.ArrayType(ir.IntType(8), rows.literal_value * WIDE)
        with builder.goto_entry_block():
            room = builder.alloca(kind)  # numba's own helper would fill it with zeros at each call
        room.align = VECTOR_BYTES
        return builder.ptrtoint(room, I64)

    return types.int64(types.int64), codegen


def _item_size(_typing: Any, zero: Any) -> Any:
    """Bytes of one number of this type, 4 or 8, known when compiling."""
    return types.int64(zero), lambda *_: I64(zero.bitwidth // 8)


copy_rows, item_size = intrinsic(_copy_rows), intrinsic(_item_size)
stack_buffer = intrinsic(prefer_literal=True)(_stack_buffer)
