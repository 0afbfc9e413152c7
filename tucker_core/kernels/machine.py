"""The vector instructions of the processor at hand, in LLVM's language.

numba's own loops keep no tile of a matrix product in registers and are 3 to 8 times slower than
BLAS. So the tiles of `simd` are spelled out with the dozen instructions of this file.
"""

from collections.abc import Iterable
from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.core.registry import cpu_target


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
# 32 vector registers with AVX-512 and on ARM, 16 on other x86 processors.
MANY_REGISTERS = VECTOR_BYTES == 64 or _host_has("neon")

I64 = ir.IntType(64)
I32 = ir.IntType(32)


class Machine:
    """Instructions on vectors of one type of float; addresses and steps are integers, in bytes."""

    def __init__(self, builder: Any, bits: int) -> None:
        self.builder = builder
        self.module = builder.module
        self.size = bits // 8
        self.lanes, self.group = VECTOR_BYTES // self.size, 16 // self.size
        self.scalar = ir.FloatType() if bits == 32 else ir.DoubleType()
        self.vector = ir.VectorType(self.scalar, self.lanes)
        self.zero = ir.Constant(self.vector, None)
        self.suffix = f"v{self.lanes}f{bits}"

    def ahead(self, address: Any, step: Any, count: Any) -> Any:
        """Address after so many steps; step and count are integers of either world."""
        step, count = (I64(n) if isinstance(n, int) else n for n in (step, count))
        return self.builder.add(address, self.builder.mul(step, count))

    def mask(self, lanes: Any) -> Any:
        """True in the first so many lanes."""
        counts = ir.Constant(ir.VectorType(I64, self.lanes), list(range(self.lanes)))
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
        kinds = [pointer.type, I32, mask.type, self.vector]
        function = self._declare(f"llvm.masked.load.{self.suffix}.p0", self.vector, kinds)
        return self.builder.call(function, [pointer, I32(self.size), mask, self.zero])

    def store(self, value: Any, address: Any, mask: Any = None) -> None:
        """A vector; masked lanes stay as they are in memory."""
        pointer = self._pointer(address, self.vector)
        if mask is None:
            self.builder.store(value, pointer).align = self.size
            return
        kinds = [self.vector, pointer.type, I32, mask.type]
        function = self._declare(f"llvm.masked.store.{self.suffix}.p0", ir.VoidType(), kinds)
        self.builder.call(function, [value, pointer, I32(self.size), mask])

    def stream(self, value: Any, address: Any) -> None:
        """A vector to an aligned address, past the caches: what was there need not be read first."""
        store = self.builder.store(value, self._pointer(address, self.vector))
        store.align = VECTOR_BYTES
        store.set_metadata("nontemporal", self.module.add_metadata([I32(1)]))

    def add_to_memory(self, values: Any, count: int, address: Any) -> None:
        """The first so many lanes of a group are added to numbers side by side in memory."""
        if count == self.group:
            pointer = self._pointer(address, values.type)
            there = self.builder.load(pointer)
            there.align = self.size
            self.builder.store(self.builder.fadd(values, there), pointer).align = self.size
            return
        for k in range(count):
            place = self.ahead(address, self.size, k)
            value = self.builder.extract_element(values, I32(k))
            self.store_scalar(self.builder.fadd(value, self.load_scalar(place)), place)

    def prefetch(self, address: Any) -> None:
        """Ask for a line of the cache that will be read soon; any address is allowed."""
        pointer = self._pointer(address, ir.IntType(8))
        function = self._declare("llvm.prefetch.p0", ir.VoidType(), [pointer.type, I32, I32, I32])
        self.builder.call(function, [pointer, I32(0), I32(3), I32(1)])

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """A * b + c in every lane, fused where the processor can."""
        function = self._declare(f"llvm.fmuladd.{self.suffix}", self.vector, [self.vector] * 3)
        return self.builder.call(function, [a, b, c])

    def totals(self, vectors: list[Any]) -> Any:
        """Sums over the lanes of up to a quarter register full of vectors, side by side in one.

        Two vectors are merged and halved at a time: 2 shuffles a vector instead of the 4 of a sum on
        its own.
        """
        group, step = self.group, 1
        vectors = vectors + [self.zero] * (group - len(vectors))
        while len(vectors) > 1:
            vectors = [
                self._merged(one, other, step)
                for one, other in zip(vectors[::2], vectors[1::2], strict=True)
            ]
            step *= 2
        (whole,) = vectors
        while whole.type.count > group:
            half = whole.type.count // 2
            low, high = (self._chosen(whole, whole, range(k, k + half)) for k in (0, half))
            whole = self.builder.fadd(low, high)
        return whole

    def _merged(self, one: Any, other: Any, step: int) -> Any:
        """Each group of lanes: the first half of both, so many lanes in turn, plus the second half."""
        group, half = self.group, self.group // 2
        starts = range(0, self.lanes, group)
        parts = []
        for first in (0, half):
            lanes = [
                k + first + offset + part + source
                for k in starts
                for offset in range(0, half, step)
                for source in (0, self.lanes)
                for part in range(step)
            ]
            parts.append(self._chosen(one, other, lanes))
        return self.builder.fadd(*parts)

    def _chosen(self, one: Any, other: Any, lanes: Iterable[int]) -> Any:
        """Lanes of two vectors, counted through both."""
        numbers = list(lanes)
        order = ir.Constant(ir.VectorType(I32, len(numbers)), numbers)
        return self.builder.shuffle_vector(one, other, order)

    def _spread(self, value: Any, vector: Any) -> Any:
        undefined = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(undefined, value, I32(0))
        everywhere = ir.Constant(ir.VectorType(I32, self.lanes), None)
        return self.builder.shuffle_vector(first, undefined, everywhere)

    def _pointer(self, address: Any, kind: Any) -> Any:
        return self.builder.inttoptr(address, kind.as_pointer())

    def _declare(self, name: str, result: Any, arguments: list[Any]) -> Any:
        return cgutils.get_or_insert_function(self.module, ir.FunctionType(result, arguments), name)
