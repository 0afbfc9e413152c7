"""HOOI: errors that only fall, agreement with TensorLy, few large products, little memory."""

import itertools
import tracemalloc
from typing import Any

import numpy as np
import pytest
import tensorly.decomposition
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import tensors
from tucker_core import (
    hooi,
    hosvd,
    multi_mode_dot,
    partial_tucker,
    random_tucker,
    tucker,
    tucker_to_tensor,
)
from tucker_core.checks import FloatArray

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


def test_a_sweep_makes_two_large_products(monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = np.random.default_rng(0).standard_normal((6, 7, 8, 5))
    sources = []

    def counted(source: FloatArray, *args: Any, **options: Any) -> FloatArray:
        sources.append(source.shape)
        return multi_mode_dot(source, *args, **options)

    monkeypatch.setattr(hooi, "multi_mode_dot", counted)
    tucker(tensor, 2, n_iter_max=3, tol=-1)
    assert sources.count(tensor.shape) == 2 * 3


def test_small_singular_values_are_found_in_float32() -> None:
    exact = random_tucker((9, 8, 7), (3, 3, 3), np.random.default_rng(0))
    core = exact.core * np.array([1, 1e-2, 1e-4])
    tensor = tucker_to_tensor((core, exact.factors)).astype(np.float32)
    left = np.linalg.norm(tensor - tucker(tensor, 3).to_tensor()) / np.linalg.norm(tensor)
    assert left < 30 * np.finfo(np.float32).eps


def test_memory_stays_within_twice_the_tensor() -> None:
    tensor = np.random.default_rng(0).standard_normal((60, 90, 100))
    tracemalloc.start()
    try:
        tucker(tensor, 3, n_iter_max=2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2.2 * tensor.nbytes


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="init is 'svd'"):
        tucker(TENSOR, 2, init="svd")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="give rng"):
        tucker(TENSOR, 2, init="random")
    with pytest.raises(ValueError, match="one rank per mode"):
        partial_tucker(TENSOR, (2, 2), (0,))
    with pytest.raises(ValueError, match="n_iter_max is 0; at least one"):
        tucker(TENSOR, 2, n_iter_max=0)
