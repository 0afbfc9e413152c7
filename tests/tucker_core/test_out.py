"""`out`: where a result may be written, and that nothing is lost where it may not.

Everything is run by the compiled kernels and by plain numpy.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tucker_core import (
    TuckerPlan,
    hosvd,
    mode_dot,
    multi_mode_dot,
    random_tucker,
    tucker,
    tucker_to_tensor,
)
from tucker_core.checks import FloatArray
from tucker_core.memory import check_out

pytestmark = pytest.mark.usefixtures("engine")

SHAPE, RANK = (4, 5, 6), (2, 3, 4)


def by_plan(parts: list[FloatArray], out: FloatArray) -> FloatArray:
    return TuckerPlan(SHAPE, RANK, np.float64).product(parts[0], parts[1:], out=out)


def by_plan_that_saves(parts: list[FloatArray], out: FloatArray) -> FloatArray:
    plan = TuckerPlan(SHAPE, RANK, np.float64)
    return plan.product_and_saved(parts[0], parts[1:], out=out)[0]


def by_function(parts: list[FloatArray], out: FloatArray) -> FloatArray:
    return tucker_to_tensor((parts[0], parts[1:]), out=out)


def by_modes(parts: list[FloatArray], out: FloatArray) -> FloatArray:
    half = multi_mode_dot(parts[0], parts[2:], modes=[1, 2])
    return mode_dot(half, parts[1], 0, out=out)


WAYS: list[Callable[[list[FloatArray], FloatArray], FloatArray]] = [
    by_plan,
    by_plan_that_saves,
    by_function,
]


def parts_in(buffer: FloatArray, place: int, start: int, order: str) -> list[FloatArray]:
    """Core and factors, one of which lies in the buffer."""
    core, factors = random_tucker(SHAPE, RANK, np.random.default_rng(start))
    parts = [core, *(f for f in factors if f is not None)]
    room = buffer[start : start + parts[place].size].reshape(parts[place].shape, order=order)  # type: ignore[call-overload]
    room[...] = parts[place]
    parts[place] = room
    return parts


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("place", range(4))
def test_out_that_shares_one_number_with_a_part_is_refused(
    way: Callable[..., FloatArray], place: int, order: str
) -> None:
    buffer = np.zeros(500)
    size = parts_in(buffer, place, 0, order)[place].size
    for start in (200 - size, 200 - size + 1, 250, 319, 320):  # out takes 200 to 319
        parts, out = parts_in(buffer, place, start, order), buffer[200:320].reshape(SHAPE)
        before = buffer.copy()
        if 200 - size < start < 320:
            name = "the core" if place == 0 else rf"factors\[{place - 1}\]"
            with pytest.raises(ValueError, match=f"out shares memory with {name}; give an array"):
                way(parts, out)
            np.testing.assert_array_equal(buffer, before)
        else:
            expected = tucker_to_tensor((parts[0].copy(), [p.copy() for p in parts[1:]]))
            np.testing.assert_array_equal(way(parts, out), expected)


@pytest.mark.parametrize("mode", range(3))
@pytest.mark.parametrize("rows", [3, 40])
def test_mode_dot_into_its_tensor_or_matrix_is_refused(mode: int, rows: int) -> None:
    rng = np.random.default_rng(0)
    tensor = rng.standard_normal(SHAPE)
    shape = [*SHAPE[:mode], rows, *SHAPE[mode + 1 :]]
    buffer = np.zeros(int(np.prod(shape)))
    out, matrix = buffer.reshape(shape), buffer[: rows * SHAPE[mode]].reshape(rows, SHAPE[mode])
    matrix[...] = rng.standard_normal(matrix.shape)
    with pytest.raises(ValueError, match="out shares memory with the matrix; give an array"):
        mode_dot(tensor, matrix, mode, out=out)
    with pytest.raises(ValueError, match="out shares memory with the matrix; give an array"):
        mode_dot(tensor, matrix.T, mode, True, out=out)
    square = rng.standard_normal((SHAPE[mode], SHAPE[mode]))
    with pytest.raises(ValueError, match="out shares memory with the tensor; give an array"):
        mode_dot(tensor, square, mode, out=tensor)
    vector = np.ones(SHAPE[mode])
    shorter = (*SHAPE[:mode], *SHAPE[mode + 1 :])
    inside = tensor.reshape(-1)[: int(np.prod(shorter))].reshape(shorter)
    with pytest.raises(ValueError, match="out shares memory with the tensor; give an array"):
        mode_dot(tensor, vector, mode, out=inside)


def test_views_side_by_side_in_one_buffer_are_no_overlap() -> None:
    buffer = np.zeros((60, 3, 41))
    core, factors = random_tucker((5, 8), (4, 3), np.random.default_rng(0))
    apart = buffer[:4, :, 0], [buffer[8:13, 0, 1:5], buffer[20:28, :, 40]]
    apart[0][...] = core
    for target, factor in zip(apart[1], factors, strict=True):
        target[...] = factor
    out = buffer[2, 1, 1:].reshape(5, 8)
    np.testing.assert_allclose(tucker_to_tensor(apart, out=out), tucker_to_tensor((core, factors)))


def read_only(shape: tuple[int, ...]) -> FloatArray:
    array = np.empty(shape)
    array.flags.writeable = False
    return array


def unaligned(shape: tuple[int, ...]) -> FloatArray:
    return np.zeros(8 * int(np.prod(shape)) + 1, np.uint8)[1:].view(np.float64).reshape(shape)


@pytest.mark.parametrize("way", [*WAYS, by_modes])
@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (read_only(SHAPE), ValueError, "out is read-only; give an array that may be written"),
        (unaligned(SHAPE), ValueError, r"not aligned; a C-contiguous float64 array"),
        (np.empty(SHAPE, order="F"), ValueError, "not contiguous; a C-contiguous float64 array"),
        (
            np.empty(SHAPE, np.float32),
            ValueError,
            "out is float32 of shape .*; a C-contiguous float64",
        ),
        (np.empty(SHAPE, ">f8"), ValueError, "out is >f8 of shape .*; a C-contiguous float64"),
        (np.empty((6, 5, 4)), ValueError, r"of shape \(6, 5, 4\); .* shape \(4, 5, 6\) is needed"),
        (np.ma.masked_less(np.zeros(SHAPE), 1), TypeError, "out is a MaskedArray; a numpy array"),
        ([[[0.0] * 6] * 5] * 4, TypeError, "out is a list; a numpy array"),
    ],
    ids=["read-only", "unaligned", "fortran", "float32", "swapped", "shape", "masked", "list"],
)
def test_unsuitable_out_is_named(
    way: Callable[..., FloatArray], out: Any, error: type[Exception], message: str
) -> None:
    core, factors = random_tucker(SHAPE, RANK, np.random.default_rng(0))
    with pytest.raises(error, match=message):
        way([core, *factors], out)


def test_a_question_that_takes_too_long_is_answered_carefully() -> None:
    buffer = np.zeros(100_000)
    strides = tuple(8 * n for n in (65, 222, 416, 640, 694, 720, 776, 807))
    odd = np.lib.stride_tricks.as_strided(buffer[1000:], (9,) * 8, strides)
    with pytest.raises(np.exceptions.TooHardError):
        np.shares_memory(buffer[5001:5002], odd, max_work=1000)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="shares memory with the core"):
        check_out(buffer[5001:5002], (1,), buffer.dtype, {"the core": odd})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_own_their_memory(dtype: Any) -> None:
    for shape in ((4,), (1,), (2, 3), (1, 3), (3, 1, 1)):
        core = np.ones(shape, dtype)
        nothing = [None] * len(shape)
        plan = TuckerPlan(shape, shape, dtype, range(len(shape)))
        whole = [np.eye(dim, dtype=dtype) for dim in shape]
        grad_core = plan.gradient(core, nothing, core)[0]
        results = [
            tucker_to_tensor((core, nothing)),
            plan.product(core, nothing),
            grad_core,
            multi_mode_dot(core, [], modes=[]),
            multi_mode_dot(core.view(type("Own", (np.ndarray,), {})), whole[:1], modes=[0], skip=0),
            multi_mode_dot(core, whole),
            mode_dot(core, whole[0], 0),
        ]
        for result in results:
            np.testing.assert_array_equal(result, core)
            assert not np.shares_memory(result, core)
            assert result.flags.writeable


def test_a_decomposition_of_full_rank_does_not_lie_in_what_lends_its_array() -> None:
    """An object may hand out its own memory, whether or not it is asked for a copy."""

    class Lender:
        def __array__(self, dtype: object = None, copy: object = None) -> Any:
            return lent

    lent: Any = np.arange(1.0, 7).reshape(2, 3)
    for result in (
        hosvd(Lender(), lent.shape),
        tucker(Lender(), lent.shape),
        hosvd(Lender(), tol=0),
    ):
        assert not np.shares_memory(result.core, lent)
