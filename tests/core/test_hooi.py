"""HOOI and the shared core: errors that only fall, and agreement with TensorLy and least squares."""

import itertools

import numpy as np
import pytest
import tensorly.decomposition
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import tensors
from tucker_core import (
    hosvd,
    multi_mode_dot,
    partial_tucker,
    random_tucker,
    shared_core_hosvd,
    tucker,
    tucker_to_tensor,
)
from tucker_core.checks import FloatArray
from tucker_core.shared import joint_error

TENSOR = np.random.default_rng(7).standard_normal((6, 7, 8))


def error(tensor: FloatArray, rank: int, sweeps: int) -> float:
    result = tucker(tensor, rank, n_iter_max=sweeps, tol=0)
    return float(np.linalg.norm(tensor - result.to_tensor()))


def test_every_sweep_helps_and_none_hurts() -> None:
    errors = [float(np.linalg.norm(TENSOR - hosvd(TENSOR, 3).to_tensor()))]
    errors += [error(TENSOR, 3, sweeps) for sweeps in range(1, 8)]
    assert all(later <= before + 1e-12 for before, later in itertools.pairwise(errors))
    assert errors[-1] < errors[0] - 1e-3


@given(tensors(max_order=4, max_dim=5, min_order=2), st.integers(1, 3))
def test_never_worse_than_hosvd(tensor: FloatArray, rank: int) -> None:
    rank = min(rank, max(tensor.shape))
    ours = float(np.linalg.norm(tensor - tucker(tensor, rank).to_tensor()))
    start = float(np.linalg.norm(tensor - hosvd(tensor, rank).to_tensor()))
    scale = float(np.linalg.norm(tensor)) + 1
    assert ours <= start + 100 * scale * float(np.finfo(tensor.dtype).eps)


def test_as_good_as_tensorly() -> None:
    core, factors = tensorly.decomposition.tucker(TENSOR, (3, 4, 2), n_iter_max=200, tol=1e-12)
    theirs = np.linalg.norm(TENSOR - tucker_to_tensor((core, factors)))
    ours = np.linalg.norm(TENSOR - tucker(TENSOR, (3, 4, 2), n_iter_max=200, tol=1e-12).to_tensor())
    assert ours == pytest.approx(theirs, rel=1e-3)


def test_random_start_is_reproducible_and_good() -> None:
    exact = random_tucker((6, 7, 8), (2, 3, 2), np.random.default_rng(0)).to_tensor()
    runs = [tucker(exact, (2, 3, 2), init="random", rng=np.random.default_rng(1)) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].core, runs[1].core)
    np.testing.assert_allclose(runs[0].to_tensor(), exact, atol=1e-8)


def test_partial_tucker_leaves_the_other_modes() -> None:
    result = partial_tucker(TENSOR, (3, 4), (0, 2))
    assert result.rank == (3, 7, 4)
    assert result.factors[1] is None
    np.testing.assert_allclose(partial_tucker(TENSOR, (6,), (0,)).to_tensor(), TENSOR, atol=1e-12)


def test_one_tensor_with_a_shared_core_is_like_hooi() -> None:
    core, factors = shared_core_hosvd([TENSOR], (3, 3, 3), n_iter_max=200, tol=1e-9)
    shared = joint_error([TENSOR], core, factors)
    assert shared == pytest.approx(error(TENSOR, 3, 100), rel=0.02)


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


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="init is 'svd'"):
        tucker(TENSOR, 2, init="svd")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="give rng"):
        tucker(TENSOR, 2, init="random")
    with pytest.raises(ValueError, match="one rank per mode"):
        partial_tucker(TENSOR, (2, 2), (0,))
    with pytest.raises(ValueError, match="no tensor"):
        shared_core_hosvd([], (2, 2))
    with pytest.raises(ValueError, match="need the same"):
        shared_core_hosvd([TENSOR, np.ones((2, 2))], (2, 2, 2))
    with pytest.raises(ValueError, match="one rank >= 1"):
        shared_core_hosvd([TENSOR], (2, 0, 2))
