"""Norm, error and n-mode product of tensors in Tucker format: against the tensors rebuilt."""

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import dtypes
from tucker_core import TuckerTensor, hosvd, mode_dot, random_tucker, tucker_mode_dot


@st.composite
def tuckers(draw: st.DrawFn) -> TuckerTensor:
    """Order 1 to 5, some modes without a factor, ranks above dimensions, columns of any length."""
    rank = draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    dtype = draw(dtypes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    factors = tuple(
        None
        if draw(st.booleans())
        else (
            rng.standard_normal((draw(st.integers(1, 6)), r)) * 10.0 ** rng.integers(-3, 4, r)
        ).astype(dtype)
        for r in rank
    )
    return TuckerTensor(rng.standard_normal(rank).astype(dtype), factors)


def exactly(tucker: TuckerTensor) -> np.ndarray:
    factors = [None if f is None else f.astype(float) for f in tucker.factors]
    return TuckerTensor(tucker.core.astype(float), tuple(factors)).to_tensor()


@given(tuckers())
def test_norm_is_that_of_the_tensor(tucker: TuckerTensor) -> None:
    assert tucker.norm() == pytest.approx(np.linalg.norm(exactly(tucker)), rel=1e-10)


@given(tuckers(), st.sampled_from([0.0, 1e-14, 1e-7, 1e-3, 1.0, 1e3]))
def test_error_is_that_of_the_tensor(tucker: TuckerTensor, size: float) -> None:
    full = exactly(tucker)
    noise = np.random.default_rng(0).standard_normal(full.shape)
    tensor = full + size * np.abs(full).max() * noise
    expected = np.linalg.norm(tensor - full) / np.linalg.norm(tensor)
    found = tucker.relative_error(tensor)
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-14)
    assert tucker.relative_error(np.asfortranarray(tensor)) == pytest.approx(
        found, rel=1e-6, abs=1e-14
    )


@pytest.mark.parametrize("shape", [(1, 400_000), (400_000, 1), (30, 20, 1000), (70, 80, 90)])
def test_error_of_many_slabs(shape: tuple[int, ...]) -> None:
    tucker = random_tucker(shape, [2] * len(shape), np.random.default_rng(0))
    full = tucker.to_tensor()
    tensor = full + 1e-9 * np.random.default_rng(1).standard_normal(shape)
    expected = np.linalg.norm(tensor - full) / np.linalg.norm(tensor)
    assert tucker.relative_error(tensor) == pytest.approx(expected, rel=1e-6)


def test_a_small_error_keeps_its_digits() -> None:
    """By the formula of inner products 1e-12 would drown in 1e-8, the root of the rounding errors."""
    tensor = np.ones((4, 4, 4))
    tucker = hosvd(tensor, 1)
    off = TuckerTensor(tucker.core * (1 + 2.0**-40), tucker.factors)
    assert off.relative_error(tensor) == pytest.approx(2.0**-40, rel=1e-2)


@pytest.mark.parametrize("power", [-900, -300, 0, 300, 900])
def test_neither_overflows_nor_vanishes(power: int) -> None:
    core, factors = random_tucker((4, 5), (2, 3), np.random.default_rng(0))
    first, second = (f for f in factors if f is not None)
    plain = TuckerTensor(core, (first, second))
    scaled = TuckerTensor(np.ldexp(core, power), (np.ldexp(first, -power), second))
    assert scaled.norm() == plain.norm()
    assert scaled.relative_error(2 * plain.to_tensor()) == pytest.approx(0.5, rel=1e-12)
    large = TuckerTensor(np.ldexp(core, power), (first, second))
    assert large.norm() == math.ldexp(plain.norm(), power)
    tensor = np.ldexp(plain.to_tensor(), power)
    assert large.relative_error(2 * tensor) == pytest.approx(0.5, rel=1e-12)
    assert large.relative_error(tensor) < 1e-14


def test_each_column_is_scaled_for_itself() -> None:
    tucker = TuckerTensor(np.array([1e300, 1e-300]), (np.array([[1e-300, 1e300], [0.0, 1e300]]),))
    assert tucker.norm() == pytest.approx(5**0.5, rel=1e-12)
    assert tucker.relative_error(np.array([2.0, 1.0])) == pytest.approx(0, abs=1e-15)
    lost = TuckerTensor(np.array([1e300, 1e-300]), (np.array([[0.0, 1.0]]),))
    assert lost.norm() == pytest.approx(1e-300, rel=1e-12)
    assert lost.relative_error(np.array([2e-300])) == pytest.approx(0.5, rel=1e-12)


def test_zeros_and_what_no_float_holds() -> None:
    zero, one = TuckerTensor(np.zeros((2, 2)), (None, None)), np.ones((2, 2))
    assert zero.norm() == 0
    assert zero.relative_error(one) == 1
    assert zero.relative_error(0 * one) == 0
    assert TuckerTensor(one, (None, None)).relative_error(0 * one) == math.inf
    assert TuckerTensor(np.array([1e200]), (np.array([[1e200]]),)).norm() == math.inf


def test_no_second_tensor_is_in_memory() -> None:
    tucker = random_tucker((200, 100, 100), (3, 3, 3), np.random.default_rng(0))
    tensor = tucker.to_tensor()
    tracemalloc.start()
    try:
        tucker.relative_error(tensor)
        tucker.norm()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.4 * tensor.nbytes


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_parts_and_tensors_that_are_not_finite_or_do_not_fit_are_named(bad: float) -> None:
    good, spoiled = np.ones((2, 2)), np.array([[1.0, bad], [1, 1]])
    with pytest.raises(ValueError, match=rf"core\[0, 1\] is {bad}; every entry must be finite"):
        TuckerTensor(spoiled, (None, None)).norm()
    with pytest.raises(
        ValueError, match=rf"factors\[1\]\[0, 1\] is {bad}; every entry must be finite"
    ):
        TuckerTensor(good, (None, spoiled)).relative_error(good)
    with pytest.raises(ValueError, match=rf"tensor\[0, 1\] is {bad}; every entry must be finite"):
        TuckerTensor(good, (None, None)).relative_error(spoiled)
    with pytest.raises(ValueError, match=r"tensor has shape \(2,\); .* has shape \(2, 2\)"):
        TuckerTensor(good, (None, None)).relative_error(np.ones(2))


@given(tuckers(), st.booleans(), st.data())
def test_mode_dot_commutes_with_rebuilding(
    tucker: TuckerTensor, is_vector: bool, data: st.DataObject
) -> None:
    mode = data.draw(st.integers(0, len(tucker.shape) - 1))
    dim, dtype = tucker.shape[mode], tucker.core.dtype
    rng = np.random.default_rng(0)
    matrix: Any = rng.standard_normal(dim if is_vector else (3, dim)).astype(dtype)
    if is_vector and tucker.core.ndim == 1:
        with pytest.raises(ValueError, match="leaves no mode of a tensor of order 1"):
            tucker_mode_dot(tucker, matrix, mode)
        return
    found = tucker_mode_dot(tucker, matrix, mode)
    expected = mode_dot(tucker.to_tensor(), matrix, mode)
    scale = float(np.abs(tucker.to_tensor()).max()) * dim * 500 + 1e-30
    atol = scale * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(found.to_tensor(), expected, rtol=0, atol=atol)
    assert found.core.dtype == dtype
    given = [matrix, tucker.core, *(f for f in tucker.factors if f is not None)]
    for part in (found.core, *(f for f in found.factors if f is not None)):
        assert not any(np.shares_memory(part, other) for other in given)
