"""Ranks under a budget: never above it, nothing left lying, the smallest one named."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tucker_core import tucker_params, validate_tucker_rank
from tucker_core.ranks import ranks_within

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
    ("rank", "expected"), [(5, (5, 5, 4)), ((1, 2, 3), (1, 2, 3)), ([2, 2, 2], (2, 2, 2))]
)
def test_ranks_as_users_say_them(rank: int | tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert validate_tucker_rank((9, 8, 4), rank) == expected


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
    ],
)
def test_bad_ranks_are_named(rank: int | float | tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        validate_tucker_rank((9, 8, 4), rank)
