"""HOSVD: its error bound from both sides, exact recovery, tolerance, signs and memory."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import tensors
from tucker_core import hosvd, random_tucker, tucker_params, unfold
from tucker_core.checks import FloatArray
from tucker_core.decompose import left_singular

both = pytest.mark.parametrize("sequential", [True, False])


def squared_error(tensor: FloatArray, rank: tuple[int, ...], sequential: bool) -> float:
    return float(
        np.linalg.norm(tensor - hosvd(tensor, rank, sequential=sequential).to_tensor()) ** 2
    )


@both
@given(tensors(max_order=4, max_dim=5, min_order=2), st.data())
def test_error_lies_between_one_mode_and_all(
    sequential: bool, tensor: FloatArray, data: st.DataObject
) -> None:
    tensor = tensor.astype(np.float64)
    rank = tuple(data.draw(st.integers(1, dim)) for dim in tensor.shape)
    tails = [
        float(np.sum(np.linalg.svd(unfold(tensor, mode), compute_uv=False)[r:] ** 2))
        for mode, r in enumerate(rank)
    ]
    error = squared_error(tensor, rank, sequential)
    slack = 1e-12 * (1 + float(np.linalg.norm(tensor) ** 2))
    assert max(tails) - slack <= error <= sum(tails) + slack


@both
@pytest.mark.parametrize("tol", [0.5, 0.1, 1e-3, 1e-8])
def test_tolerance_is_a_guarantee_and_not_a_waste(tol: float, sequential: bool) -> None:
    rng = np.random.default_rng(0)
    scales = [np.exp(-2.0 * np.arange(n)) for n in (10, 12, 9)]
    tensor = np.einsum("ijk,i,j,k->ijk", rng.standard_normal((10, 12, 9)), *scales)
    result = hosvd(tensor, tol=tol, sequential=sequential)
    error = np.linalg.norm(tensor - result.to_tensor()) / np.linalg.norm(tensor)
    assert error <= tol
    assert error > tol / 1000, "ranks far above what the tolerance asks for"


@both
def test_a_tensor_of_low_rank_is_recovered(sequential: bool) -> None:
    tensor = random_tucker((6, 7, 8, 5), (2, 3, 2, 4), np.random.default_rng(3)).to_tensor()
    result = hosvd(tensor, (2, 3, 2, 4), sequential=sequential)
    np.testing.assert_allclose(result.to_tensor(), tensor, rtol=0, atol=1e-10)
    assert hosvd(tensor, tol=1e-8).rank == (2, 3, 2, 4)


def test_factors_are_orthonormal_with_positive_largest_entries() -> None:
    tensor = np.random.default_rng(1).standard_normal((5, 6, 7))
    for factor in hosvd(tensor, (3, 2, 4)).factors:
        assert factor is not None
        np.testing.assert_allclose(factor.T @ factor, np.eye(factor.shape[1]), atol=1e-12)
        assert (factor[np.abs(factor).argmax(0), np.arange(factor.shape[1])] > 0).all()


def test_a_fraction_is_a_ceiling() -> None:
    tensor = np.random.default_rng(1).standard_normal((10, 12, 14))
    result = hosvd(tensor, 0.1)
    assert result.n_params <= 0.1 * tensor.size
    assert result.n_params == tucker_params(tensor.shape, result.rank)


def test_full_rank_is_the_tensor_itself() -> None:
    tensor = np.random.default_rng(1).standard_normal((3, 4))
    result = hosvd(tensor, (3, 4))
    assert result.factors == (None, None)
    np.testing.assert_array_equal(result.core, tensor)


def test_more_ranks_than_an_unfolding_has_columns() -> None:
    tensor = np.random.default_rng(1).standard_normal((6, 2))
    result = hosvd(tensor, (4, 2))
    np.testing.assert_allclose(result.to_tensor(), tensor, atol=1e-12)
    factor = result.factors[0]
    assert factor is not None
    np.testing.assert_allclose(factor.T @ factor, np.eye(4), atol=1e-12)


def test_a_wide_unfolding_takes_little_memory() -> None:
    matrix = np.random.default_rng(0).standard_normal((3, 100_000))
    tracemalloc.start()
    try:
        left_singular(matrix)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * matrix.nbytes


def test_float32_stays_float32() -> None:
    result = hosvd(np.ones((4, 5), np.float32), (2, 2))
    assert {part.dtype for part in (result.core, *result.factors) if part is not None} == {
        np.dtype(np.float32)
    }


def test_bad_input_is_named() -> None:
    tensor = np.ones((3, 4))
    with pytest.raises(ValueError, match="exactly one"):
        hosvd(tensor)
    with pytest.raises(ValueError, match="exactly one"):
        hosvd(tensor, (1, 1), tol=0.1)
    with pytest.raises(ValueError, match=r"tol is 1.5.*\[0, 1\)"):
        hosvd(tensor, tol=1.5)
    with pytest.raises(ValueError, match=r"rank\[1\] is 5.*1 to 4"):
        hosvd(tensor, (3, 5))
    tensor[1, 2] = np.nan
    with pytest.raises(ValueError, match=r"tensor\[1, 2\] is nan"):
        hosvd(tensor, (1, 1))
