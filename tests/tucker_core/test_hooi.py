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
    TuckerTensor,
    hooi,
    hosvd,
    multi_mode_dot,
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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1.0, 1e-30])
def test_errors_are_those_of_the_tensor_after_each_sweep(scale: float, dtype: Any) -> None:
    noise = np.random.default_rng(0).standard_normal(TENSOR.shape)
    exact = random_tucker(TENSOR.shape, (3, 3, 3), np.random.default_rng(1)).to_tensor()
    for part in (1.0, 1e-3):
        tensor: FloatArray = (scale * (exact + part * noise)).astype(dtype)
        result, errors = tucker(tensor, 3, n_iter_max=4, tol=-1, return_errors=True)
        plain = tucker(tensor, 3, n_iter_max=4, tol=-1)
        np.testing.assert_array_equal(result.core, plain.core)
        assert len(errors) == 4
        for sweeps, found in enumerate(errors, 1):
            rebuilt = tucker(tensor, 3, n_iter_max=sweeps, tol=-1).to_tensor()
            rest = tensor.astype(np.float64) - rebuilt.astype(np.float64)
            expected = np.linalg.norm(rest) / np.linalg.norm(tensor.astype(np.float64))
            assert found == pytest.approx(expected, rel=1e-5, abs=10 * float(np.finfo(dtype).eps))


def test_errors_where_it_stops_and_where_there_is_nothing_to_do() -> None:
    _, errors = tucker(TENSOR, 3, tol=1e-2, return_errors=True)
    assert 2 <= len(errors) < 100
    assert errors[-2] - errors[-1] < 1e-2
    assert tucker(TENSOR, TENSOR.shape, return_errors=True)[1] == [0.0, 0.0]
    assert tucker(0 * TENSOR, 2, return_errors=True)[1] == [0.0, 0.0]


def test_any_factors_of_the_same_span_are_the_same_start() -> None:
    rng = np.random.default_rng(0)
    start = tucker(TENSOR, (3, 7, 4), n_iter_max=2, tol=-1)
    further = tucker(TENSOR, (3, 7, 4), n_iter_max=5, tol=-1).to_tensor()
    turned = [
        None if f is None else f @ rng.uniform(1, 2, (f.shape[1],) * 2) for f in start.factors
    ]
    whole_mode = [turned[0], np.eye(7), 1e-200 * turned[2]]  # type: ignore[operator]
    for init in (start, start.factors, turned, tuple(whole_mode), iter(turned)):
        found = tucker(TENSOR, (3, 7, 4), init=init, n_iter_max=3, tol=-1)  # type: ignore[arg-type]
        np.testing.assert_allclose(found.to_tensor(), further, atol=1e-10)
        assert found.factors[1] is None


def test_a_start_is_left_alone_and_its_core_does_not_matter() -> None:
    start = hosvd(TENSOR, 3)
    copies = [np.copy(part) for part in (start.core, *start.factors) if part is not None]
    spoiled = TuckerTensor(start.core * np.nan, start.factors)
    found = tucker(TENSOR, 3, init=spoiled)
    np.testing.assert_allclose(found.to_tensor(), tucker(TENSOR, 3).to_tensor(), atol=1e-10)
    for part, copy in zip(start.factors, copies[1:], strict=True):
        np.testing.assert_array_equal(part, copy)


@pytest.mark.parametrize(
    ("init", "kind", "message"),
    [
        ("svd", ValueError, "init is 'svd'; 'hosvd' or 'random' is needed, a TuckerTensor or"),
        (
            0,
            TypeError,
            "init is 0; 'hosvd', 'random', a TuckerTensor or a list of factors is needed",
        ),
        (None, TypeError, "init is None; 'hosvd', 'random', a TuckerTensor or a list of factors"),
        ([np.ones((6, 2))], ValueError, "init has 1 factors; one for each of 3 modes is needed"),
        (
            hosvd(TENSOR, 3),
            ValueError,
            r"init\[0\] is float64 of shape \(6, 3\); .*\(6, 2\) is needed",
        ),
        (
            hosvd(TENSOR.astype("f4"), 2),
            ValueError,
            r"init\[0\] is float32 of .*; float64 of shape",
        ),
        ([None] * 3, ValueError, r"init\[0\] is None; float64 of shape \(6, 2\) is needed"),
        ([np.full((6, 2), np.nan)] * 3, ValueError, r"init\[0\]\[0, 0\] is nan"),
        ([np.ones((6, 2), int)] * 3, TypeError, r"init\[0\] has dtype int64"),
    ],
)
def test_starts_that_do_not_fit_are_named(init: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        tucker(TENSOR, 2, init=init)


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
