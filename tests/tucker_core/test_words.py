"""Arrays as bytes in a file: every dtype comes back to the last bit, and what is no bytes is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tucker_core import CodedParameter, FileFormatError, ReshapePlan, from_bytes, to_bytes
from tucker_core.network import CompressedNetwork
from tucker_core.words import from_words, split_name, to_words

LIMITS = np.iinfo(np.int64)
ARRAYS: dict[str, Any] = {
    "bool": [True, False, True],
    "int8": [-128, 0, 127],
    "uint8": [0, 128, 255],
    "int16": [-32768, 3, 32767],
    "int32": [-(2**31), 2**31 - 1, 0],
    "int64": [LIMITS.min, LIMITS.max, -1],
    "uint64": [0, 2**64 - 1, 2**63],
    "float16": [65504, -6e-8, np.inf],
    "float32": [np.finfo(np.float32).min, 1e-45, np.nan],
    "float64": [np.finfo(np.float64).max, 5e-324, -np.inf],
    "complex64": [1 + 2j, complex(np.inf, -0.0), 1e-40j],
}


def parameter(name: str, words: Any, shape: tuple[int, ...]) -> CodedParameter:
    plan = ReshapePlan(shape, (int(np.prod(shape)), 1), tuple(range(len(shape))))
    ones = np.ones((1, words.shape[1]), np.int32)
    return CodedParameter(name, plan, words, (None, ones), 0)


@pytest.mark.parametrize("kind", ARRAYS)
def test_every_bit_comes_back_through_a_file(kind: str) -> None:
    array = np.array([ARRAYS[kind]] * 2, kind)
    coded = parameter(f"mask@{kind}", to_words(array), (2, 3))
    dense = from_bytes(to_bytes(CompressedNetwork("mine", (coded,)))).to_dense()
    found = dense["mask"] if kind != "float16" else dense["mask"].astype(np.float16)
    assert found.dtype == array.dtype
    assert found.tobytes() == array.tobytes()


@pytest.mark.parametrize(
    ("array", "width"),
    [
        (np.arange(-128, 128), 1),
        (np.arange(129), 2),
        (np.array([2**40, -1]), 6),
        (np.array([255, 0], np.uint32), 1),
        (np.ones(3, np.float32), 2),  # as a bfloat16
        (np.array([1.0, 1 + 2.0**-10], np.float32), 3),
        (np.zeros(2, np.int64), 1),
        (np.zeros((2, 0)), 1),
    ],
)
def test_bytes_that_say_nothing_are_left_out(array: Any, width: int) -> None:
    words = to_words(array)
    assert words.shape == (array.size, width)
    np.testing.assert_array_equal(from_words(words, array.dtype.name), array.reshape(-1))


def test_names_with_an_at_sign_of_their_own() -> None:
    assert split_name("a@b@int64") == ("a@b", "int64")
    assert split_name("a@b") == ("a@b", "")
    assert split_name("@int64") == ("@int64", "")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("int16", np.zeros((6, 3), np.int32)),
        ("bool", np.zeros((6, 2), np.int32)),
        ("complex64", np.zeros((6, 7), np.int32)),
        ("float32", np.full((6, 4), 200, np.int32)),
        ("float32", np.zeros((3, 4), np.int32)),
    ],
)
def test_integers_that_are_no_bytes_are_refused_when_a_file_is_read(kind: str, words: Any) -> None:
    with pytest.raises(ValueError, match=f"are no bytes of 6 entries of {kind}"):
        parameter(f"mask@{kind}", words, (6,))
    other = parameter("mask@no-kind", words, (len(words),))
    object.__setattr__(other, "name", f"mask@{kind}")
    if len(words) == 6:
        with pytest.raises(FileFormatError, match=f"no bytes of 6 entries of {kind}"):
            from_bytes(to_bytes(CompressedNetwork("mine", (other,))))


def test_a_dtype_that_numpy_does_not_know_is_named() -> None:
    with pytest.raises(ValueError, match=r"dtype is <U1; one of .* convert it first"):
        to_words(np.array(["a"]))
