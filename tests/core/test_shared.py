"""The shared core: a joint error that only falls, recovery, and a start that is worth its name."""

import itertools

import numpy as np
import pytest

from tucker_core import multi_mode_dot, shared_core_hosvd, tucker
from tucker_core import shared as shared_module
from tucker_core.checks import FloatArray
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
    with pytest.raises(ValueError, match="one rank >= 1"):
        shared_core_hosvd([TENSOR], (2, 0, 2))


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
