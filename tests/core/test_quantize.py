"""Steps and scales: exact powers, rounding within half a step, errors."""

from decimal import Decimal

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


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=20), st.floats(0.01, 5))
def test_rounding_is_off_by_half_a_step_at_most(values: list[float], step: float) -> None:
    array = np.array(values)
    assert np.abs(quantize(array, step) * step - array).max() <= step / 2 * (1 + 1e-12)


def test_steps_and_values_that_cannot_be_are_named() -> None:
    with pytest.raises(ValueError, match=r"tensor\[1\] is nan"):
        quantize(np.array([0.0, np.nan]), 0.1)
    with pytest.raises(ValueError, match="larger step"):
        quantize(np.array([1e6]), 0.1)
    with pytest.raises(ValueError, match="step is 0"):
        quantize(np.array([1.0]), 0.0)
    with pytest.raises(ValueError, match="2048"):
        scale_of(2048)
    with pytest.raises(ValueError, match="scale is 0"):
        nearest_scale_code(0.0)
    assert rms_step(np.zeros(3), 4.0) == 1.0
