"""Tucker product and gradient: against einsum, finite differences and the adjoint identity.

Everything is run by the compiled kernels and by plain numpy.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import dtypes
from tucker_core import TuckerTensor, random_tucker, tucker_gradient, tucker_plan, tucker_to_tensor


@pytest.fixture(params=["compiled", "numpy"], scope="module", autouse=True)
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Let the kernels do the work, or their readable twin."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "numpy":
            patch.setattr(tucker_plan, "can_compile", lambda: False)
        tucker_plan._plan_for.cache_clear()
        yield request.param
    tucker_plan._plan_for.cache_clear()


@st.composite
def tuckers(draw: st.DrawFn) -> TuckerTensor:
    """Draw a Tucker tensor of order 1 to 6 in which some modes are full and have no factor."""
    rank = draw(st.lists(st.integers(1, 4), min_size=1, max_size=6))
    dtype = draw(dtypes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    factors = tuple(
        None
        if draw(st.booleans())
        else rng.standard_normal((draw(st.integers(1, 7)), r)).astype(dtype)
        for r in rank
    )
    return TuckerTensor(rng.standard_normal(rank).astype(dtype), factors)


def by_einsum(tucker: TuckerTensor) -> np.ndarray:
    tensor = tucker.core
    for mode, factor in enumerate(tucker.factors):
        if factor is not None:
            tensor = np.moveaxis(
                np.einsum("...i,ji->...j", np.moveaxis(tensor, mode, -1), factor), -1, mode
            )
    return tensor


@given(tuckers())
def test_product_equals_einsum(tucker: TuckerTensor) -> None:
    expected = by_einsum(tucker)
    result = tucker_to_tensor(tucker)
    scale = 1 + float(np.abs(expected).max())
    assert result.dtype == tucker.core.dtype
    assert result.shape == tucker.shape
    np.testing.assert_allclose(
        result, expected, rtol=0, atol=200 * scale * float(np.finfo(result.dtype).eps)
    )
    out = np.empty_like(result)
    assert tucker_to_tensor(tucker, out=out) is out
    np.testing.assert_array_equal(out, result)


@given(tuckers(), st.integers(0, 2**32 - 1))
def test_gradient_is_the_adjoint_of_every_part(tucker: TuckerTensor, seed: int) -> None:
    """The product is linear in each part, so <G, product with part replaced by D> = <grad, D>."""
    rng = np.random.default_rng(seed)
    dtype = tucker.core.dtype
    upstream = rng.standard_normal(tucker.shape).astype(dtype)
    grad_core, grad_factors = tucker_gradient(tucker, upstream)
    parts = [tucker.core, *tucker.factors]
    for k, (part, grad) in enumerate(zip(parts, [grad_core, *grad_factors], strict=True)):
        assert (part is None) == (grad is None)
        if part is None or grad is None:
            continue
        direction = rng.standard_normal(part.shape).astype(dtype)
        moved: list[Any] = [direction if n == k else p for n, p in enumerate(parts)]
        along = by_einsum(TuckerTensor(moved[0], tuple(moved[1:])))
        left, right = float(np.vdot(upstream, along)), float(np.vdot(grad, direction))
        scale = float(np.linalg.norm(upstream) * np.linalg.norm(along)) + 1
        assert grad.shape == part.shape
        assert left == pytest.approx(right, abs=300 * scale * float(np.finfo(dtype).eps))


def test_gradient_equals_finite_differences() -> None:
    rng = np.random.default_rng(0)
    tucker = random_tucker((3, 4, 5), (2, 3, 2), rng)
    target = rng.standard_normal((3, 4, 5))

    def loss(parts: list[np.ndarray]) -> float:
        return 0.5 * float(np.sum((tucker_to_tensor((parts[0], parts[1:])) - target) ** 2))

    parts = [tucker.core, *(f for f in tucker.factors if f is not None)]
    grad_core, grad_factors = tucker_gradient(tucker, tucker.to_tensor() - target)
    for k, grad in enumerate([grad_core, *grad_factors]):
        assert grad is not None
        for index in np.ndindex(*grad.shape):
            sides = []
            for h in (1e-5, -1e-5):
                moved = [part.copy() for part in parts]
                moved[k][index] += h
                sides.append(loss(moved))
            assert (sides[0] - sides[1]) / 2e-5 == pytest.approx(grad[index], rel=1e-6, abs=1e-6)


def test_counts_and_shapes() -> None:
    tucker = TuckerTensor(np.ones((2, 3)), (np.ones((4, 2)), None))
    assert (tucker.shape, tucker.rank, tucker.n_params) == ((4, 3), (2, 3), 14)


def test_inputs_are_left_alone() -> None:
    tucker = random_tucker((3, 4), (2, 2), np.random.default_rng(0))
    copies = [tucker.core.copy(), *(f.copy() for f in tucker.factors if f is not None)]
    tucker_gradient(tucker, np.ones((3, 4)))
    for part, copy in zip([tucker.core, *tucker.factors], copies, strict=True):
        np.testing.assert_array_equal(part, copy)


CORE = np.ones((2, 3))


@pytest.mark.parametrize(
    ("core", "factors", "error", "message"),
    [
        (CORE, [None], ValueError, "1 factors for a core of order 2"),
        (CORE, [np.ones((2, 4)), None], ValueError, r"factors\[0\].*\(I, 2\).*transposed"),
        (CORE, [np.ones((4, 2), np.float32), None], TypeError, r"factors\[0\] is float32"),
        (CORE.astype(int), [None, None], TypeError, "core has dtype int64"),
        (CORE, [np.ones(2), None], ValueError, r"factors\[0\] has shape \(2,\)"),
    ],
)
def test_parts_that_do_not_fit_are_named(
    core: np.ndarray,
    factors: list[np.ndarray],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        tucker_to_tensor((core, factors))


def test_wrong_out_and_upstream_are_named() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 3\) is needed"):
        tucker_to_tensor((CORE, [None, None]), out=np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"grad is float64 of shape \(3, 2\)"):
        tucker_gradient((CORE, [None, None]), np.ones((3, 2)))
