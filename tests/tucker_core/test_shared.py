"""The shared core: a joint error that only falls, recovery, and a start that is worth its name."""

import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.strategies import dtypes
from tucker_core import multi_mode_dot, shared_core_hosvd, tucker
from tucker_core import shared as shared_module
from tucker_core.checks import FloatArray
from tucker_core.norms import frobenius_norm
from tucker_core.shared import joint_error

TENSOR = np.random.default_rng(7).standard_normal((6, 7, 8))


def test_one_tensor_with_a_shared_core_is_like_hooi() -> None:
    core, factors = shared_core_hosvd([TENSOR], (3, 3, 3), n_iter_max=200, tol=1e-9)
    shared = joint_error([TENSOR], core, factors)
    hooi_error = np.linalg.norm(TENSOR - tucker(TENSOR, 3, n_iter_max=100, tol=0).to_tensor())
    assert shared == pytest.approx(hooi_error, rel=0.02)


def test_tensors_that_share_a_core_are_recovered() -> None:
    rng = np.random.default_rng(3)
    core = rng.standard_normal((2, 3, 2))
    shapes = [(5, 6, 4), (7, 4, 5), (2, 6, 6)]
    parts = [
        [rng.standard_normal((i, j)) for i, j in zip(s, core.shape, strict=True)] for s in shapes
    ]
    wholes = [multi_mode_dot(core, own) for own in parts]
    found, factors = shared_core_hosvd(wholes, core.shape, n_iter_max=500, tol=0)
    norm = sum(float(np.linalg.norm(x)) ** 2 for x in wholes) ** 0.5
    assert joint_error(wholes, found, factors) < 0.02 * norm


@pytest.mark.parametrize("rank", [(3, 3, 3), (8, 2, 4)])
def test_the_joint_error_never_rises(rank: tuple[int, ...]) -> None:
    rng = np.random.default_rng(5)
    arrays = [rng.standard_normal(shape) for shape in ((6, 5, 7), (4, 8, 3))]
    errors = []
    for sweeps in range(1, 10):
        core, factors = shared_core_hosvd(arrays, rank, n_iter_max=sweeps, tol=-1)
        errors.append(joint_error(arrays, core, factors))
    assert all(later <= before * (1 + 1e-12) for before, later in itertools.pairwise(errors))


@st.composite
def cores_of_any_size(draw: st.DrawFn) -> tuple[list[FloatArray], tuple[int, ...]]:
    """Tensors and a rank that is as often above their dimensions as below."""
    order, dtype = draw(st.integers(2, 4)), draw(dtypes)

    def one_each(largest: int) -> st.SearchStrategy[tuple[int, ...]]:
        return st.lists(st.integers(1, largest), min_size=order, max_size=order).map(tuple)

    shapes = draw(st.lists(one_each(4), min_size=1, max_size=3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    arrays: list[FloatArray] = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    return arrays, draw(one_each(7))


def check_descent(arrays: list[FloatArray], rank: tuple[int, ...], sweeps: Iterable[int]) -> None:
    """Errors never rise from one number of sweeps to the next, and no matrix explodes."""
    norm, eps = math.hypot(*map(frobenius_norm, arrays)), float(np.finfo(arrays[0].dtype).eps)
    before = norm
    for count in sweeps:
        core, factors = shared_core_hosvd(arrays, rank, n_iter_max=count, tol=-1)
        error = joint_error(arrays, core, factors)
        assert error <= before + 10 * eps * norm  # flipping signs rounds the products anew
        assert max(float(np.abs(part).max()) for part in (core, *itertools.chain(*factors))) < 1e4
        before = error


def known_to_explode() -> tuple[list[FloatArray], tuple[int, ...]]:
    rng = np.random.default_rng(122)
    shapes = ((2, 2, 5, 4), (2, 3, 5, 5), (5, 6, 3, 1))
    return [rng.standard_normal(shape) for shape in shapes], (6, 2, 2, 2)


@given(cores_of_any_size())
@example(known_to_explode())
def test_the_joint_error_never_rises_at_any_size(
    drawn: tuple[list[FloatArray], tuple[int, ...]],
) -> None:
    check_descent(*drawn, (1, 2, 5, 15))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("seed", "shapes", "rank"),
    [
        (7, ((1, 1, 3, 4), (5, 3, 1, 2), (3, 3, 6, 3)), (4, 4, 1, 5)),
        (5, ((4, 4, 2, 3), (2, 3, 6, 4), (6, 1, 2, 6)), (2, 3, 3, 5)),
        (3, ((2, 5, 1, 5), (1, 1, 5, 4)), (2, 6, 2, 5)),
    ],
)
def test_matrices_of_dependent_equations_do_not_explode(
    seed: int, shapes: tuple[tuple[int, ...], ...], rank: tuple[int, ...], dtype: type
) -> None:
    rng = np.random.default_rng(seed)
    check_descent(
        [rng.standard_normal(s).astype(dtype) for s in shapes], rank, (1, 2, 4, 8, 16, 32)
    )


def test_the_better_core_is_returned_where_a_sweep_makes_it_worse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arrays = [TENSOR, TENSOR[:4, :5]]
    expected = joint_error(arrays, *shared_core_hosvd(arrays, 3, n_iter_max=2))
    sweep, made = shared_module._sweep, []

    def spoiled_third(*parts: Any) -> Any:
        core, factors = sweep(*parts)
        made.append(core)
        return (core if len(made) < 3 else -core), factors

    monkeypatch.setattr(shared_module, "_sweep", spoiled_third)
    found = joint_error(arrays, *shared_core_hosvd(arrays, 3, n_iter_max=9))
    assert (len(made), found) == (3, expected)


@pytest.mark.parametrize("seed", range(4))
def test_turning_the_bases_lowers_the_error(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors of one core and a little noise: after one sweep the aligned start is ahead."""
    rng = np.random.default_rng(seed)
    core = rng.standard_normal((4, 4, 4))
    arrays: list[FloatArray] = []
    for shape in ((12, 15, 10), (8, 10, 14), (20, 9, 9)):
        whole = multi_mode_dot(core, [rng.standard_normal((dim, 4)) for dim in shape])
        arrays.append(whole / np.linalg.norm(whole) + 1e-3 * rng.standard_normal(shape))
    aligned = joint_error(arrays, *shared_core_hosvd(arrays, (4, 4, 4), n_iter_max=1))
    monkeypatch.setattr(shared_module, "_TURN_SWEEPS", 0)
    plain = joint_error(arrays, *shared_core_hosvd(arrays, (4, 4, 4), n_iter_max=1))
    assert aligned < 0.95 * plain


def test_the_same_input_gives_the_same_result_and_keeps_its_dtype() -> None:
    arrays = [TENSOR.astype(np.float32), TENSOR[:4, :5].astype(np.float32)]
    core, factors = shared_core_hosvd(arrays, (3, 3, 3))
    again, _ = shared_core_hosvd(arrays, (3, 3, 3))
    np.testing.assert_array_equal(core, again)
    assert {part.dtype for part in (core, *itertools.chain(*factors))} == {np.dtype(np.float32)}


def test_signs_follow_one_rule() -> None:
    arrays = [TENSOR, TENSOR[:4, :5]]
    _, factors = shared_core_hosvd(arrays, (3, 2, 9))
    for matrix in factors[0]:
        assert (matrix[np.abs(matrix).argmax(0), np.arange(matrix.shape[1])] >= 0).all()


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="no tensor"):
        shared_core_hosvd([], (2, 2))
    with pytest.raises(ValueError, match="need the same"):
        shared_core_hosvd([TENSOR, np.ones((2, 2))], (2, 2, 2))
    for rank in ((2, 0, 2), (2, 2), 0, ()):
        with pytest.raises(ValueError, match="one rank >= 1 for each of 3 modes"):
            shared_core_hosvd([TENSOR], rank)
    for wrong in (0.5, "222", None, (2.0, 2, 2), True):
        with pytest.raises(TypeError, match=r"rank.* is .*one rank >= 1 for each of 3 modes"):
            shared_core_hosvd([TENSOR], wrong)  # type: ignore[arg-type]


def test_an_int_or_any_sequence_is_a_rank() -> None:
    core, _ = shared_core_hosvd([TENSOR], (2, 2, 2))
    for rank in (2, np.int64(2), np.array(2), np.array([2, 2, 2]), (2 for _ in range(3))):
        np.testing.assert_array_equal(shared_core_hosvd([TENSOR], rank)[0], core)  # type: ignore[arg-type]


@pytest.mark.parametrize("rank", [(3, 6, 6), (2, 7, 7)])
def test_single_precision_holds_where_a_tensor_has_a_mode_of_one_entry(
    rank: tuple[int, ...],
) -> None:
    rng = np.random.default_rng(0)
    shapes = ((6, 1, 5), (8, 7, 6), (5, 4, 7))
    tensors = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    core, factors = shared_core_hosvd(tensors, rank, n_iter_max=100, tol=-1.0)
    assert core.dtype == np.float32
    for own in factors:
        assert max(float(np.linalg.norm(matrix)) for matrix in own) < 10
    assert joint_error(tensors, core, factors) < joint_error(tensors, 0 * core, factors)
