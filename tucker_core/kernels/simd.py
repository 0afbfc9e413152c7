"""Two tiles of vector instructions, written for the processor at hand.

    multiply_tile: C[i, j] (+)= sum_k A[i, k] B[k, j]    vectors run along a row of B and C
    dot_tile:      C[i, j]  += sum_k A[i, k] B[j, k]     vectors run along the rows of A and B

A tile keeps its few rows and columns of C in the vector registers while it walks along k, so each
number that is loaded is used several times. numba's own loops do not do this and are 3 to 8 times
slower than BLAS; so the tiles are spelled out in LLVM's language, once for every number of rows and
vectors. Everything is an address in bytes or a step in bytes, and nothing is checked here: the
callers in this folder check shapes before they take an address.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic


def _host_has(feature: str) -> bool:
    """Whether numba compiles for a processor with this feature."""
    _triple, _processor, features = cpu_target.target_context.codegen().magic_tuple()
    return f"+{feature}" in features.split(",")


def _vector_bytes() -> int:
    """Width of the processor's vector registers; other widths work too, only slower."""
    if _host_has("avx512f"):
        return 64
    return 32 if _host_has("avx") else 16


VECTOR_BYTES = _vector_bytes()
# Tiles must fit the registers: 32 of them with AVX-512 and on ARM, 16 on other x86 processors.
_MANY_REGISTERS = VECTOR_BYTES == 64 or _host_has("neon")
ROWS = 6
VECTORS = 4 if _MANY_REGISTERS else 2
DOT_ROWS = DOT_COLUMNS = 4 if _MANY_REGISTERS else 3

_I64 = ir.IntType(64)
_I32 = ir.IntType(32)


class _Machine:
    """The vector instructions that tiles are made of, for one type of float."""

    def __init__(self, builder: Any, bits: int) -> None:
        self.builder = builder
        self.module = builder.module
        self.size = bits // 8
        self.lanes = VECTOR_BYTES // self.size
        self.scalar = ir.FloatType() if bits == 32 else ir.DoubleType()
        self.vector = ir.VectorType(self.scalar, self.lanes)
        self.zero = ir.Constant(self.vector, None)
        self.suffix = f"v{self.lanes}f{bits}"

    def integer(self, value: int) -> Any:
        """A constant."""
        return ir.Constant(_I64, value)

    def offset(self, address: Any, step: Any, count: Any) -> Any:
        """Address after so many steps."""
        count = self.integer(count) if isinstance(count, int) else count
        return self.builder.add(address, self.builder.mul(step, count))

    def mask(self, lanes: Any) -> Any:
        """True in the first so many lanes."""
        counts = ir.Constant(ir.VectorType(_I64, self.lanes), list(range(self.lanes)))
        return self.builder.icmp_signed("<", counts, self._spread(lanes, counts.type))

    def broadcast(self, address: Any) -> Any:
        """One number in every lane."""
        return self._spread(self.load_scalar(address), self.vector)

    def load_scalar(self, address: Any) -> Any:
        """One number."""
        value = self.builder.load(self._pointer(address, self.scalar))
        value.align = self.size
        return value

    def store_scalar(self, value: Any, address: Any) -> None:
        """One number."""
        self.builder.store(value, self._pointer(address, self.scalar)).align = self.size

    def load(self, address: Any, mask: Any = None) -> Any:
        """A vector; masked lanes are not touched in memory and read as zero."""
        pointer = self._pointer(address, self.vector)
        if mask is None:
            value = self.builder.load(pointer)
            value.align = self.size
            return value
        kinds = [pointer.type, _I32, mask.type, self.vector]
        function = self._declare(f"llvm.masked.load.{self.suffix}.p0", self.vector, kinds)
        return self.builder.call(function, [pointer, _I32(self.size), mask, self.zero])

    def store(self, value: Any, address: Any, mask: Any = None) -> None:
        """A vector; masked lanes stay as they are in memory."""
        pointer = self._pointer(address, self.vector)
        if mask is None:
            self.builder.store(value, pointer).align = self.size
            return
        kinds = [self.vector, pointer.type, _I32, mask.type]
        function = self._declare(f"llvm.masked.store.{self.suffix}.p0", ir.VoidType(), kinds)
        self.builder.call(function, [value, pointer, _I32(self.size), mask])

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """A * b + c in every lane, fused where the processor can."""
        function = self._declare(f"llvm.fmuladd.{self.suffix}", self.vector, [self.vector] * 3)
        return self.builder.call(function, [a, b, c])

    def total(self, vector: Any) -> Any:
        """Sum over the lanes, in any order."""
        kinds = [self.scalar, self.vector]
        function = self._declare(f"llvm.vector.reduce.fadd.{self.suffix}", self.scalar, kinds)
        return self.builder.call(
            function, [ir.Constant(self.scalar, -0.0), vector], fastmath=("reassoc",)
        )

    def _spread(self, value: Any, vector: Any) -> Any:
        undefined = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(undefined, value, _I32(0))
        everywhere = ir.Constant(ir.VectorType(_I32, self.lanes), None)
        return self.builder.shuffle_vector(first, undefined, everywhere)

    def _pointer(self, address: Any, kind: Any) -> Any:
        return self.builder.inttoptr(address, kind.as_pointer())

    def _declare(self, name: str, result: Any, arguments: list[Any]) -> Any:
        return cgutils.get_or_insert_function(self.module, ir.FunctionType(result, arguments), name)


def _multiply_body(machine: _Machine, rows: int, vectors: int, masked: bool, args: Any) -> None:
    """C tile = A B: one register for each vector of C, one pass along k."""
    lanes, a, a_row, a_column, b, b_row, c, c_row, depth, accumulate = args
    builder, width = machine.builder, machine.integer(VECTOR_BYTES)
    masks = [None] * (vectors - 1) + [machine.mask(lanes) if masked else None]
    cells = [(i, j) for i in range(rows) for j in range(vectors)]
    sums = {cell: cgutils.alloca_once_value(builder, machine.zero) for cell in cells}
    with cgutils.for_range(builder, depth) as loop:
        b_at, a_at = machine.offset(b, b_row, loop.index), machine.offset(a, a_column, loop.index)
        row = [machine.load(machine.offset(b_at, width, j), masks[j]) for j in range(vectors)]
        for i in range(rows):
            factor = machine.broadcast(machine.offset(a_at, a_row, i))
            for j in range(vectors):
                old = builder.load(sums[i, j])
                builder.store(machine.multiply_add(factor, row[j], old), sums[i, j])
    targets = {(i, j): machine.offset(machine.offset(c, c_row, i), width, j) for i, j in cells}
    with builder.if_then(builder.icmp_signed("!=", accumulate, machine.integer(0))):
        for cell in cells:
            there = machine.load(targets[cell], masks[cell[1]])
            builder.store(builder.fadd(builder.load(sums[cell]), there), sums[cell])
    for cell in cells:
        machine.store(builder.load(sums[cell]), targets[cell], masks[cell[1]])


def _dot_body(machine: _Machine, rows: int, columns: int, masked: bool, args: Any) -> None:
    """C tile += A B^T: one register for each entry of C, summed over its lanes at the end."""
    a, a_row, b, b_row, c, c_row, depth = args
    builder, width = machine.builder, machine.integer(VECTOR_BYTES)
    cells = [(i, j) for i in range(rows) for j in range(columns)]
    sums = {cell: cgutils.alloca_once_value(builder, machine.zero) for cell in cells}

    def step(start: Any, mask: Any) -> None:
        ahead = builder.mul(start, width)
        line = [
            machine.load(builder.add(machine.offset(b, b_row, j), ahead), mask)
            for j in range(columns)
        ]
        for i in range(rows):
            factor = machine.load(builder.add(machine.offset(a, a_row, i), ahead), mask)
            for j in range(columns):
                old = builder.load(sums[i, j])
                builder.store(machine.multiply_add(factor, line[j], old), sums[i, j])

    whole = builder.sdiv(depth, machine.integer(machine.lanes))
    rest = builder.srem(depth, machine.integer(machine.lanes))
    with cgutils.for_range(builder, whole) as loop:
        step(loop.index, None)
    with builder.if_then(builder.icmp_signed(">", rest, machine.integer(0))):
        step(whole, machine.mask(rest))
    for i, j in cells:
        target = machine.offset(machine.offset(c, c_row, i), machine.integer(machine.size), j)
        total = machine.total(builder.load(sums[i, j]))
        machine.store_scalar(builder.fadd(machine.load_scalar(target), total), target)


Body = Callable[[_Machine, int, int, bool, Any], None]


def _tile(
    name: str, body: Body, module: Any, bits: int, size: tuple[int, int], masked: bool, count: int
) -> Any:
    """The LLVM function of one tile size, made once for each module."""
    label = f"ada_tucker_{name}_{bits}_{size[0]}_{size[1]}"
    kind = ir.FunctionType(ir.VoidType(), [_I64] * count)
    function = cgutils.get_or_insert_function(module, kind, label)
    if function.is_declaration:
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")  # many call sites, and compiling is what takes long
        function.attributes.add("nounwind")
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        body(_Machine(builder, bits), *size, masked, function.args)
        builder.ret_void()
    return function


def _switch(name: str, body: Body, sizes: list[tuple[int, int]], masked: bool, count: int) -> Any:
    """A numba function (zero, rows, columns, numbers) that jumps to the tile of that size.

    The type of zero, float32 or float64, is the type of the tile's entries.
    """

    def typed(_typing: Any, zero: Any, rows: Any, columns: Any, numbers: Any) -> Any:
        def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            numbers = cgutils.unpack_tuple(builder, args[3])
            done = builder.append_basic_block("done")
            chosen = builder.add(builder.mul(args[1], _I64(8)), args[2])
            switch = builder.switch(chosen, done)
            for size in sizes:
                block = builder.append_basic_block("tile")
                switch.add_case(_I64(8 * size[0] + size[1]), block)
                builder.position_at_end(block)
                tile = _tile(name, body, builder.module, zero.bitwidth, size, masked, count)
                builder.call(tile, numbers)
                builder.branch(done)
            builder.position_at_end(done)
            return cgutils.false_bit

        signature = types.boolean(
            zero, types.int64, types.int64, types.UniTuple(types.int64, count)
        )
        return signature, codegen

    return intrinsic(typed)


_SIZES = [(i, j) for i in range(1, ROWS + 1) for j in range(1, VECTORS + 1)]
_DOT_SIZES = [(i, j) for i in range(1, DOT_ROWS + 1) for j in range(1, DOT_COLUMNS + 1)]

# numbers: lanes of the last vector, a, a_row, a_column, b, b_row, c, c_row, depth, accumulate
whole_tile = _switch("whole", _multiply_body, [(i, VECTORS) for i in range(1, ROWS + 1)], False, 10)
edge_tile = _switch("edge", _multiply_body, _SIZES, True, 10)
# numbers: a, a_row, b, b_row, c, c_row, depth
dot_tile = _switch("dot", _dot_body, _DOT_SIZES, False, 7)


def _item_size(_typing: Any, zero: Any) -> Any:
    """Bytes of one number of this type, 4 or 8, known when compiling."""
    return types.int64(zero), lambda *_: _I64(zero.bitwidth // 8)


item_size = intrinsic(_item_size)
