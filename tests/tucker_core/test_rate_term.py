"""The rate term: values against the distributions themselves, slopes against differences, both twins."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tucker_core.rate_term import plain_rate_and_gradient, rate_and_gradient

BOTH = pytest.mark.parametrize("twin", [rate_and_gradient, plain_rate_and_gradient])
levels_of_one = st.lists(
    st.floats(-60, 60, width=32) | st.sampled_from([0.0, -0.0, 0.5, -0.5, 1e-30, 3e4, -1e30]),
    min_size=1,
    max_size=9,
)
params_of_one = st.tuples(st.floats(-3, 3), st.floats(-30, 30), st.floats(-200, 200))


def below(x: float, spread: float) -> float:
    """The Laplace distribution function, for x <= 0 alone, where it loses nothing."""
    return 0.5 * math.exp(x / spread)


def mass(size: float, spread: float) -> float:
    """The Laplace distribution's mass from u - 1/2 to u + 1/2."""
    if size >= 0.5:
        return below(0.5 - size, spread) - below(-0.5 - size, spread)
    return 1 - below(size - 0.5, spread) - below(-0.5 - size, spread)


@BOTH
@pytest.mark.parametrize("spread", [0.05, 0.3, 1.0, 20.0])
@pytest.mark.parametrize("logit", [-4.0, 0.0, 3.0])
def test_bits_are_those_of_a_mixture_of_two_laplace_distributions(
    twin: Callable[..., tuple[float, np.ndarray, np.ndarray]], spread: float, logit: float
) -> None:
    levels, step, fraction = np.array([0.0, 0.1, -0.9, 2.5, -7.0]), 0.8, 1 / (1 + math.exp(-logit))
    wanted = -sum(
        math.log2(fraction * mass(u, 0.2) + (1 - fraction) * mass(u, spread))
        for u in np.abs(levels) / step
    )
    params = np.array([[math.log(step)], [math.log(spread)], [logit]])
    assert twin(levels, np.array([5]), params)[0] == pytest.approx(wanted, rel=1e-9)


@BOTH
def test_gradient_is_that_of_finite_differences(
    twin: Callable[..., tuple[float, np.ndarray, np.ndarray]],
) -> None:
    rng = np.random.default_rng(0)
    levels, lengths = rng.laplace(size=12) * 2, np.array([5, 0, 7])
    params = np.array([[0.2, 0.0, -0.4], [0.5, 0.0, -1.0], [-1.0, 0.0, 1.0]])
    _, by_levels, by_params = twin(levels, lengths, params)
    for own, slopes in ((levels, by_levels), (params, by_params)):
        for place in np.ndindex(own.shape):
            kept, found = own[place], []
            for moved in (kept - 1e-6, kept + 1e-6):
                own[place] = moved
                found.append(twin(levels, lengths, params)[0])
            own[place] = kept
            assert slopes[place] == pytest.approx((found[1] - found[0]) / 2e-6, rel=1e-5, abs=1e-7)


@given(st.lists(st.tuples(levels_of_one, params_of_one), min_size=1, max_size=4), st.booleans())
def test_kernel_and_plain_twin_agree(
    tensors: list[tuple[list[float], tuple[float, float, float]]], single: bool
) -> None:
    levels = np.concatenate([np.array(own) for own, _ in tensors])
    levels = levels.astype(np.float32 if single else np.float64)
    lengths, params = [len(own) for own, _ in tensors], np.array([own for _, own in tensors]).T
    found, wanted = (
        twin(levels, np.array(lengths), params)
        for twin in (rate_and_gradient, plain_rate_and_gradient)
    )
    assert found[0] == pytest.approx(wanted[0], rel=1e-9, abs=1e-12)
    for own, other in zip(found[1:], wanted[1:], strict=True):
        assert own.dtype == other.dtype
        np.testing.assert_allclose(own, other, rtol=1e-6, atol=1e-9 * max(1, np.abs(other).max()))


@BOTH
@pytest.mark.parametrize("place", ["level", "step", "spread", "logit"])
def test_what_is_no_number_is_not_hidden(
    twin: Callable[..., tuple[float, np.ndarray, np.ndarray]], place: str
) -> None:
    """Training stops at the first loss that is not finite."""
    levels, params = np.array([0.1, 3.0]), np.zeros((3, 1))
    if place == "level":
        levels[1] = math.nan
    else:
        params[["step", "spread", "logit"].index(place)] = math.nan
    assert math.isnan(twin(levels, np.array([2]), params)[0])


def test_spread_below_the_least_is_not_learned() -> None:
    slopes = [
        rate_and_gradient(np.array([0.3]), np.array([1]), np.array([[0.0], [log_spread], [0.0]]))
        for log_spread in (-9.0, -5.0)
    ]
    assert slopes[0][0] == slopes[1][0]
    assert slopes[0][2][1, 0] == 0


@pytest.mark.parametrize(
    ("levels", "lengths", "params"),
    [
        (np.ones(3), [2], np.zeros((3, 1))),
        (np.ones(3), [4, -1], np.zeros((3, 2))),
        (np.ones(3), [3], np.zeros((3, 2))),
        (np.ones(3), [3], np.zeros((2, 1))),
        (np.ones((3, 1)), [3], np.zeros((3, 1))),
    ],
)
def test_what_does_not_belong_together_is_refused(
    levels: np.ndarray, lengths: list[int], params: np.ndarray
) -> None:
    with pytest.raises(ValueError, match="do not belong together; one vector of levels"):
        rate_and_gradient(levels, np.array(lengths), params)
    with pytest.raises(TypeError, match="levels"):
        rate_and_gradient(levels.astype(np.float16), np.array(lengths), params)


def test_arrays_of_any_layout_are_read() -> None:
    levels, params = np.arange(12.0)[::2], np.asfortranarray(np.zeros((3, 2)))
    wanted = rate_and_gradient(levels.copy(), np.array([2, 4]), np.zeros((3, 2)))
    found = rate_and_gradient(levels, np.array([2, 4], np.int32), params)
    assert found[0] == wanted[0]
    np.testing.assert_array_equal(found[1], wanted[1])
