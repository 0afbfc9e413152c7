"""Exact search against plain Python: one tensor, several under one ceiling, and a shared core."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tucker_core import core_shapes, tucker_params
from tucker_core.core_shapes import (
    best_core_shapes,
    best_shared_core,
    energy_losses,
    least_params,
    plain_core_shapes,
)
from tucker_core.counting import shared_core_params

Dims = tuple[int, ...]
dims_of_one = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple)
dims_of_some = st.lists(
    st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple), min_size=1, max_size=3
)


def drawn_losses(dims: Dims, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return energy_losses(dims, [np.sort(rng.random(dim))[::-1] for dim in dims])


def loss_of(losses: list[np.ndarray], rank: Dims) -> float:
    return sum(float(own[j - 1]) for own, j in zip(losses, rank, strict=True))


@given(dims_of_one, st.floats(0, 1.1), st.integers(0, 99))
def test_one_tensor_against_plain_python(dims: Dims, share: float, seed: int) -> None:
    budget = least_params(dims) + int(share * math.prod(dims))
    losses = drawn_losses(dims, seed)
    (rank,) = best_core_shapes([dims], budget, [losses])
    assert tucker_params(dims, rank) <= budget
    best = min(plain_core_shapes(dims, budget, losses))
    assert loss_of(losses, rank) == pytest.approx(best[0], abs=1e-12)
    assert tucker_params(dims, rank) == best[1]


@given(dims_of_some, st.floats(0, 1.1), st.integers(0, 99))
def test_several_tensors_against_plain_python(
    all_dims: list[Dims], share: float, seed: int
) -> None:
    budget = sum(map(least_params, all_dims)) + int(share * sum(map(math.prod, all_dims)))
    losses = [drawn_losses(dims, seed + k) for k, dims in enumerate(all_dims)]
    ranks = best_core_shapes(all_dims, budget, losses)
    assert sum(map(tucker_params, all_dims, ranks)) <= budget
    shapes = [
        list(plain_core_shapes(dims, budget, own))
        for dims, own in zip(all_dims, losses, strict=True)
    ]
    fitting = (
        sum(loss for loss, _, _ in choice)
        for choice in itertools.product(*shapes)
        if sum(numbers for _, numbers, _ in choice) <= budget
    )
    assert sum(map(loss_of, losses, ranks)) == pytest.approx(min(fitting), abs=1e-12)


@given(
    st.integers(1, 3).flatmap(
        lambda order: st.lists(
            st.lists(st.integers(1, 5), min_size=order, max_size=order).map(tuple),
            min_size=1,
            max_size=3,
        )
    ),
    st.floats(0, 1.1),
    st.integers(0, 99),
)
def test_a_shared_core_against_plain_python(all_dims: list[Dims], share: float, seed: int) -> None:
    order = len(all_dims[0])
    least = shared_core_params(all_dims, (1,) * order)
    budget = least + int(share * sum(map(math.prod, all_dims)))
    losses = [drawn_losses(dims, seed + k) for k, dims in enumerate(all_dims)]

    def loss(rank: Dims) -> float:
        return sum(loss_of(own, rank) for own in losses)

    rank = best_shared_core(all_dims, budget, losses)
    assert shared_core_params(all_dims, rank) <= budget
    assert all(j <= i for dims in all_dims for i, j in zip(dims, rank, strict=True))
    fitting = [
        loss(candidate)
        for candidate in itertools.product(
            *(range(1, min(d) + 1) for d in zip(*all_dims, strict=True))
        )
        if shared_core_params(all_dims, candidate) <= budget
        and all(j * j <= math.prod(candidate) for j in candidate)
    ]
    assert loss(rank) == pytest.approx(min(fitting), abs=1e-12)
    if least > 1:
        with pytest.raises(ValueError, match=f"needs at least {least}$"):
            best_shared_core(all_dims, least - 1, losses)


@given(dims_of_one)
def test_the_least_number_of_params_is_the_least(dims: Dims) -> None:
    ranks = itertools.product(*(range(1, dim + 1) for dim in dims))
    assert least_params(dims) == min(tucker_params(dims, rank) for rank in ranks)


@given(dims_of_some)
def test_the_smallest_budget_is_named_and_is_enough(all_dims: list[Dims]) -> None:
    least = sum(map(least_params, all_dims))
    assert sum(map(tucker_params, all_dims, best_core_shapes(all_dims, least))) == least
    for budget in (least - 1, 0, -5):
        with pytest.raises(ValueError, match=f"budget is {budget} parameters.*at least {least}$"):
            best_core_shapes(all_dims, budget)


def test_energy_decides_which_mode_gets_the_ranks() -> None:
    flat, steep = np.ones(8), 10.0 ** -np.arange(8.0)
    (rank,) = best_core_shapes([(8, 8, 8)], 130, [energy_losses((8, 8, 8), [flat, steep, flat])])
    assert rank[1] < min(rank[0], rank[2])


def test_a_weight_of_zeros_gets_the_least() -> None:
    zeros = energy_losses((6, 7), [np.zeros(6), np.zeros(7)])
    ranks = best_core_shapes([(6, 7), (6, 7)], 40, [zeros, energy_losses((6, 7))])
    assert tucker_params((6, 7), ranks[0]) == least_params((6, 7))


def test_losses_are_logs_of_the_energy_lost() -> None:
    losses = energy_losses((3,), [[2.0, 1.0]])[0]
    np.testing.assert_allclose(losses, [math.log(5 / 4), 0, 0], atol=1e-15)
    np.testing.assert_allclose(energy_losses((2,))[0], [math.log(1.25), 0], atol=1e-15)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1.0]], "1 lists of singular values for dims"),
        ([[1.0], [1.0] * 4], r"mode 1 has singular values of shape \(4,\); 1 to 3"),
        ([[1.0], []], r"mode 1 .* shape \(0,\); 1 to 3"),
        ([[1.0], [1.0, 2.0]], "mode 1 .* falling"),
        ([[1.0], [1.0, -2.0]], "mode 1 .* none below 0"),
        ([[np.nan], [1.0]], "mode 0 .* finite"),
    ],
)
def test_bad_singular_values_are_named(values: list[list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        energy_losses((2, 3), values)


def test_what_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_shapes, "MAX_STEPS", 100)
    with pytest.raises(ValueError, match=r"more than 100 steps.*search='balanced'"):
        best_core_shapes([(9, 9, 9), (9, 9, 9)], 200)


def test_so_is_what_takes_too_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_shapes, "MAX_TABLE", 1_000)
    assert best_core_shapes([(9, 9, 9)], 200)
    assert best_shared_core([(9, 9, 9)], 200)
    with pytest.raises(
        ValueError, match=r"budget is 250 parameters for 1 .* 1,000 entries.*smaller"
    ):
        best_core_shapes([(9, 9, 9)], 250)
    with pytest.raises(ValueError, match=r"budget is 250 parameters for 1 .* 1,000 entries"):
        best_shared_core([(9, 9, 9)], 250)
    with pytest.raises(ValueError, match=r"dims \(999, 2\) sum to more than 1,000"):
        energy_losses((999, 2))


def test_a_core_shape_search_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """One tensor of many modes has far more core shapes than numbers."""
    monkeypatch.setattr(core_shapes, "MAX_STEPS", 100_000)
    for search in (best_core_shapes, best_shared_core):
        with pytest.raises(ValueError, match=r"more than 100,000 steps"):
            search([(32,) * 8], 3_000)


def test_more_shapes_than_an_integer_counts_are_refused() -> None:
    long = 1 << 22
    for search, dims in (
        (best_core_shapes, [(300,) * 8]),
        (best_shared_core, [(long, long, long)]),
    ):
        flat = [[np.zeros(1) for _ in own] for own in dims]  # no table for each rank of a long dim
        with pytest.raises(ValueError, match=r"largest dims are \(.* less than 2\^63: reshape"):
            search(dims, 10_000, flat)


def test_a_shared_core_needs_one_order() -> None:
    with pytest.raises(ValueError, match=r"orders \[2, 3\]; a shared core needs one"):
        best_shared_core([(4, 5), (4, 5, 6)], 100)
