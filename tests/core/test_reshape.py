"""Factorisations and balance against brute force; plans that lose nothing and mix nothing."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tucker_core import ReshapePlan, balance_dims, factorizations, plan_reshape

shapes = st.lists(st.integers(1, 60), min_size=1, max_size=4).map(tuple)


def brute_force(n: int, order: int) -> list[tuple[int, ...]]:
    divisors = [d for d in range(1, n + 1) if n % d == 0]
    tuples = itertools.combinations_with_replacement(divisors, order)
    return [dims for dims in tuples if math.prod(dims) == n]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [1, 2, 12, 36, 97, 128, 360, 500])
def test_factorizations_are_complete_sorted_and_unique(n: int, order: int) -> None:
    assert list(factorizations(n, order)) == sorted(brute_force(n, order))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
# at 4620 = 14 x 15 x 22 = 11 x 20 x 21 the least sum is not the least largest
@pytest.mark.parametrize("n", [1, 12, 60, 128, 360, 500, 840, 4620])
def test_balance_is_the_least_sum_then_the_least_largest(n: int, order: int) -> None:
    best = min(brute_force(n, order), key=lambda dims: (sum(dims), max(dims)))
    assert balance_dims(n, order) == best


@given(shapes, st.one_of(st.just("auto"), st.integers(1, 6)), st.booleans(), st.data())
def test_apply_and_undo_are_inverse(
    shape: tuple[int, ...], order: int, mixed: bool, data: st.DataObject
) -> None:
    planned = plan_reshape(shape, order, mixed=mixed)
    permutation = tuple(data.draw(st.permutations(range(len(shape)))))
    plan = ReshapePlan(planned.shape, planned.dims, permutation)
    weight = np.arange(math.prod(shape), dtype=np.float64).reshape(shape)
    tensor = plan.apply(weight)
    assert tensor.shape == plan.dims
    assert order in ("auto", len(plan.dims))
    np.testing.assert_array_equal(plan.undo(tensor), weight)


@given(shapes, st.integers(1, 6))
def test_modes_are_not_mixed_unless_asked(shape: tuple[int, ...], order: int) -> None:
    """Each run of dims must end where a mode of the weight ends, or lie inside one mode."""
    edges = set(itertools.accumulate(shape, lambda a, b: a * b, initial=1))
    dims = plan_reshape(shape, order).dims
    products = list(itertools.accumulate(dims, lambda a, b: a * b, initial=1))
    for low, high in itertools.pairwise(products):
        inside = [edge for edge in edges if low < edge < high]
        assert not inside or (low in edges and high in edges)


def test_known_plans() -> None:
    assert plan_reshape((50, 20, 5, 5), 4).dims == (5, 10, 20, 25)
    assert plan_reshape((300, 784)).dims == (15, 20, 28, 28)
    assert sum(plan_reshape((300, 784), 3, mixed=True).dims) < sum(plan_reshape((300, 784), 3).dims)
    assert "order 4" in plan_reshape((500, 800)).explain()


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="order is 9"):
        factorizations(12, 9)
    with pytest.raises(ValueError, match="n is 0"):
        factorizations(0, 2)
    with pytest.raises(ValueError, match="order is 0"):
        plan_reshape((4, 4), 0)
    with pytest.raises(ValueError, match=r"shape is \(4, 0\)"):
        plan_reshape((4, 0))
    with pytest.raises(ValueError, match=r"11 entries.*12"):
        ReshapePlan((3, 4), (11,), (0, 1))
    with pytest.raises(ValueError, match="permutation"):
        ReshapePlan((3, 4), (12,), (0, 0))
    with pytest.raises(ValueError, match="this plan is for"):
        plan_reshape((3, 4)).apply(np.ones((4, 3)))
    with pytest.raises(ValueError, match="this plan makes"):
        plan_reshape((3, 4), 2).undo(np.ones((4, 3)))
