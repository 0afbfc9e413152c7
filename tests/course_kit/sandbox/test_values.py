"""What crosses the border arrives as it was, within limits, and can do nothing where it arrives."""

import json
from collections import OrderedDict, deque, namedtuple
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pytest
import torch

from course_kit.sandbox import values
from course_kit.sandbox.frames import BrokenFrame, Frame, read_frame, to_bytes
from course_kit.sandbox.values import Opaque, Packer, ValueCannotCross, unpack
from tucker_core import TuckerTensor, plan_network

Pair = namedtuple("Pair", "a b")


def crossed(value: Any) -> Any:
    packer = Packer(keep=lambda function: 7)
    packed = json.loads(json.dumps(packer.pack(value)))
    return unpack(packed, bytes(packer.block), lambda number, name: ("function", number, name))


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -(10**900), 1.5, float("inf"), "größe \ud800", b"\x00", [], [1, [2.5, None]], (1,),
        {"a": (1, 2), 3: [b"x"], (4, 5): {}}, {1, 2}, 3 + 4j, PurePath("a.ada"),
    ],
)  # fmt: skip
def test_plain_values_arrive_as_they_were(value: Any) -> None:
    assert crossed(value) == value
    assert type(crossed(value)) is type(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (range(3), [0, 1, 2]), ((n * n for n in range(3)), [0, 1, 4]), (deque([1]), [1]),
        ({"a": 1}.values(), [1]), (zip([1], [2], strict=True), [(1, 2)]), (Pair(1, 2), (1, 2)),
        (OrderedDict(a=1), {"a": 1}), (Fraction(1, 2), 0.5), (Decimal("0.5"), 0.5), (frozenset([1]), {1}),
        (np.bool_(True), np.True_), (bytearray(b"x"), b"x"), (Path("a"), PurePath("a")),
    ],
)  # fmt: skip
def test_what_can_be_read_as_plain_arrives_plain(value: Any, expected: Any) -> None:
    assert crossed(value) == expected


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)), np.zeros((0, 3)),
        np.arange(8, dtype=">i2")[::2], np.array(3.5), np.array(["a", "bc"]), np.array([1 + 2j]),
        np.array([True, False]), np.ones((2, 3, 4)).transpose(2, 0, 1),
    ],
)  # fmt: skip
def test_arrays_keep_dtype_shape_and_order(array: Any) -> None:
    found = crossed(array)
    assert np.array_equal(found, array)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.flags.f_contiguous == array.flags.f_contiguous or not array.flags.c_contiguous
    assert found.flags.writeable


def test_arrays_of_others_and_what_they_hold() -> None:
    assert crossed(torch.arange(3)).tolist() == [0, 1, 2]
    assert type(crossed(np.float32(1.5))) is np.float32
    assert crossed(np.array([1, "a", None], dtype=object)) == [1, "a", None]
    fixed = np.arange(3.0)
    fixed.setflags(write=False)
    assert not crossed(fixed).flags.writeable
    core, factors = crossed(TuckerTensor(np.ones(2), (None,)))
    assert core.tolist() == [1, 1]
    assert factors == (None,)


def test_a_plan_is_made_anew_and_checked() -> None:
    plan = plan_network({"fc.weight": (30, 40)}, budget=400)
    assert crossed(plan) == plan
    packed = Packer(keep=id).pack(plan)
    packed["record"][1][0][1]["tuple"][0]["record"][1][2][1] = {"tuple": [10**6, 2, 2]}
    with pytest.raises(ValueError, match="rank"):
        unpack(packed, b"")


def test_functions_go_by_number_and_objects_stay() -> None:
    assert crossed([len]) == [("function", 7, "len")]
    assert "object of type object" in repr(crossed(object()))
    assert isinstance(crossed(np.array([1], dtype="m8[s]")), Opaque)
    assert "needs grad" not in repr(crossed({1: 2}))


class Tricky:
    """Answers to everything, and says nothing true."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        return np.zeros(3)

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def test_objects_that_equal_everything_arrive_as_the_array_they_give() -> None:
    found = crossed(Tricky())
    assert type(found) is np.ndarray
    assert not np.allclose(found, 1)


class Liar(float):
    """A float whose comparisons are its own."""

    def __eq__(self, other: object) -> bool:
        return True

    def __sub__(self, other: float) -> float:
        return 0.0

    __hash__ = float.__hash__


def test_subclasses_arrive_as_what_they_are() -> None:
    assert type(crossed(Liar(3.0))) is float
    assert crossed(Liar(3.0)) != 4.0
    assert type(crossed(type("L", (list,), {"__len__": lambda s: 0})([1]))) is list
    assert type(crossed(type("S", (str,), {})("a"))) is str
    assert type(crossed(type("I", (int,), {"__int__": lambda s: 5})(3))) is int


def endless() -> Any:
    while True:
        yield 1


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (endless(), "more than 300,000 parts"),
        (nested(100), "nested more than 40 deep"),
        (10**2_000, "more than 1,000 digits"),
        (np.zeros(9 << 20), "MB of arrays"),
        ([np.zeros(5 << 20), np.zeros(5 << 20)], "MB of arrays"),
    ],
)
def test_limits(value: Any, says: str) -> None:
    with pytest.raises(ValueCannotCross, match=says):
        crossed(value)


@pytest.mark.parametrize(
    "packed",
    [
        [], {}, {"array": 3}, {"array": ["<f8", [2], "C", [0, 999]]}, {"array": ["O", [1], "C", [0, 8]]},
        {"array": ["<f8", [-1, 2], "C", [0, 24]]}, {"array": ["<f8", [1] * 40, "C", [0, 8]]},
        {"bytes": [-1, 5]}, {"record": ["os", [["x", 1]]]}, {"record": ["LayerPlan", [["name", 1]]]},
        {"function": []}, {"dict": [[{"list": []}, 1]]}, {"list": 3}, {"complex": ["a", 1]},
        {"set": [{"list": []}]}, {"array": ["<f8", [0, 10**30], "C", [0, 0]]}, int("9" * 2_000),
        json.loads("[" * 100 + "]" * 100),
    ],
)  # fmt: skip
def test_what_no_packer_makes_is_refused_and_runs_nothing(packed: Any) -> None:
    with pytest.raises(ValueCannotCross):
        unpack(packed, bytes(24), lambda number, name: number)


def test_deep_lies_end_in_a_reason() -> None:
    deep: Any = 1
    for _ in range(60):
        deep = {"list": [deep]}
    with pytest.raises(ValueCannotCross, match="nested"):
        unpack(deep, b"")
    assert "unknown" in repr(unpack({"opaque": "unknown"}, b""))


def test_a_frame_is_read_as_it_was_sent() -> None:
    sent = to_bytes(Frame({"a": "ü\ud800"}, b"xyz")) + b"rest"
    stream = iter([sent[:3], sent[3:4], *[bytes([b]) for b in sent[4:]]])
    left = bytearray()

    def read(count: int) -> bytes:
        while len(left) < 1:
            left.extend(next(stream))
        part = bytes(left[:count])
        del left[:count]
        return part

    assert read_frame(read) == Frame({"a": "ü\ud800"}, b"xyz")


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xff\xff\xff\x00\x00\x00\x00", b"\x00\x00\x00\x01\xff\xff\xff\xff",
        b"\x00\x00\x00\x02\x00\x00\x00\x00{]", b"\x00\x00\x00\x01\x00\x00\x00\x003",
    ],
)  # fmt: skip
def test_what_is_no_frame_is_refused_before_it_is_held(content: bytes) -> None:
    places = iter([content[:8], content[8:]])
    with pytest.raises(BrokenFrame):
        read_frame(lambda _: next(places))


def test_what_is_cut_off_is_the_end() -> None:
    places = iter([b"\x00\x00\x00\x05", b""])
    assert read_frame(lambda _: next(places)) is None
    with pytest.raises(BrokenFrame):
        to_bytes(Frame({"a": "x" * values.MOST_BYTES}))
