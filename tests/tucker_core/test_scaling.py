"""Every decomposition is equivariant: 2^k times a tensor has the same factors and 2^k times the core.

Bit for bit, from the smallest normal number to the largest.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import dtypes
from tucker_core import (
    TuckerTensor,
    hosvd,
    multilinear_singular_values,
    partial_tucker,
    shared_core_hosvd,
    tucker,
)
from tucker_core.checks import FloatArray
from tucker_core.core_shapes import energy_losses
from tucker_core.norms import energy_share, frobenius_norm
from tucker_core.scaling import check_scaled, times_power
from tucker_core.shared import joint_error

Parts = tuple[FloatArray, list[FloatArray | None]]
SHAPE = (40, 6, 9)  # the first mode is long enough for subspace iteration


def peaked(dtype: Any, seed: int = 0, shape: tuple[int, ...] = SHAPE) -> FloatArray:
    """One entry of 1 and 0.01 of noise: the norm, and so the core, is hardly above the largest entry."""
    tensor = 1e-2 / np.prod(shape) ** 0.5 * np.random.default_rng(seed).uniform(-2, 2, shape)
    tensor.flat[tensor.size // 2] = 1
    return tensor.astype(dtype)


def parts(result: TuckerTensor) -> Parts:
    return result.core, list(result.factors)


def jointly(tensor: FloatArray) -> Parts:
    core, factors = shared_core_hosvd([tensor, 0.5 * tensor[:5, ::-1]], (3, 7, 2))
    return core, [matrix for own in factors for matrix in own]


WAYS: dict[str, Callable[[FloatArray], Parts]] = {
    "auto": lambda x: parts(hosvd(x, 3)),
    "classic": lambda x: parts(hosvd(x, (3, 2, 9), sequential=False)),
    "gram": lambda x: parts(hosvd(x, 3, method="gram")),
    "svd": lambda x: parts(hosvd(x, 3, method="svd")),
    "randomized": lambda x: parts(hosvd(x, 3, method="randomized", rng=0)),
    "full": lambda x: parts(hosvd(x, x.shape)),
    "tol": lambda x: parts(hosvd(x, tol=3e-3)),
    "small tol": lambda x: parts(hosvd(x, tol=1e-5)),
    "tol by gram": lambda x: parts(hosvd(x, tol=1e-3, method="gram")),
    "tol by svd": lambda x: parts(hosvd(x, tol=1e-3, method="svd")),
    "tucker": lambda x: parts(tucker(x, 3, n_iter_max=5)),
    "tucker from random": lambda x: parts(tucker(x, 3, init="random", rng=1)),
    "tucker of full rank": lambda x: parts(tucker(x, x.shape)),
    "partial_tucker": lambda x: parts(partial_tucker(x, (2, 3), (0, 2))),
    "shared_core_hosvd": jointly,
    "singular values": lambda x: (np.concatenate(multilinear_singular_values(x)), []),
}


def same_but_scaled(found: Parts, expected: Parts, exponent: int) -> None:
    np.testing.assert_array_equal(found[0], np.ldexp(expected[0], exponent))
    assert len(found[1]) == len(expected[1])
    for factor, other in zip(found[1], expected[1], strict=True):
        assert (factor is None) == (other is None)
        if factor is not None and other is not None:
            np.testing.assert_array_equal(factor, other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", WAYS)
def test_a_power_of_two_changes_no_bit(name: str, dtype: Any) -> None:
    tensor = peaked(dtype)
    expected = WAYS[name](tensor)
    limits = np.finfo(dtype)
    # the smallest k keeps every entry normal; 2^(maxexp - 1) is the largest power of two there is
    smallest = int(limits.minexp - np.frexp(np.abs(tensor).min())[1] + 1)
    for exponent in (smallest, smallest // 2, -40, -11, -10, -3, 9, 10, 40, limits.maxexp - 1):
        scaled = np.ldexp(tensor, exponent)
        assert np.abs(scaled).min() >= limits.tiny
        same_but_scaled(WAYS[name](scaled), expected, exponent)


@given(dtypes, st.integers(-900, 900), st.integers(0, 99), st.sampled_from(sorted(WAYS)))
def test_any_power_of_two(dtype: Any, exponent: int, seed: int, name: str) -> None:
    exponent = exponent if dtype == np.float64 else exponent // 9
    tensor = np.random.default_rng(seed).uniform(1, 2, SHAPE).astype(dtype)
    tensor[::2] *= -1
    same_but_scaled(WAYS[name](np.ldexp(tensor, exponent)), WAYS[name](tensor), exponent)


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_subnormal_numbers_are_decomposed_as_what_they_are(name: str, dtype: Any) -> None:
    limits = np.finfo(dtype)
    whole = 2 * np.random.default_rng(0).integers(-9, 10, SHAPE).astype(dtype)
    shift = int(limits.minexp - limits.nmant)
    tensor = np.ldexp(whole, shift)  # two is twice the smallest number that there is
    found, expected = WAYS[name](tensor), WAYS[name](whole)
    same_but_scaled(found, expected, shift)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_core_that_cannot_be_held_is_named_with_the_way_out(dtype: Any) -> None:
    tensor = np.full((4, 4), np.finfo(dtype).max)
    ways: list[Callable[[Any], object]] = [
        lambda x: hosvd(x, 1),
        lambda x: tucker(x, 1),
        lambda x: shared_core_hosvd([x, x], 1),
    ]
    for way in ways:
        with pytest.raises(
            ValueError, match=r"core would hold .*the largest float.*: divide"
        ) as caught:
            way(tensor)
        found = re.search(r"2\.0\*\*(\d+) first", str(caught.value))
        assert found is not None
        way(tensor / 2.0 ** int(found[1]))
    assert np.isfinite(hosvd(tensor, (4, 4)).core).all()  # nothing to compute, nothing to overflow


def test_singular_values_that_cannot_be_held() -> None:
    tensor = np.full((4, 4), np.finfo(np.float64).max)
    with pytest.raises(ValueError, match=r"singular values would hold .*\*\*\d first"):
        multilinear_singular_values(tensor)
    largest = np.full((4, 4), np.finfo(np.float32).max)
    assert multilinear_singular_values(largest)[0][0] == (
        pytest.approx(4 * float(np.finfo(np.float32).max), rel=1e-6)
    )


def test_small_singular_values_beside_large_ones_do_not_vanish() -> None:
    for values in multilinear_singular_values(np.diag([1.0, 1e-200])):
        np.testing.assert_allclose(values, [1, 1e-200], rtol=1e-12)


def test_zeros() -> None:
    for name, way in WAYS.items():
        core, factors = way(np.zeros(SHAPE))
        assert not core.any(), name
        assert all(factor is None or np.isfinite(factor).all() for factor in factors), name


def test_a_small_tensor_beside_a_large_one_keeps_its_own_digits() -> None:
    """The large one alone decides on the core; the small one's matrices fit that as well at any size."""
    rng = np.random.default_rng(0)
    tensors = [rng.standard_normal(shape).astype(np.float32) for shape in ((6, 7, 5), (8, 5, 6))]
    errors = []
    for exponent in (-30, -60, -100):
        small = np.ldexp(tensors[1], exponent)
        core, factors = shared_core_hosvd([tensors[0], small], 3, n_iter_max=5)
        errors.append(joint_error([small], core, factors[1:]) / frobenius_norm(small))
    assert errors[0] < 0.95
    np.testing.assert_allclose(errors, errors[0], rtol=1e-4)


def test_norms_at_every_size() -> None:
    for dtype in (np.float32, np.float64):
        limits = np.finfo(dtype)
        for unit in (limits.smallest_subnormal, limits.tiny, 1, limits.max / 16):
            tensor, whole = np.array([3, 4], dtype) * np.asarray(unit, dtype), 5 * float(unit)
            assert frobenius_norm(tensor) == pytest.approx(whole, rel=1e-6)
            assert energy_share(tensor[:1], tensor) == pytest.approx(9 / 25, rel=1e-6)
            assert joint_error(
                [tensor, tensor], 0 * tensor[:1], [[np.zeros((2, 1), dtype)]] * 2
            ) == (pytest.approx(2**0.5 * whole, rel=1e-6))
    assert energy_share(np.zeros(2), np.zeros(3)) == 0


def test_losses_of_singular_values_of_any_size() -> None:
    sigma = np.array([4.0, 2.0, 1.0])
    expected = energy_losses((3,), [sigma])[0]
    for exponent in (-1000, 1000):
        np.testing.assert_array_equal(energy_losses((3,), [np.ldexp(sigma, exponent)])[0], expected)


def test_ordinary_tensors_are_neither_copied_nor_changed() -> None:
    for largest in (2.0**-10, 1.0, 1023.0):
        tensor = np.array([[0.0, largest], [-largest / 2, 0.0]])
        assert check_scaled(tensor)[0] is tensor
        assert times_power(tensor, 0) is tensor
    for largest, exponent in ((1024.0, 10), (2.0**-11, -11)):
        array, found = check_scaled(np.array([-largest, 0.0]))
        assert (array[0], found) == (-1.0, exponent)
