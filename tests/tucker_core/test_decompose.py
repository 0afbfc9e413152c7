"""HOSVD: its error bound from both sides, exact recovery, tolerance, signs and memory."""

import tracemalloc
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import tensors
from tucker_core import (
    hosvd,
    multi_mode_dot,
    multilinear_singular_values,
    partial_tucker,
    random_tucker,
    shared_core_hosvd,
    tucker,
    tucker_params,
    tucker_to_tensor,
    unfold,
)
from tucker_core.checks import FloatArray
from tucker_core.decompose import Method
from tucker_core.spectra import column_blocks, column_signs

METHODS: tuple[Method, ...] = get_args(Method)
both = pytest.mark.parametrize("sequential", [True, False])


def squared_error(tensor: FloatArray, rank: tuple[int, ...], sequential: bool) -> float:
    return float(
        np.linalg.norm(tensor - hosvd(tensor, rank, sequential=sequential).to_tensor()) ** 2
    )


@both
@given(tensors(min_order=2), st.data())
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


def fading(dtype: Any, decay: float, shift: float) -> FloatArray:
    """Singular values that fall evenly to nothing, beside a large constant part."""
    rng = np.random.default_rng(0)
    shape = (20, 18, 16)
    scales = [np.exp(-decay * np.arange(dim)) for dim in shape]
    core = np.einsum("ijk,i,j,k->ijk", rng.standard_normal(shape), *scales)
    factors = [np.linalg.qr(rng.standard_normal((dim, dim))).Q for dim in shape]
    return np.asarray(multi_mode_dot(core, factors) + shift, dtype)


@both
@pytest.mark.parametrize("method", ["auto", "gram", "svd"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shift", [0.0, 10.0])
def test_every_method_holds_its_tolerance_to_the_last_digits(
    shift: float, dtype: Any, method: Method, sequential: bool
) -> None:
    eps = float(np.finfo(dtype).eps)
    for decay in (0.3, 1.0, 3.0):
        tensor = fading(dtype, decay, shift)
        whole = tensor.astype(np.float64)
        for tol in (*10.0 ** -np.arange(1, 14), 100 * eps, 10 * eps, eps, 0.0):
            core, factors = hosvd(tensor, tol=tol, method=method, sequential=sequential)
            rebuilt = tucker_to_tensor(
                (core.astype(float), [None if f is None else f.astype(float) for f in factors])
            )
            error = np.linalg.norm(whole - rebuilt) / np.linalg.norm(whole)
            assert error <= (tol if tol >= 100 * eps else tol + 10 * eps), (tol, error)


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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_of_equally_large_entries_the_first_is_positive(dtype: Any) -> None:
    """Rounding errors do not decide: a Hadamard matrix has nothing but ties."""
    basis = np.ones((1, 1))
    for _ in range(4):
        basis = np.block([[basis, basis], [basis, -basis]]) / 2**0.5
    rows = np.linalg.qr(np.random.default_rng(0).standard_normal((30, 5))).Q.T
    exact = basis[:, 1:6] * [9, 7, 5, 3, 1] @ rows
    for seed in range(30):
        noise = np.random.default_rng(seed).standard_normal(exact.shape)
        tensor: FloatArray = (exact + 10 * np.finfo(dtype).eps * noise).astype(dtype)
        for method in METHODS:
            factor = hosvd(tensor, (5, 30), method=method, rng=0).factors[0]
            assert factor is not None
            np.testing.assert_allclose(factor, basis[:, 1:6], atol=1000 * np.finfo(dtype).eps)


def test_the_leading_entry_by_hand() -> None:
    columns = np.array([[-1, 0, 0.9991, -0.99], [0, 0, -1, 1]])
    np.testing.assert_array_equal(column_signs(columns), [-1, 1, 1, 1])


def test_a_fraction_is_a_ceiling() -> None:
    tensor = np.random.default_rng(1).standard_normal((10, 12, 14))
    result = hosvd(tensor, 0.1)
    assert result.n_params <= 0.1 * tensor.size
    assert result.n_params == tucker_params(tensor.shape, result.rank)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("scale", [1.0, 1e-200])
def test_full_rank_is_the_tensor_itself_in_memory_of_its_own(scale: float, order: Any) -> None:
    tensor = np.array(scale * np.random.default_rng(1).standard_normal((4, 4)), order=order)
    given = tensor.copy()
    results = [
        *(hosvd(tensor, (4, 4), method=method, rng=0) for method in METHODS),
        hosvd(tensor, (4, 4), sequential=False),
        hosvd(tensor, tol=0.0),
        tucker(tensor, (4, 4)),
        tucker(tensor, 1.0),
        partial_tucker(tensor, (4,), (1,)),
        partial_tucker(tensor, (), ()),
    ]
    for result in results:
        assert result.factors == (None, None)
        np.testing.assert_array_equal(result.core, given)
        assert result.core.flags.c_contiguous
        result.core[...] = 7
        np.testing.assert_array_equal(tensor, given)


@pytest.mark.parametrize("rank", [(3, 4), (2, 4), (2, 3)])
def test_results_share_no_memory_with_what_was_given(rank: tuple[int, int]) -> None:
    tensor = np.random.default_rng(1).standard_normal((3, 4))
    start = hosvd(tensor, rank)
    core, factors = shared_core_hosvd([tensor, tensor], rank, n_iter_max=1)
    parts = [
        *(start.core, *start.factors),
        *tucker(tensor, rank, init=start, n_iter_max=1).factors,
        *(core, *factors[0], *factors[1]),
        *multilinear_singular_values(tensor),
    ]
    assert not any(part is not None and np.may_share_memory(part, tensor) for part in parts)
    again = tucker(tensor, rank, init=start, n_iter_max=1)
    for part, other in zip((again.core, *again.factors), (start.core, *start.factors), strict=True):
        assert part is None or other is None or not np.may_share_memory(part, other)


def test_more_ranks_than_an_unfolding_has_columns() -> None:
    tensor = np.random.default_rng(1).standard_normal((6, 2))
    result = hosvd(tensor, (4, 2))
    np.testing.assert_allclose(result.to_tensor(), tensor, atol=1e-12)
    factor = result.factors[0]
    assert factor is not None
    np.testing.assert_allclose(factor.T @ factor, np.eye(4), atol=1e-12)


@pytest.mark.parametrize("method", ["auto", "svd", "randomized"])
@pytest.mark.parametrize("shape", [(3, 200_000), (200_000, 3), (60, 100, 100), (8, 9, 10, 800)])
def test_memory_stays_within_twice_the_tensor(shape: tuple[int, ...], method: Method) -> None:
    tensor = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    # a Gram matrix of 200,000 rows is nobody's wish
    rank = tuple(dim if dim > 1_000 else min(3, dim // 2) for dim in shape)
    rng = np.random.default_rng(1) if method == "randomized" else None
    tracemalloc.start()
    try:
        result = hosvd(tensor, rank, method=method, rng=rng)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2.2 * (tensor.nbytes + 4 * result.n_params)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("decay", [0.3, 1.0, 2.0])
def test_gram_is_left_where_its_digits_do_not_suffice(dtype: type, decay: float) -> None:
    """A spectrum that falls below half the digits of the dtype: "auto" must be as good as "svd"."""
    rng = np.random.default_rng(0)
    scales = [np.exp(-decay * np.arange(20)) for _ in range(3)]
    factors = [np.linalg.qr(rng.standard_normal((20, 20))).Q for _ in range(3)]
    core = np.einsum("ijk,i,j,k->ijk", rng.standard_normal((20, 20, 20)), *scales)
    tensor: FloatArray = multi_mode_dot(core, factors).astype(dtype)
    floor = 30 * float(np.finfo(dtype).eps)
    for rank in range(2, 20, 3):
        errors = {
            method: float(np.linalg.norm(tensor - hosvd(tensor, rank, method=method).to_tensor()))
            / float(np.linalg.norm(tensor))
            for method in ("auto", "svd")
        }
        assert errors["auto"] <= 1.01 * errors["svd"] + floor


def test_gram_alone_loses_half_the_digits() -> None:
    """The reason for "auto": on this tensor the plain Gram matrix is far off."""
    rng = np.random.default_rng(0)
    factor = np.linalg.qr(rng.standard_normal((60, 60))).Q
    tensor: FloatArray = (
        factor * 10.0 ** -np.arange(60) @ np.linalg.qr(rng.standard_normal((60, 60))).Q
    )
    good, bad = (hosvd(tensor, 12, method=method) for method in ("auto", "gram"))
    assert np.linalg.norm(tensor - good.to_tensor()) < 1e-11
    assert np.linalg.norm(tensor - bad.to_tensor()) > 1e-10


@pytest.mark.parametrize("sequential", [True, False])
def test_a_random_sketch_is_nearly_as_good(sequential: bool) -> None:
    rng = np.random.default_rng(0)
    tensor = random_tucker((60, 40, 50), (4, 4, 4), rng).to_tensor()
    tensor += 0.1 * tensor.std() * rng.standard_normal(tensor.shape)
    best = np.linalg.norm(tensor - hosvd(tensor, 4).to_tensor())
    runs = [
        hosvd(
            tensor, 4, sequential=sequential, method="randomized", rng=np.random.default_rng(seed)
        )
        for seed in (5, 5)
    ]
    assert np.linalg.norm(tensor - runs[0].to_tensor()) < 1.01 * best
    np.testing.assert_array_equal(runs[0].core, runs[1].core)


@given(tensors())
def test_blocks_are_the_unfolding_in_some_order_of_columns(tensor: FloatArray) -> None:
    for mode in range(tensor.ndim):
        columns = np.hstack(list(column_blocks(tensor, mode)))
        expected = unfold(tensor, mode)
        assert columns.shape == expected.shape
        np.testing.assert_array_equal(
            columns[:, np.lexsort(columns)], expected[:, np.lexsort(expected)]
        )


@given(tensors())
def test_multilinear_singular_values_are_those_of_the_unfoldings(tensor: FloatArray) -> None:
    scale = float(np.linalg.norm(tensor)) + 1
    for mode, found in enumerate(multilinear_singular_values(tensor)):
        expected = np.linalg.svd(unfold(tensor, mode).astype(np.float64), compute_uv=False)
        # singular values move by at most the norm of the rounding errors made on the way
        np.testing.assert_allclose(
            found, expected, atol=30 * scale * float(np.finfo(tensor.dtype).eps)
        )


def test_many_blocks_are_summed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = np.random.default_rng(0).standard_normal((6, 7, 8))
    whole = hosvd(tensor, (3, 4, 5)), hosvd(tensor, (3, 4, 5), method="svd")
    monkeypatch.setattr("tucker_core.spectra._BLOCK_ENTRIES", 24)
    monkeypatch.setattr("tucker_core.spectra._LEAST_COLUMNS", 4)
    parts = hosvd(tensor, (3, 4, 5)), hosvd(tensor, (3, 4, 5), method="svd")
    for one, many in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one.to_tensor(), many.to_tensor(), atol=1e-12)


def test_float32_stays_float32() -> None:
    result = hosvd(np.ones((4, 5), np.float32), (2, 2))
    assert {part.dtype for part in (result.core, *result.factors) if part is not None} == {
        np.dtype(np.float32)
    }
