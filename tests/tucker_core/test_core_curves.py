"""Curves of energy against parameters: what they say is what a truncated HOSVD of that core keeps."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tucker_core import core_curves, hosvd, tucker_params
from tucker_core.core_curves import core_curve, frontier

dims_of_one = st.lists(st.integers(2, 7), min_size=2, max_size=4).map(tuple)


def tensor_of(dims: tuple[int, ...], seed: int = 0, rank: int | None = None) -> Any:
    rng = np.random.default_rng(seed)
    if rank is None:
        return rng.standard_normal(dims)
    columns = [rng.standard_normal((dim, rank)) for dim in dims]
    letters = "abcdefgh"[: len(dims)]
    return np.einsum(",".join(f"{c}z" for c in letters) + "->" + letters, *columns)


@given(dims_of_one, st.integers(0, 99))
def test_every_point_is_a_truncated_hosvd(dims: tuple[int, ...], seed: int) -> None:
    tensor = tensor_of(dims, seed)
    curve = core_curve(tensor, tensor.size)
    assert (np.diff(curve.costs) > 0).all()
    assert (np.diff(curve.losses) < 0).all()
    for cost, loss, rank in zip(*curve, strict=True):
        ranks = tuple(map(int, rank))
        assert cost == tucker_params(dims, ranks) < tensor.size
        approximation = hosvd(tensor, ranks, sequential=False).to_tensor()
        lost = float(np.linalg.norm(tensor - approximation) / np.linalg.norm(tensor)) ** 2
        assert -math.expm1(-loss) == pytest.approx(lost, abs=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dims", [(40, 30), (12, 10, 8), (6, 7, 5, 4)])
def test_a_tensor_of_low_rank_loses_nothing_from_there_on(
    dims: tuple[int, ...], dtype: type
) -> None:
    tensor: Any = tensor_of(dims, rank=2).astype(dtype)
    curve = core_curve(tensor, tensor.size)
    assert curve.losses[-1] == 0
    rank = (2, dims[1]) if len(dims) == 2 else (2,) * len(dims)
    assert curve.costs[-1] <= tucker_params(dims, rank)


def test_the_scale_of_a_tensor_does_not_matter() -> None:
    tensor = tensor_of((6, 7, 8))
    alike = [core_curve(tensor * scale, 336) for scale in (1.0, 2.0**-600, 2.0**600)]
    for other in alike[1:]:
        np.testing.assert_array_equal(other.losses, alike[0].losses)


def test_fewer_shapes_are_weighed_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = tensor_of((20, 21, 22))
    every = core_curve(tensor, tensor.size)
    monkeypatch.setattr(core_curves, "MOST_SHAPES", 1_000)
    some = core_curve(tensor, tensor.size)
    for share in (0.1, 0.3, 0.6):
        budget = share * tensor.size
        best, near = (
            float(c.losses[np.searchsorted(c.costs, budget, side="right") - 1])
            for c in (every, some)
        )
        assert best - 1e-12 <= near <= 1.1 * best


def sketched(monkeypatch: pytest.MonkeyPatch, longest: int, rank: int) -> None:
    monkeypatch.setattr(core_curves, "_LONGEST_EXACT", longest)
    monkeypatch.setattr(core_curves, "_SKETCHED", rank)


def test_long_matrices_are_sketched(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = tensor_of((60, 50), rank=4)
    exact = core_curve(matrix, matrix.size)
    sketched(monkeypatch, 10, 8)
    found = core_curve(matrix, matrix.size)
    np.testing.assert_array_equal(found.costs, exact.costs)
    np.testing.assert_allclose(found.losses, exact.losses, rtol=1e-3, atol=1e-12)


@pytest.mark.parametrize("dims", [(60, 50), (40, 6, 7), (30, 36)])
def test_a_sketch_promises_no_more_than_there_is(
    dims: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And offers ranks beyond its own, so that budgets of any size can be spent."""
    tensor = tensor_of(dims)
    exact = core_curve(tensor, tensor.size)
    sketched(monkeypatch, 25, 8)
    found, again = core_curve(tensor, tensor.size), core_curve(tensor, tensor.size)
    np.testing.assert_array_equal(found.losses, again.losses)
    for cost, loss in zip(found.costs, found.losses, strict=True):
        best = exact.losses[np.searchsorted(exact.costs, cost, side="right") - 1]
        assert loss >= best - 1e-9
    if len(dims) == 2:
        assert found.costs[-1] > 0.9 * tensor.size


def test_of_zeros_the_smallest_shape_is_enough() -> None:
    for dims in ((4, 5), (4, 5, 6)):
        curve = core_curve(np.zeros(dims), math.prod(dims))
        assert curve.losses.tolist() == [0]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=20))
def test_the_frontier_is_what_no_other_beats(points: list[tuple[int, int]]) -> None:
    costs, losses = np.array([c for c, _ in points]), np.array([float(v) for _, v in points])
    chosen = frontier(costs, losses)
    kept = {(int(costs[k]), float(losses[k])) for k in chosen}
    for cost, loss in points:
        beaten = any((c <= cost and v <= loss) and (c, v) != (cost, loss) for c, v in points)
        assert ((cost, loss) in kept) == (not beaten)
