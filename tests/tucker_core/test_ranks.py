"""Ranks under a budget: never above it, nothing left lying, the smallest one named."""

import math
import time
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tucker_core import tucker_params, validate_tucker_rank
from tucker_core.ranks import _cubes, ranks_within

many_dims = st.lists(
    st.lists(st.integers(2, 12), min_size=1, max_size=4).map(tuple), min_size=1, max_size=4
)


@given(many_dims, st.floats(0.0, 1.2))
def test_a_budget_is_never_exceeded_and_never_left_lying(
    dims: list[tuple[int, ...]], share: float
) -> None:
    least = sum(sum(d) if len(d) > 1 else d[0] for d in dims)
    budget = least + int(share * sum(math.prod(d) for d in dims))
    ranks = ranks_within(dims, budget)
    spent = sum(map(tucker_params, dims, ranks))
    assert spent <= budget
    for d, rank in zip(dims, ranks, strict=True):
        assert all(1 <= r <= i for r, i in zip(rank, d, strict=True))
    for k, (d, rank) in enumerate(zip(dims, ranks, strict=True)):
        for mode, r in enumerate(rank):
            if r == d[mode]:
                continue
            more = (*rank[:mode], r + 1, *rank[mode + 1 :])
            useful = more[mode] <= math.prod(more) // more[mode]
            cost = spent - tucker_params(d, rank) + tucker_params(d, more)
            assert not useful or cost > budget, (k, mode)


@given(many_dims)
def test_the_smallest_budget_is_named_and_is_enough(dims: list[tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="need at least") as caught:
        ranks_within(dims, 1)
    least = int(str(caught.value).split("at least ")[1].split(",")[0])
    assert sum(map(tucker_params, dims, ranks_within(dims, least))) == least
    with pytest.raises(ValueError, match=f"at least {least}"):
        ranks_within(dims, least - 1)


@pytest.mark.parametrize(
    ("rank", "expected"),
    [
        (5, (5, 5, 4)),
        (np.uint8(5), (5, 5, 4)),
        (np.array(5), (5, 5, 4)),
        ((1, 2, 3), (1, 2, 3)),
        ([2, 2, 2], (2, 2, 2)),
        (np.array([3, 2, 1]), (3, 2, 1)),
        ((r for r in (1, 2, 3)), (1, 2, 3)),
        (range(1, 4), (1, 2, 3)),
        (map(np.int64, (1, 2, 3)), (1, 2, 3)),
    ],
)
def test_ranks_as_users_say_them(rank: Any, expected: tuple[int, ...]) -> None:
    found = validate_tucker_rank((9, 8, 4), rank)
    assert found == expected
    assert all(type(r) is int for r in found)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.array, Fraction])
def test_fractions_of_any_kind(kind: Any) -> None:
    assert validate_tucker_rank((9, 8, 4), kind(0.5)) == validate_tucker_rank((9, 8, 4), 0.5)
    assert validate_tucker_rank((9, 8, 4), kind(1.0)) == (9, 8, 4)


@given(
    st.lists(st.integers(2, 20), min_size=2, max_size=4).map(tuple),
    st.floats(0.01, 1.0),
    st.sets(st.integers(0, 3)),
)
def test_fixed_modes_stay_full_under_the_same_ceiling(
    dims: tuple[int, ...], share: float, modes: set[int]
) -> None:
    fixed = [mode for mode in modes if mode < len(dims)]
    least = tucker_params(dims, tuple(d if n in fixed else 1 for n, d in enumerate(dims)))
    try:
        ranks = validate_tucker_rank(dims, share, fixed_modes=fixed)
    except ValueError as error:
        named = int(str(error).split("at least ")[1].split(",")[0])
        assert share * math.prod(dims) < named <= least
        return
    assert tucker_params(dims, ranks) <= share * math.prod(dims) + 1e-6
    assert all(ranks[mode] == dims[mode] for mode in fixed)


def test_fixed_modes() -> None:
    shape = (64, 32, 3, 3)
    assert validate_tucker_rank(shape, 2, fixed_modes=[2, 3]) == (2, 2, 3, 3)
    assert validate_tucker_rank(shape, 1.0, fixed_modes=()) == shape
    assert validate_tucker_rank(shape, (5, 4, 3, 2), fixed_modes=[2]) == (5, 4, 3, 2)
    assert validate_tucker_rank((6, 5), 6, fixed_modes=[1]) == (6, 5)
    assert validate_tucker_rank((6, 5), 3, fixed_modes=np.array([0, 1])) == (6, 5)
    assert (
        validate_tucker_rank(shape, 0.2)[0]
        < validate_tucker_rank(shape, 0.2, fixed_modes=[0])[0]
        == 64
    )
    with pytest.raises(ValueError, match=r"rank\[2\] is 2; mode 2 .* fixed_modes, .*: 3 is needed"):
        validate_tucker_rank(shape, (5, 4, 2, 3), fixed_modes=[2, 3])
    with pytest.raises(ValueError, match=r"at least 4098, .* other rank at 1 and modes \[0\] full"):
        validate_tucker_rank((4096, 2), 0.2, fixed_modes=[0])
    with pytest.raises(ValueError, match=r"rank is 6; shape \(9, 5\) allows 1 to 5"):
        validate_tucker_rank((9, 5), 6, fixed_modes=[0])
    with pytest.raises(ValueError, match="mode is 4; a tensor of order 4 has modes 0 to 3"):
        validate_tucker_rank(shape, 2, fixed_modes=[4])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("shape", [(128_256, 8_192), (2**20, 2**20), (50_257, 3, 768)])
def test_large_dims_take_no_time(shape: tuple[int, ...], share: float) -> None:
    start = time.process_time()
    ranks = validate_tucker_rank(shape, share)
    assert time.process_time() - start < 0.5, "a few milliseconds"
    assert tucker_params(shape, ranks) <= share * math.prod(shape)


@given(many_dims)
def test_cubes_cost_more_the_larger_they_are(dims: list[tuple[int, ...]]) -> None:
    """What lets the search for the largest affordable one halve its way."""
    costs = [
        sum(map(tucker_params, dims, _cubes(dims, side, ())))
        for side in range(1, max(map(max, dims)))
    ]
    assert costs == sorted(costs)


@given(st.lists(st.integers(3, 20), min_size=2, max_size=4).map(tuple), st.floats(0.01, 1.0))
def test_a_fraction_is_a_ceiling(dims: tuple[int, ...], share: float) -> None:
    ceiling = share * math.prod(dims)
    if sum(dims) > ceiling:
        with pytest.raises(ValueError, match="at least"):
            validate_tucker_rank(dims, share)
        return
    assert tucker_params(dims, validate_tucker_rank(dims, share)) <= ceiling + 1e-6


@pytest.mark.parametrize(
    ("rank", "message"),
    [
        (0, "rank is 0.*1 to 9"),
        (10, "rank is 10.*1 to 9"),
        ((0, 1, 1), r"rank\[0\] is 0"),
        ((1, 9, 1), r"rank\[1\] is 9; mode 1.*1 to 8"),
        ((1, 1), "2 entries.*3 modes"),
        (0.0, r"\(0, 1\]"),
        (1.5, r"\(0, 1\]"),
        (0.001, "need at least"),
        (float("nan"), r"rank is nan; .*\(0, 1\]"),
        (float("inf"), r"rank is inf; .*\(0, 1\]"),
        pytest.param(10**5000, "rank is <int too long to write>; .*1 to 9", id="huge"),
        ((), r"rank \(\) has 0 entries.*3 modes"),
    ],
)
def test_bad_ranks_are_named(rank: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        validate_tucker_rank((9, 8, 4), rank)
