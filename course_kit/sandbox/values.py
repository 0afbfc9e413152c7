"""Values as they cross between a submission and its tests: plain data by value, functions by number.

Nothing that crosses can run code where it arrives: numbers, texts, arrays, sequences and dicts become
JSON beside one block of raw bytes, each within limits, and everything else stays where it is.
"""

import dataclasses
import functools
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any, Literal

import numpy as np

from tucker_core import LayerPlan, NetworkPlan, ReshapePlan

MOST_PARTS = 300_000  # numbers, texts and containers in one value
MOST_BYTES = 64 << 20  # of its arrays
DEEPEST = 40
MOST_DIGITS = 1_000
MOST_DIMENSIONS = 32
DTYPE = re.compile(r"[<>|=]?[biufcUS][0-9]{1,3}")
# Frozen, and checked by their own constructors: their fields cross, and they are made anew.
RECORDS: dict[str, Any] = {kind.__name__: kind for kind in (LayerPlan, NetworkPlan, ReshapePlan)}

Keep = Callable[[Any], int]
Make = Callable[[int, str], Any]


class ValueCannotCross(ValueError):
    """A value that is too large, too deep, or no plain data; the message says which and why."""


class Opaque:
    """What stands for an object that stayed in the submission; it can be passed on, not looked into."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        """Say what it is."""
        return f"<{self.reason}>"


class Packer:
    """Turns one value into JSON and a block of bytes.

    Parameters
    ----------
    keep : called with a function; gives the number by which the other side may call it

    Examples
    --------
    >>> packer = Packer(keep=lambda function: 0)
    >>> packer.pack((1, {"a": 2.5}))
    {'tuple': [1, {'dict': [['a', 2.5]]}]}
    >>> unpack(_, packer.block)
    (1, {'a': 2.5})
    """

    def __init__(self, keep: Keep) -> None:
        self.keep = keep
        self.block = bytearray()
        self.parts = 0

    def pack(self, value: Any, depth: int = 0) -> Any:
        """Pack a value into what `json` can write.

        Raises
        ------
        ValueCannotCross
            If it is beyond a limit.
        """
        self.parts += 1
        if self.parts > MOST_PARTS or len(self.block) > MOST_BYTES:
            raise ValueCannotCross(
                f"has more than {MOST_PARTS:,} parts or {MOST_BYTES >> 20} MB of arrays"
            )
        if depth > DEEPEST:
            raise ValueCannotCross(f"is nested more than {DEEPEST} deep")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return _whole(int(value))
        if isinstance(value, float) and not isinstance(value, np.generic):
            return float(value)
        if isinstance(value, str):
            return str(value)
        return self._pack_other(value, depth)

    def _pack_other(self, value: Any, depth: int) -> Any:
        if isinstance(value, bytes | bytearray):
            return {"bytes": self._put(bytes(value))}
        if isinstance(value, PurePath):
            return {"path": str(value)}
        if type(value).__name__ in RECORDS and isinstance(value, tuple(RECORDS.values())):
            names = [field.name for field in dataclasses.fields(RECORDS[type(value).__name__])]
            fields = [[name, self.pack(getattr(value, name), depth + 1)] for name in names]
            return {"record": [type(value).__name__, fields]}
        if isinstance(value, Opaque):
            return {"opaque": value.reason}
        if hasattr(value, "__array__"):  # of numpy, torch and others
            return self._pack_array(value, depth)
        if isinstance(value, Mapping):
            pairs = [[self.pack(k, depth + 1), self.pack(v, depth + 1)] for k, v in value.items()]
            return {"dict": pairs}
        if callable(value):
            return {"function": [self.keep(value), str(getattr(value, "__name__", ""))[:80]]}
        if isinstance(value, Iterable):
            kind = "tuple" if isinstance(value, tuple) else "list"
            kind = "set" if isinstance(value, set | frozenset) else kind
            return {kind: [self.pack(part, depth + 1) for part in value]}
        if isinstance(value, complex):
            return {"complex": [value.real, value.imag]}
        if hasattr(value, "__index__"):
            return _whole(value.__index__())
        if hasattr(value, "__float__"):  # a fraction, say
            return float(value)
        return {"opaque": f"an object of type {type(value).__name__}"[:80]}

    def _pack_array(self, value: Any, depth: int) -> Any:
        array = np.asarray(value)
        if array.dtype == object:
            return self.pack(array.tolist(), depth + 1)
        if not DTYPE.fullmatch(array.dtype.str):
            return {"opaque": f"an array of dtype {array.dtype}"[:80]}
        order: Literal["C", "F"] = (
            "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        )
        if len(self.block) + array.nbytes > MOST_BYTES:
            raise ValueCannotCross(f"has more than {MOST_BYTES >> 20} MB of arrays")
        return {
            "array": [array.dtype.str, list(array.shape), order, self._put(array.tobytes(order))],
            "scalar": isinstance(value, np.generic),
            "read_only": not array.flags.writeable,
        }

    def _put(self, content: bytes) -> list[int]:
        start = len(self.block)
        self.block += content
        return [start, len(content)]


def unpack(packed: Any, block: bytes | bytearray, make: Make | None = None, depth: int = 0) -> Any:
    """Give the value of what `Packer.pack` made; whatever it is, nothing in it is run.

    Parameters
    ----------
    packed : JSON
    block : the bytes beside it
    make : called with the number and the name of a function; gives what stands for it

    Raises
    ------
    ValueCannotCross
        If this is nothing that `Packer` makes.
    """
    try:
        return _unpack(packed, memoryview(block), make, depth)
    except (
        TypeError, ValueError, KeyError, IndexError, OverflowError, AttributeError, RecursionError,
    ) as error:  # fmt: skip
        if isinstance(error, ValueCannotCross):
            raise
        raise ValueCannotCross(f"is no value ({type(error).__name__}: {error})"[:200]) from None


def _unpack(packed: Any, block: memoryview, make: Make | None, depth: int) -> Any:
    if depth > DEEPEST + 2:
        raise ValueCannotCross(f"is nested more than {DEEPEST} deep")
    if packed is None or isinstance(packed, bool | float | str):
        return packed
    if isinstance(packed, int):
        return _whole(packed)
    if not isinstance(packed, dict) or not packed:
        raise ValueCannotCross("is no value")
    kind, content = next(iter(packed.items()))
    inner = functools.partial(_unpack, block=block, make=make, depth=depth + 1)
    if kind in ("list", "tuple", "set"):
        return {"list": list, "tuple": tuple, "set": set}[kind](map(inner, content))
    if kind == "dict":
        return {inner(key): inner(value) for key, value in content}
    if kind == "array":
        return _array(content, bool(packed.get("scalar")), bool(packed.get("read_only")), block)
    if kind == "bytes":
        return bytes(_slice(content, block))
    if kind == "function" and make is not None:
        return make(int(content[0]), str(content[1])[:80])
    if kind == "record":
        return RECORDS[content[0]](**{str(name): inner(value) for name, value in content[1]})
    if kind == "path":
        return PurePath(str(content))
    if kind == "complex":
        return complex(*content)
    return Opaque(str(content)[:120])


def _array(content: Any, scalar: bool, read_only: bool, block: memoryview) -> Any:
    dtype, shape, order, place = content
    if not DTYPE.fullmatch(dtype) or len(shape) > MOST_DIMENSIONS or order not in ("C", "F"):
        raise ValueCannotCross("is no array")
    flat = np.frombuffer(bytes(_slice(place, block)), np.dtype(dtype))
    array = flat.reshape([int(dim) for dim in shape], order=order)
    if scalar:
        return array[()]
    return array if read_only else array.copy(order="K")


def _slice(place: Any, block: memoryview) -> memoryview:
    start, length = map(int, place)
    if start < 0 or length < 0 or start + length > len(block):
        raise ValueCannotCross("is cut off")
    return block[start : start + length]


def _whole(number: int) -> int:
    if number.bit_length() > 3.33 * MOST_DIGITS:
        raise ValueCannotCross(f"is a whole number of more than {MOST_DIGITS:,} digits")
    return number
