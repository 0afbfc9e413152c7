"""Factorisations and balance against brute force; plans that lose nothing and mix nothing."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tucker_core import ReshapePlan, balance_dims, factorizations, plan_reshape
from tucker_core.factorize import imbalance, padded_size, plain_factorizations

shapes = st.lists(st.integers(1, 60), min_size=1, max_size=4).map(tuple)


kernels = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple)


def brute_force(n: int, order: int) -> list[tuple[int, ...]]:
    divisors = [d for d in range(1, n + 1) if n % d == 0]
    tuples = itertools.combinations_with_replacement(divisors, order)
    return [dims for dims in tuples if math.prod(dims) == n]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [1, 2, 12, 36, 97, 128, 360, 500])
def test_factorizations_are_complete_sorted_and_unique(n: int, order: int) -> None:
    assert list(factorizations(n, order)) == sorted(brute_force(n, order))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
# at 4620 = 14 x 15 x 22 = 11 x 20 x 21 the least sum is not the least largest;
# at 3600 = 5 x 8 x 9 x 10 = 6 x 6 x 10 x 10 both are equal
@pytest.mark.parametrize("n", [1, 12, 60, 128, 360, 500, 840, 3600, 4620])
def test_balance_is_the_least_sum_then_the_least_largest(n: int, order: int) -> None:
    best = min(brute_force(n, order), key=lambda dims: (sum(dims), max(dims)))
    assert balance_dims(n, order) == best


@given(st.integers(1, 5_000), st.integers(1, 6))
def test_the_kernels_do_what_the_plain_search_says(n: int, order: int) -> None:
    plain = tuple(plain_factorizations(n, order))
    assert factorizations(n, order) == plain
    assert balance_dims(n, order) == min(plain, key=imbalance)


@pytest.mark.parametrize("n", [37_748_736, 2**40, 2**40 - 87, 9_699_690 * 10])
def test_large_numbers(n: int) -> None:
    rows = factorizations(n, 3)
    assert list(rows) == sorted(set(rows))
    assert all(math.prod(row) == n for row in rows)
    assert balance_dims(n, 3) == min(rows, key=imbalance)


@given(st.integers(1, 400), st.integers(2, 4))
def test_padding_is_the_cheapest_of_all_and_the_least(n: int, order: int) -> None:
    """Above twice the n-th root of n's own dims nothing can be cheaper; so brute force may stop."""
    size = padded_size(n, order)
    sums = {m: sum(balance_dims(m, order)) for m in range(n, 2 * n + 2**order)}
    best = min(sums.values())
    assert size == min(m for m, total in sums.items() if total == best)


@given(kernels, st.integers(1, 4), st.booleans(), st.booleans(), st.integers(0, 99))
def test_padded_and_permuted_plans_lose_nothing(
    shape: tuple[int, ...], order: int, permute: bool, pad: bool, seed: int
) -> None:
    plan = plan_reshape(shape, order, permute=permute, pad=pad)
    weight = np.random.default_rng(seed).standard_normal(shape)
    tensor = plan.apply(weight)
    assert tensor.shape == plan.dims
    assert len(plan.dims) == order
    np.testing.assert_array_equal(plan.undo(tensor), weight)
    assert tensor.size == weight.size + plan.padding
    assert np.count_nonzero(tensor) == weight.size
    plain = plan_reshape(shape, order)
    assert imbalance(plan.dims) <= imbalance(plain.dims)
    if not pad:
        assert plan.padding == 0


@given(kernels, st.integers(1, 4))
def test_permuted_plans_are_the_best_of_all_permutations(
    shape: tuple[int, ...], order: int
) -> None:
    best = min(
        imbalance(plan_reshape([shape[mode] for mode in permutation], order).dims)
        for permutation in itertools.permutations(range(len(shape)))
    )
    assert imbalance(plan_reshape(shape, order, permute=True).dims) == best


def test_modes_that_are_no_neighbours_can_be_merged() -> None:
    plan = plan_reshape((7, 64, 7), 2, permute=True)
    assert plan.dims == (49, 64)
    assert plan.permutation == (0, 2, 1)
    weight = np.arange(7 * 64 * 7.0).reshape(7, 64, 7)
    np.testing.assert_array_equal(plan.apply(weight)[:, 5], weight[:, 5].ravel())
    assert plan_reshape((7, 64, 7), 2).dims == (448, 7)
    assert "modes taken as (0, 2, 1)" in plan.explain()
    assert plan_reshape((20, 1, 5, 5), 2, permute=True).permutation == (0, 1, 2, 3)


def test_natural_parts_are_kept() -> None:
    assert plan_reshape((300, 784), 3, natural={1: (28, 28)}).dims == (300, 28, 28)
    assert plan_reshape((10, 3_072), 4, natural={1: (3, 32, 32)}).dims == (10, 3, 32, 32)
    # balance alone would cut 3,072 into 48 x 64
    assert plan_reshape((10, 3_072), 3, natural={1: (3, 32, 32)}).dims == (10, 96, 32)
    assert plan_reshape((10, 3_072), 3).dims == (10, 48, 64)
    # and inside a part where there are more dims than parts
    assert plan_reshape((10, 784), 4, natural={1: (28, 28)}).dims == (10, 28, 4, 7)


def test_padding_of_a_prime_mode() -> None:
    plan = plan_reshape((997, 10), 3, pad=True)
    assert plan.dims == (27, 37, 10)
    assert plan.padded == (999, 10)
    assert plan.padding == 20
    assert "20 zeros" in plan.explain()
    assert plan_reshape((997, 10), 3).padding == 0
    weight = np.random.default_rng(0).standard_normal((997, 10))
    tensor = plan.apply(weight)
    assert np.count_nonzero(tensor) == weight.size
    np.testing.assert_array_equal(tensor.reshape(999, 10)[:997], weight)
    np.testing.assert_array_equal(plan.undo(tensor), weight)


def test_other_orders_are_told() -> None:
    text = plan_reshape((300, 784)).explain()
    assert (
        "other orders: 235200 (sum 235200), 300 x 784 (sum 1084), 300 x 28 x 28 (sum 356)" in text
    )


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
    for shape, dims, which in (((), (), "shape"), ((), (1,), "shape"), ((1,), (), "dims")):
        with pytest.raises(ValueError, match=rf"{which} is \(\); at least one dimension"):
            ReshapePlan(shape, dims, tuple(range(len(shape))))
    with pytest.raises(ValueError, match=r"padded is \(3, 3\); it must be at least \(3, 4\)"):
        ReshapePlan((3, 4), (9,), (0, 1), padded=(3, 3))
    with pytest.raises(ValueError, match=r"natural\[1\] is \(2, 3\).*multiply"):
        plan_reshape((3, 4), natural={1: (2, 3)})
    with pytest.raises(ValueError, match=r"natural\[2\]"):
        plan_reshape((3, 4), natural={2: (2, 2)})
    with pytest.raises(ValueError, match="mixed is True"):
        plan_reshape((3, 4), mixed=True, pad=True)
    with pytest.raises(ValueError, match="n is 1099511627777"):
        balance_dims(2**40 + 1, 2)
    with pytest.raises(ValueError, match="permutation"):
        ReshapePlan((3, 4), (12,), (0, 0))
    with pytest.raises(ValueError, match="this plan is for"):
        plan_reshape((3, 4)).apply(np.ones((4, 3)))
    with pytest.raises(ValueError, match="this plan makes"):
        plan_reshape((3, 4), 2).undo(np.ones((4, 3)))
