"""Tucker format of some modes: what a rank means there, and that the other modes stay."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tucker_core import hosvd, partial_tucker, tucker, tucker_params

TENSOR = np.random.default_rng(7).standard_normal((6, 7, 8))


def test_the_other_modes_stay() -> None:
    result = partial_tucker(TENSOR, (3, 4), (0, 2))
    assert result.rank == (3, 7, 4)
    assert result.factors[1] is None
    np.testing.assert_allclose(partial_tucker(TENSOR, (6,), (0,)).to_tensor(), TENSOR, atol=1e-12)


def test_it_is_tucker_with_full_modes() -> None:
    options: dict[str, Any] = {"n_iter_max": 3, "tol": -1.0, "init": "random", "rng": 5}
    result, errors = partial_tucker(TENSOR, (4, 3), (2, 0), return_errors=True, **options)
    expected, others = tucker(TENSOR, (3, 7, 4), return_errors=True, **options)
    np.testing.assert_array_equal(result.core, expected.core)
    assert errors == others
    start = hosvd(TENSOR, (3, 7, 4))
    warm = partial_tucker(TENSOR, (3, 4), (0, 2), init=start).to_tensor()
    np.testing.assert_allclose(warm, tucker(TENSOR, (3, 7, 4), init=start).to_tensor())


def test_an_int_is_the_rank_of_each_of_the_modes() -> None:
    assert partial_tucker(TENSOR, 3, (0, 2)).rank == (3, 7, 3)
    sevens: list[Any] = [np.int64(7), np.array(7)]
    assert {partial_tucker(TENSOR, seven, (0, 2)).rank for seven in sevens} == {(6, 7, 7)}
    assert partial_tucker(TENSOR, 2, (m for m in (1,))).rank == (6, 2, 8)
    assert partial_tucker(TENSOR, (r for r in (2, 5)), (2, 1)).rank == (6, 5, 2)


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple), st.floats(0.05, 1), st.data()
)
def test_a_fraction_of_the_whole_is_never_exceeded_and_not_left_lying(
    shape: tuple[int, ...], fraction: float, data: st.DataObject
) -> None:
    modes = data.draw(st.lists(st.integers(0, len(shape) - 1), unique=True))
    tensor = np.random.default_rng(0).standard_normal(shape)
    try:
        rank = partial_tucker(tensor, fraction, modes, n_iter_max=1).rank
    except ValueError as error:
        assume("need at least" not in str(error))  # no rank at all is that small
        raise
    assert tucker_params(shape, rank) <= fraction * tensor.size + 1e-6
    assert all(rank[m] == d for m, d in enumerate(shape) if m not in modes)
    for mode in modes:
        one_more = [
            min(r + (m == mode), d) for m, (r, d) in enumerate(zip(rank, shape, strict=True))
        ]
        worth_it = one_more[mode] ** 2 <= np.prod(one_more)
        if one_more[mode] > rank[mode] and worth_it:
            assert tucker_params(shape, one_more) > fraction * tensor.size


@pytest.mark.parametrize(
    ("rank", "modes", "kind", "message"),
    [
        ((2, 2), (0,), ValueError, r"rank \(2, 2\) for modes \(0,\); give one rank per mode"),
        ((2, 2), (0, 0), ValueError, r"modes \(0, 0\); give one rank per mode, each once"),
        (2, (0, 0), ValueError, r"modes \(0, 0\); give one rank per mode, each once"),
        (0.5, (0, 0), ValueError, "rank 0.5 for modes .* each once"),
        ((), (0,), ValueError, r"rank \(\) for modes \(0,\); give one rank per mode"),
        (9, (0, 2), ValueError, r"rank is 9; shape \(6, 7, 8\) allows 1 to 8"),
        (0, (0, 2), ValueError, r"rank is 0; shape \(6, 7, 8\) allows 1 to 8"),
        ((2, 9), (0, 2), ValueError, r"rank\[2\] is 9; mode 2 of shape .* allows 1 to 8"),
        ((2.0,), (0,), TypeError, r"rank\[0\] is 2.0; an integer is needed"),
        (
            1.5,
            (0,),
            ValueError,
            r"rank is 1.5; a float means a fraction of the parameters, in \(0, 1\]",
        ),
        (
            0.01,
            (0,),
            ValueError,
            r"budget is 3 parameters; .*need at least 62, .*modes \[1, 2\] full",
        ),
        ("3", (0,), TypeError, "rank is '3'; an int, a float or one int per mode is needed"),
        (None, (0,), TypeError, "rank is None; an int, a float or one int per mode is needed"),
        (True, (0,), TypeError, "rank is True; an int"),
        (2, 0, TypeError, "modes is 0; a list of modes to decompose is needed"),
        (2, (3,), ValueError, "mode is 3; .* modes 0 to 2"),
        (2, (0.0,), TypeError, "mode is 0.0; an integer is needed"),
    ],
)
def test_ranks_and_modes_that_do_not_fit(
    rank: Any, modes: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        partial_tucker(TENSOR, rank, modes)
