"""The small parts of a `.ada` file: integers, names and the description of one parameter.

`Writer` and `Reader` mirror each other method by method. The reader never takes a length on trust:
it is checked against what is left of the file, or against a limit, before anything is made from it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tucker_core.checks import MAX_ORDER
from tucker_core.reshape import ReshapePlan

MAX_INTEGER = (1 << 31) - 1
NO_FACTOR, NEW_TENSOR = 0, 1  # references; k + 1 means the k-th tensor of the file

Shape = tuple[int, ...]


class FileFormatError(ValueError):
    """A file is no whole and undamaged `.ada` file; the message says where and how."""


@dataclass(frozen=True)
class ParameterRecord:
    """What the header says of one parameter.

    Attributes
    ----------
    name : e.g. "fc1.weight"
    reshape : between the parameter's shape and the dims (I_1, ..., I_N)
    rank : shape of the core (J_1, ..., J_N)
    references : for the core and each mode's factor, which stored tensor it is
    """

    name: str
    reshape: ReshapePlan
    rank: Shape
    references: tuple[int, ...]

    def tensor_shapes(self) -> list[Shape]:
        """Shapes that go with the references: of the core, then of each mode's factor."""
        return [self.rank, *zip(self.reshape.dims, self.rank, strict=True)]


class Writer:
    """Collects the header of a file, byte by byte."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def content(self) -> bytes:
        """Everything written so far."""
        return bytes(self._bytes)

    def byte(self, value: int) -> None:
        """One byte, 0 to 255."""
        self._bytes.append(value)

    def signed_byte(self, value: int) -> None:
        """One byte, -128 to 127."""
        self._bytes += value.to_bytes(1, "little", signed=True)

    def integer(self, value: int) -> None:
        """A varint: seven bits a byte, the lowest first, the top bit set while more follow."""
        while value > 0x7F:
            self._bytes.append(value & 0x7F | 0x80)
            value >>= 7
        self._bytes.append(value)

    def text(self, value: str) -> None:
        """A length and then UTF-8."""
        encoded = value.encode()
        self.integer(len(encoded))
        self._bytes += encoded

    def integers(self, values: Sequence[int]) -> None:
        """Varints, their number being known from elsewhere."""
        for value in values:
            self.integer(value)

    def parameter(self, record: ParameterRecord, table: Mapping[str, Shape] | None) -> None:
        """One parameter; with the table of a known architecture an index replaces name and shape."""
        shape = record.reshape.shape
        if table is None:
            self.text(record.name)
            self.integer(len(shape))
            self.integers(shape)
        elif table.get(record.name) != shape:
            raise ValueError(
                f"{record.name} of shape {shape} is no parameter of this architecture: {dict(table)}"
            )
        else:
            self.integer(list(table).index(record.name))
        self.integer(len(record.reshape.dims))
        self.integers(record.reshape.dims)
        permuted = record.reshape.permutation != tuple(range(len(shape)))
        self.byte(int(permuted))
        if permuted:
            self.integers(record.reshape.permutation)
        self.integers(record.rank)
        self.integers(record.references)


class Reader:
    """Reads a header back, checking every step.

    Parameters
    ----------
    content : the bytes to read
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._content) - self._at

    def rest(self) -> bytes:
        """Everything not read yet."""
        return self._take(self.left)

    def byte(self) -> int:
        """One byte, 0 to 255."""
        return self._take(1)[0]

    def signed_byte(self) -> int:
        """One byte, -128 to 127."""
        return int.from_bytes(self._take(1), "little", signed=True)

    def integer(self, limit: int = MAX_INTEGER) -> int:
        """A varint of at most `limit`."""
        value = shift = 0
        while True:
            part = self.byte()
            value |= (part & 0x7F) << shift
            shift += 7
            if value > limit or shift > 35:
                raise FileFormatError(f"an integer of {value} where at most {limit} can be")
            if part < 0x80:
                return value

    def text(self) -> str:
        """A length and then UTF-8."""
        encoded = self._take(self.integer(self.left))
        try:
            return encoded.decode()
        except UnicodeDecodeError as error:
            raise FileFormatError(f"a name is no UTF-8 text: {encoded!r}") from error

    def integers(self, count: int, limit: int = MAX_INTEGER) -> Shape:
        """So many varints."""
        return tuple(self.integer(limit) for _ in range(count))

    def parameter(self, table: Mapping[str, Shape] | None) -> ParameterRecord:
        """One parameter, as `Writer.parameter` wrote it."""
        if table is None:
            name = self.text()
            shape = self.integers(self._order())
        else:
            name, shape = list(table.items())[self.integer(len(table) - 1)]
        dims = self.integers(self._order())
        if math.prod(dims) != math.prod(shape) or 0 in dims:
            raise FileFormatError(f"{name}: dims {dims} do not hold the entries of shape {shape}")
        permuted = self.byte()
        permutation = self.integers(len(shape), len(shape) - 1) if permuted else range(len(shape))
        rank = self.integers(len(dims))
        references = self.integers(1 + len(dims))
        if 0 in rank or references[0] == NO_FACTOR:
            raise FileFormatError(f"{name}: a core of shape {rank} cannot be")
        for dim, r, reference in zip(dims, rank, references[1:], strict=True):
            if reference == NO_FACTOR and r != dim:
                raise FileFormatError(f"{name}: a mode of {dim} has rank {r} but no factor")
        return ParameterRecord(name, ReshapePlan(shape, dims, tuple(permutation)), rank, references)

    def _order(self) -> int:
        order = self.integer(MAX_ORDER)
        if order == 0:
            raise FileFormatError("a tensor of order 0")
        return order

    def _take(self, count: int) -> bytes:
        if count > self.left:
            raise FileFormatError(f"ends {count - self.left} bytes too early")
        self._at += count
        return self._content[self._at - count : self._at]
