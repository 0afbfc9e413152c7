"""Steps and scales: exact powers, rounding within half a step, errors."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tucker_core import quantize, rms_step, scale_of
from tucker_core.quantize import nearest_scale_code


@pytest.mark.parametrize("code", [*range(-2047, 2048, 97), *range(33), -2016, 2047])
def test_every_scale_is_the_power_it_names(code: int) -> None:
    exact = Decimal(2) ** (Decimal(code) / 32)
    assert abs(Decimal(scale_of(code)) / exact - 1) < Decimal(2) ** -50
    if abs(code) <= 2016:  # beyond, the scale is more than `nearest_scale_code` takes
        assert nearest_scale_code(scale_of(code)) == code


@given(st.floats(1e-15, 1e15))
def test_the_nearest_scale_is_within_half_a_code(scale: float) -> None:
    ratio = scale_of(nearest_scale_code(scale)) / scale
    assert 2 ** (-1 / 64) * (1 - 1e-9) <= ratio <= 2 ** (1 / 64) * (1 + 1e-9)


@given(
    st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=20),
    st.floats(3.1e-4, 5),
    st.sampled_from([np.float32, np.float64]),
)
def test_rounding_is_off_by_half_a_step_at_most(
    values: list[float], step: float, dtype: type[np.floating[Any]]
) -> None:
    array = np.array(values, dtype)
    for symbol, value in zip(quantize(array, step).tolist(), values, strict=True):
        off = abs(Fraction(value) - symbol * Fraction(step))
        assert off <= Fraction(step) * (Fraction(1, 2) + Fraction(1, 1 << 37))


def test_single_precision_is_rounded_as_well_as_double() -> None:
    rng = np.random.default_rng(0)
    array = rng.uniform(-32_768, 32_768, 100_000).astype(np.float32) * np.float32(0.1)
    array = array[np.abs(array) < 3_200]
    step = float(np.float32(0.1))
    np.testing.assert_array_equal(quantize(array, step), quantize(array.astype(np.float64), step))
    assert np.abs(quantize(array, step) * step - array.astype(np.float64)).max() <= 0.5000001 * step


@pytest.mark.parametrize("scale", [5e-324, 1e-310, 1e-200, 1e-30, 1.0, 1e30, 1e200, 5e303])
def test_tensors_of_any_scale_are_rounded_alike(scale: float) -> None:
    array = np.array([3.0, -4.0, 0.0, 12.0])
    np.testing.assert_array_equal(quantize(array * scale, scale), [3, -4, 0, 12])
    if scale > 1e-300:
        assert rms_step(array * scale, 6.5) == pytest.approx(scale, rel=1e-15)
        assert rms_step(-array * scale, 6.5) == rms_step(array * scale, 6.5)


def test_the_root_mean_square_of_ordinary_tensors_is_as_numpy_has_it() -> None:
    array = np.random.default_rng(0).standard_normal(1_000) * 0.05
    for tensor in (array, array.astype(np.float32)):
        plain = float(np.sqrt(np.mean(np.square(tensor, dtype=np.float64)))) / 4.0
        assert rms_step(tensor, 4.0) == plain
    assert rms_step(np.full(3, 1e-30, np.float32), 1.0) == pytest.approx(1e-30)


@pytest.mark.parametrize("levels", [0, -2, 0.0, float("nan"), float("inf")])
def test_levels_that_cannot_be_are_named(levels: float) -> None:
    with pytest.raises(ValueError, match=f"levels is {levels}; a positive finite number"):
        rms_step(np.ones(3), levels)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_root_mean_square_of_no_number_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match=rf"tensor\[1\] is {wrong}"):
        rms_step(np.array([1.0, wrong]), 4.0)
    with pytest.raises(ValueError, match=r"a step of 0\.0 of a tensor of size"):
        rms_step(np.array([5e-324]), 4.0)
    with pytest.raises(ValueError, match="a step of inf of a tensor of size"):
        rms_step(np.array([1e300]), 1e-300)


def test_steps_and_values_that_cannot_be_are_named() -> None:
    with pytest.raises(ValueError, match=r"tensor\[1\] is nan"):
        quantize(np.array([0.0, np.nan]), 0.1)
    with pytest.raises(ValueError, match="larger step"):
        quantize(np.array([1e6]), 0.1)
    for step in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"step is {step}; a positive"):
            quantize(np.array([1.0]), step)
    for largest, step in ((1e6, 0.1), (32_768.6, 1.0), (1.0, 5e-324), (1e308, 1e-308)):
        least = rf"take a larger step, {largest / 32_768:.3g} at least".replace("+", r"\+")
        with pytest.raises(ValueError, match=f"is too small for an entry .* {least}"):
            quantize(np.array([0.0, -largest]), step)
    assert quantize(np.array([-32_768.4]), 1.0) == -32_768
    for code in (3.0, "3", None):
        with pytest.raises(TypeError, match=f"scale code is {code!r}; an integer"):
            scale_of(code)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="32768"):
        scale_of(32768)
    with pytest.raises(ValueError, match="scale is 0"):
        nearest_scale_code(0.0)
    assert rms_step(np.zeros(3), 4.0) == 1.0
