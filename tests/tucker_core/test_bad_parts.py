"""Cores, factors, modes and shapes of every wrong kind: used as they are, or named in one sentence.

What a kernel would misread counts most: arrays that differ from the right ones in bytes it does not see.
Everything is run by the compiled kernels and by plain numpy.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tucker_core import (
    TuckerPlan,
    TuckerTensor,
    fold,
    hosvd,
    mode_dot,
    multi_mode_dot,
    quantize,
    random_tucker,
    rms_step,
    scale_of,
    shared_core_hosvd,
    tucker_gradient,
    tucker_mode_dot,
    tucker_to_tensor,
)
from tucker_core.checks import FloatArray

pytestmark = pytest.mark.usefixtures("engine")

SHAPE, RANK = (4, 5), (2, 3)
CORE = np.arange(6.0).reshape(RANK)
FACTORS = [np.arange(8.0).reshape(4, 2), np.arange(15.0).reshape(5, 3)]
FULL = FACTORS[0] @ CORE @ FACTORS[1].T
GRAD_CORE = FACTORS[0].T @ FULL @ FACTORS[1]


def unaligned(array: FloatArray) -> FloatArray:
    room = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    room[...] = array
    return room


class Own(np.ndarray):
    """An array of a class of one's own."""


RIGHT: dict[str, Callable[[FloatArray], Any]] = {
    "lists": lambda x: x.tolist(),
    "torch": torch.from_numpy,
    "fortran": np.asfortranarray,
    "unaligned": unaligned,
    "own class": lambda x: x.view(Own),
    "every other column": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "backwards": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
    "read-only": lambda x: np.lib.stride_tricks.as_strided(x, writeable=False),
}
WRONG: dict[str, tuple[Callable[[FloatArray], Any], str]] = {
    "swapped bytes": (lambda x: x.astype(x.dtype.newbyteorder()), "has dtype .f8; float32 or"),
    "masked": (lambda x: np.ma.masked_less(x, 2), r"is masked in \d+ of"),
    "integers": (lambda x: x.astype(np.int64), "has dtype int64; float32 or float64 is needed"),
    "times": (lambda x: x.astype("m8[s]"), "has dtype timedelta64.*give numbers"),
    "objects": (lambda x: x.astype(object), "has dtype object"),
    "nothing": (lambda x: None, "(None|dtype object)"),
}


def plan() -> TuckerPlan:
    return TuckerPlan(SHAPE, RANK, np.float64)


def product(core: Any, factors: Any) -> FloatArray:
    return plan().product(core, factors)


def saved_product(core: Any, factors: Any) -> FloatArray:
    return plan().product_and_saved(core, factors)[0]


def by_function(core: Any, factors: Any) -> FloatArray:
    return tucker_to_tensor((core, factors))


def gradient(core: Any, factors: Any) -> FloatArray:
    assert tucker_gradient((core, factors), FULL)[0].shape == RANK
    return plan().gradient(core, factors, FULL)[0]


WAYS = [product, saved_product, by_function, gradient]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", RIGHT)
def test_whatever_holds_the_right_numbers_is_used(way: Any, kind: str) -> None:
    turned, expected = RIGHT[kind], GRAD_CORE if way is gradient else FULL
    core, factors = turned(CORE), [turned(f) for f in FACTORS]
    for parts in ((core, FACTORS), (CORE, factors), (core, tuple(factors))):
        np.testing.assert_array_equal(way(*parts), expected)
    np.testing.assert_array_equal(plan().gradient(CORE, FACTORS, turned(FULL))[0], GRAD_CORE)
    np.testing.assert_array_equal(mode_dot(core, factors[0], 0), FACTORS[0] @ CORE)
    parts = TuckerTensor(core, tuple(factors))
    assert (parts.shape, parts.rank, parts.n_params) == (SHAPE, RANK, 29)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", WRONG)
def test_what_a_kernel_would_misread_is_named(way: Any, kind: str) -> None:
    spoiled, message = WRONG[kind]
    for place in range(3):
        parts = [CORE, *FACTORS]
        parts[place] = spoiled(parts[place])
        if place and kind == "nothing" and way in (by_function, gradient):
            continue  # the identity, and of another shape
        name = "core" if place == 0 else rf"factors\[{place - 1}\]"
        with pytest.raises((TypeError, ValueError), match=f"{name}.*{message}"):
            way(parts[0], parts[1:])
        np.testing.assert_array_equal(product(CORE, FACTORS), FULL)  # and spoils nothing later
    with pytest.raises((TypeError, ValueError), match=f"grad.*{message}"):
        plan().gradient(CORE, FACTORS, spoiled(FULL))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "factors",
    [5, None, "ab", {0: 1, 1: 2}, [], FACTORS[:1], [*FACTORS, FACTORS[0]], [f[0] for f in FACTORS]],
    ids=["int", "None", "text", "dict", "none", "one", "three", "vectors"],
)
def test_what_is_no_list_of_factors_is_named(way: Any, factors: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="factors"):
        way(CORE, factors)


CALLS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: mode_dot(FULL, FACTORS[0].T, "1"), TypeError, "mode is '1'; an integer"),  # type: ignore[arg-type]
    (lambda: mode_dot(FULL, FACTORS[0].T, 1.5), TypeError, "mode is 1.5; an integer"),  # type: ignore[arg-type]
    (lambda: multi_mode_dot(FULL, FACTORS, skip=0.5), TypeError, "skip is 0.5; an integer"),  # type: ignore[arg-type]
    (lambda: multi_mode_dot(FULL, FACTORS, skip=-1), ValueError, "skip is -1; it is a position"),
    (lambda: multi_mode_dot(FULL, FACTORS, modes=1), TypeError, "modes is 1; one mode per"),  # type: ignore[arg-type]
    (lambda: multi_mode_dot(FULL, FACTORS, modes="01"), TypeError, "modes is '01'; one mode per"),  # type: ignore[arg-type]
    (lambda: multi_mode_dot(FULL, 5), TypeError, "matrices is 5; one matrix or vector per mode"),  # type: ignore[arg-type]
    (lambda: multi_mode_dot(FULL, [None, None]), TypeError, r"matrices\[0\] has dtype object"),  # type: ignore[list-item]
    (lambda: fold(FULL, 0, (4, 5.0)), TypeError, r"shape\[1\] is 5.0; an integer"),  # type: ignore[arg-type]
    (lambda: fold(FULL, 0, 20), TypeError, "shape is 20; one integer per mode"),  # type: ignore[arg-type]
    (lambda: tucker_to_tensor(CORE[0]), TypeError, "tucker_tensor has 3 entries; a pair"),
    (lambda: tucker_to_tensor(5), TypeError, r"tucker_tensor is 5; a pair \(core, factors\)"),  # type: ignore[arg-type]
    (lambda: TuckerPlan((4.7, 5), RANK), TypeError, r"shape\[0\] is 4.7; an integer"),  # type: ignore[arg-type]
    (lambda: TuckerPlan(SHAPE, (2, "3")), TypeError, r"rank\[1\] is '3'; an integer"),  # type: ignore[arg-type]
    (lambda: TuckerPlan(SHAPE, SHAPE, full_modes=[-1]), ValueError, "mode is -1; .* 0 to 1"),
    (lambda: TuckerPlan(SHAPE, SHAPE, full_modes=[0.5]), TypeError, "mode is 0.5; an integer"),  # type: ignore[list-item]
    (lambda: TuckerPlan(SHAPE, RANK, "f3"), TypeError, "dtype is 'f3'; float32 or float64"),
    (lambda: TuckerPlan(SHAPE, RANK, ">f8"), TypeError, "dtype is '>f8'; float32 or float64"),
    (lambda: TuckerPlan(SHAPE, RANK, torch.float32), TypeError, "dtype is torch.float32; float32"),  # type: ignore[arg-type]
    (lambda: random_tucker((4.5,), (2,), 0), TypeError, r"shape\[0\] is 4.5; an integer"),  # type: ignore[arg-type]
    (lambda: random_tucker((4,), (-1,), 0), ValueError, r"rank is \(-1,\); at least one"),  # type: ignore[arg-type]
    (lambda: random_tucker((4,), (2,), 0), TypeError, r"rng is 0; a generator such as"),  # type: ignore[arg-type]
    (lambda: shared_core_hosvd(None, 2), TypeError, "tensors is None; one array or more"),  # type: ignore[arg-type]
    (
        lambda: hosvd([[1, 2], [3, 4]], 1),
        TypeError,
        r"int64; .* with np.asarray\(tensor, np.float64",
    ),
    (lambda: quantize(FULL, "0.5"), TypeError, "step is '0.5'; a number is needed: a positive"),  # type: ignore[arg-type]
    (lambda: quantize(FULL, True), TypeError, "step is True; a number"),
    (lambda: quantize(FULL, np.ones(2)), TypeError, r"step is array\(.*; a number"),  # type: ignore[arg-type]
    (lambda: rms_step(FULL, "2"), TypeError, "levels is '2'; a number is needed: a positive"),  # type: ignore[arg-type]
    (lambda: rms_step(FULL, None), TypeError, "levels is None; a number"),  # type: ignore[arg-type]
    (lambda: scale_of(True), TypeError, "scale code is True; an integer"),
    (lambda: tucker_mode_dot((CORE, FACTORS), CORE, 2), ValueError, "mode is 2; .* 0 to 1"),
    (lambda: tucker_mode_dot((CORE, FACTORS), CORE, 0), ValueError, "matrix has 3 columns; mode 0"),
]


@pytest.mark.parametrize(("call", "error", "message"), CALLS, ids=[m for _, _, m in CALLS])
def test_modes_shapes_and_dtypes(
    call: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()
