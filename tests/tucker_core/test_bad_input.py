"""One table of everything wrong that can be handed in: who refuses it, how, and with which words.

Each message must name what was given and what is needed; nothing is clipped or converted in silence.
"""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tucker_core import (
    balance_dims,
    factorizations,
    fold,
    hosvd,
    mode_dot,
    multi_mode_dot,
    multilinear_singular_values,
    partial_tucker,
    plan_network,
    plan_reshape,
    shared_core_hosvd,
    tucker,
    tucker_gradient,
    tucker_to_tensor,
    unfold,
    validate_tucker_rank,
)
from tucker_core.checks import FloatArray, shown

GOOD = np.random.default_rng(0).standard_normal((3, 4, 5))
CORE, FACTORS = np.ones((2, 2, 2)), [np.ones((dim, 2)) for dim in GOOD.shape]


def spoiled(value: float) -> FloatArray:
    tensor = GOOD.copy()
    tensor[2, 0, 1] = value
    return tensor


TAKES_A_TENSOR: dict[str, Callable[[Any], object]] = {
    "unfold": lambda x: unfold(x, 0),
    "mode_dot": lambda x: mode_dot(x, np.ones((2, 3)), 0),
    "multi_mode_dot": lambda x: multi_mode_dot(x, [np.ones((2, 3))], modes=[0]),
    "hosvd": lambda x: hosvd(x, 2),
    "hosvd to a tolerance": lambda x: hosvd(x, tol=0.1),
    "randomized hosvd": lambda x: hosvd(x, 2, method="randomized", rng=np.random.default_rng(0)),
    "tucker": lambda x: tucker(x, 2),
    "partial_tucker": lambda x: partial_tucker(x, (2,), (0,)),
    "shared_core_hosvd": lambda x: shared_core_hosvd([x], (2, 2, 2)),
    "multilinear_singular_values": multilinear_singular_values,
    "tucker_gradient": lambda x: tucker_gradient((CORE, FACTORS), x),
    "tucker_to_tensor": lambda x: tucker_to_tensor((x, [None, None, None])),
    "fold": lambda x: fold(x, 0, (3, 4)),
}
NEEDS_FINITE = [
    "hosvd",
    "hosvd to a tolerance",
    "randomized hosvd",
    "tucker",
    "partial_tucker",
    "shared_core_hosvd",
    "multilinear_singular_values",
]


class OnAnotherDevice:
    """As a tensor of torch on a GPU, or one that requires a gradient: numpy is refused."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise self.error("use .detach() first")


class Sparse:
    """As a matrix of scipy.sparse: numpy makes an array of one object of it."""

    def toarray(self) -> FloatArray:
        return GOOD


MASKED = np.ma.masked_array(GOOD, GOOD > 2)


@pytest.mark.parametrize("name", TAKES_A_TENSOR)
@pytest.mark.parametrize(
    ("bad", "kind", "message"),
    [
        (np.ones((3, 4, 5), int), TypeError, "has dtype int64; float32 or float64 is needed"),
        (
            GOOD.astype(complex),
            TypeError,
            r"complex128; float32 or float64 .*\.real and \.imag, one",
        ),
        (GOOD.astype(np.float16), TypeError, r"has dtype float16; .*\.astype\(np.float64\)"),
        (GOOD.astype(np.longdouble), TypeError, r"has dtype float\d+; .*\.astype\(np.float64\)"),
        (GOOD.astype(">f8"), TypeError, r"has dtype >f8; .*\.astype\(np.float64\)"),
        (GOOD > 0, TypeError, r"has dtype bool; float32 or float64.*\.astype"),
        (np.array([["a"]]), TypeError, "has dtype <U1; float32 or float64 is needed: give numbers"),
        (GOOD.astype(object), TypeError, "has dtype object; .*: gather its numbers in one dense"),
        (None, TypeError, "has dtype object; .* dense array of floats"),
        (
            Sparse(),
            TypeError,
            r"has dtype object; .* it is sparse, make it dense with .toarray\(\)",
        ),
        (
            OnAnotherDevice(RuntimeError),
            TypeError,
            r"no array of \(use .*from torch: .detach\(\).cpu",
        ),
        (
            OnAnotherDevice(TypeError),
            TypeError,
            "is a OnAnotherDevice that numpy makes no array of",
        ),
        ([[1.0], [1.0, 2.0]], TypeError, r"is a list that .* no array of \(.*inhomogeneous"),
        (MASKED, TypeError, rf"masked in {MASKED.mask.sum()} of 60 entries; .*\.filled\(value\)"),
        (np.ma.masked_array(GOOD), TypeError, r"masked in 0 of 60 entries; .*\.filled\(value\)"),
        ([MASKED[0], MASKED[0]], TypeError, r"is masked in \d+ of 20 entries; an array without"),
        (np.empty((3, 0, 5)), ValueError, r"has shape \(3, 0, 5\), so no entries.*must be >= 1"),
        (np.array(1.0), ValueError, r"has order 0 \(shape \(\)\); orders 1 to 8.*reshape"),
        (np.ones((1,) * 9), ValueError, "has order 9 .*; orders 1 to 8"),
    ],
    ids=[
        *("integers", "complex", "half", "long double", "big-endian", "booleans", "texts"),
        *("objects", "None", "sparse", "torch with gradient", "torch on a GPU", "ragged list"),
        *("masked", "with an empty mask", "list of masked", "empty", "0-d", "order 9"),
    ],
)
def test_tensors(name: str, bad: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        TAKES_A_TENSOR[name](bad)


@pytest.mark.parametrize("like", [GOOD.tolist(), np.asfortranarray(GOOD), GOOD[:, ::-1][:, ::-1]])
def test_what_holds_floats_is_a_tensor(like: Any) -> None:
    np.testing.assert_array_equal(unfold(like, 1), unfold(GOOD, 1))


NO_INTEGERS = [1.5, "1", True, None, np.float64(1.0), np.True_, np.array([1]), 1j, (1,)]
TAKES_A_MODE: dict[str, Callable[[Any], FloatArray]] = {
    "unfold": lambda mode: unfold(GOOD, mode),
    "fold": lambda mode: fold(unfold(GOOD, 1), mode, GOOD.shape),
    "mode_dot": lambda mode: mode_dot(GOOD, np.ones((2, 4)), mode),
    "multi_mode_dot": lambda mode: multi_mode_dot(GOOD, [np.ones((2, 4))], modes=[mode]),
    "partial_tucker": lambda mode: partial_tucker(GOOD, (2,), (mode,))[0],
}


@pytest.mark.parametrize("name", TAKES_A_MODE)
def test_modes(name: str) -> None:
    for bad in NO_INTEGERS:
        given = re.escape(shown(bad))
        with pytest.raises(TypeError, match=f"mode is {given}; an integer .*: .* modes 0 to 2"):
            TAKES_A_MODE[name](bad)
    for far in (-1, 3, np.int8(-1), 10**5000):
        with pytest.raises(ValueError, match=r"mode is .*; a tensor of order 3 has modes 0 to 2"):
            TAKES_A_MODE[name](far)
    for good in (np.int64(1), np.uint8(1), np.array(1)):
        np.testing.assert_array_equal(TAKES_A_MODE[name](good), TAKES_A_MODE[name](1))


@pytest.mark.parametrize("name", NEEDS_FINITE)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_entries_that_are_not_finite(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"\[2, 0, 1\] is {value}; every entry must be finite"):
        TAKES_A_TENSOR[name](spoiled(value))


TAKES_A_RANK: dict[str, Callable[[Any], object]] = {
    "hosvd": lambda rank: hosvd(GOOD, rank),
    "tucker": lambda rank: tucker(GOOD, rank),
    "validate_tucker_rank": lambda rank: validate_tucker_rank(GOOD.shape, rank),
}


@pytest.mark.parametrize("name", TAKES_A_RANK)
@pytest.mark.parametrize(
    ("bad", "kind", "message"),
    [
        (0, ValueError, r"rank is 0; shape \(3, 4, 5\) allows 1 to 5"),
        (-1, ValueError, "rank is -1; .* allows 1 to 5"),
        (6, ValueError, "rank is 6; .* allows 1 to 5"),
        ((3, 0, 5), ValueError, r"rank\[1\] is 0; mode 1 of shape \(3, 4, 5\) allows 1 to 4"),
        ((3, 4, 6), ValueError, r"rank\[2\] is 6; mode 2 .* allows 1 to 5"),
        ((2, 2), ValueError, r"rank \(2, 2\) has 2 entries; shape .* has 3 modes"),
        (0.0, ValueError, r"rank is 0.0; .*in \(0, 1\]"),
        (1.5, ValueError, r"rank is 1.5; .*in \(0, 1\]"),
        (0.01, ValueError, r"budget is 0 parameters; .* need at least \d+"),
        (float("nan"), ValueError, r"rank is nan; .*in \(0, 1\]"),
        (True, TypeError, "rank is True; an int, a float or one int per mode is needed"),
        ("3", TypeError, "rank is '3'; an int, a float or one int per mode is needed"),
        ((2.5, 2, 2), TypeError, r"rank\[0\] is 2.5; an integer is needed"),
        (None, ValueError, "give exactly one"),
    ],
)
def test_ranks(name: str, bad: Any, kind: type[Exception], message: str) -> None:
    if bad is None and name != "hosvd":
        kind, message = TypeError, "rank is None; an int, a float or one int per mode is needed"
    with pytest.raises(kind, match=message):
        TAKES_A_RANK[name](bad)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tucker_to_tensor((CORE, FACTORS[:2])), "2 factors for a core of order 3"),
        (lambda: tucker_to_tensor((CORE, [FACTORS[0].T, *FACTORS[1:]])), r"factors\[0\] has shape"),
        (
            lambda: tucker_gradient((CORE, FACTORS), np.ones((3, 4))),
            r"of shape \(3, 4\); the tensor",
        ),
        (lambda: mode_dot(GOOD, np.ones((2, 4)), 0), "4 columns; mode 0 .* needs 3"),
        (lambda: mode_dot(GOOD, np.ones((2, 3)), 3), "mode is 3; .* modes 0 to 2"),
        (lambda: multi_mode_dot(GOOD, [np.ones((2, 3))]), "1 matrices for 3 modes"),
        (
            lambda: fold(np.ones((3, 5)), 0, (3, 4)),
            r"shape \(3, 5\); mode 0 .* unfolds to \(3, 4\)",
        ),
        (
            lambda: shared_core_hosvd([GOOD], (2, 2)),
            r"rank is \(2, 2\); one rank >= 1 for each of 3",
        ),
        (lambda: shared_core_hosvd([], (2, 2)), "no tensor to decompose; give at least one"),
        (
            lambda: partial_tucker(GOOD, (2, 2), (0, 0)),
            r"modes \(0, 0\); give one rank per mode, each",
        ),
        (
            lambda: plan_network({"w": (9, 9)}, budget=3),
            "budget is 3 parameters; .* need at least 18",
        ),
        (lambda: plan_network({"w": (9, 9)}, budget=3, search="exact"), "need at least 18"),
        (lambda: plan_network({"w": (9, 9)}, budget=3, shared_core=True), "needs at least 19"),
        (lambda: plan_network({"w": ()}, budget=3), r"shape is \(\); at least one dimension"),
    ],
)
def test_parts_and_budgets(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_precisions_are_not_mixed() -> None:
    with pytest.raises(TypeError, match="tensor is float64 and matrix is float32"):
        mode_dot(GOOD, np.ones((2, 3), np.float32), 0)
    with pytest.raises(ValueError, match=r"float32.*float64.*need the same"):
        shared_core_hosvd([GOOD, GOOD.astype(np.float32)], (2, 2, 2))


NET = {"w": (9, 9)}


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (
            plan_reshape,
            {"shape": (4, 6.9)},
            r"shape\[1\] is 6.9; an integer .* dimensions are >= 1",
        ),
        (
            plan_reshape,
            {"shape": (4, 6), "order": 2.0},
            "order is 2.0; an integer .* 1 to 8 or 'auto'",
        ),
        (balance_dims, {"n": 12.5, "order": 2}, "n is 12.5; an integer is needed: .* 1 to 1,099,"),
        (factorizations, {"n": 12.0, "order": 2}, "n is 12.0; an integer is needed: .* from 1 to"),
        (factorizations, {"n": 12, "order": True}, "order is True; an integer .* orders 1 to 8"),
        (
            plan_network,
            {"shapes": NET, "budget": math.nan},
            "budget is nan; an integer .* it counts",
        ),
        (plan_network, {"shapes": NET, "budget": "5"}, "budget is '5'; an integer .* it counts"),
        (
            plan_network,
            {"shapes": NET, "budget": 60, "bits": "4"},
            "bits is '4'; .* positive number",
        ),
        (plan_network, {"shapes": {"w": 9}, "budget": 60}, "w: shape is 9; one integer per mode"),
        (plan_network, {"shapes": [9], "budget": 60}, r"shapes is \[9\]; a mapping with the name"),
        (
            validate_tucker_rank,
            {"shape": (4, 6), "rank": {2: 2}},
            "rank is {2: 2}; one integer per mode",
        ),
    ],
)
def test_kinds_that_are_not_meant(
    function: Callable[..., object], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        function(**arguments)
