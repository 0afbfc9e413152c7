"""Formulas against what is really stored and really computed."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tucker_core import gradient_flops, random_tucker, reconstruct_flops, tucker_params
from tucker_core.counting import dense_flops, shared_core_params
from tucker_core.shared import shared_core_hosvd
from tucker_core.tucker_tensor import TuckerTensor


@pytest.mark.parametrize(
    ("dims", "rank"), [((4, 5, 6), (2, 3, 4)), ((4, 5, 6), (4, 3, 6)), ((7,), (7,))]
)
def test_formulas_count_what_is_done(dims: tuple[int, ...], rank: tuple[int, ...]) -> None:
    tucker = random_tucker(dims, rank, np.random.default_rng(0))
    pairs = zip(tucker.factors, dims, rank, strict=True)
    stored = [f for f, i, j in pairs if f is not None and i != j]
    assert tucker_params(dims, rank) == tucker.core.size + sum(f.size for f in stored)
    now, flops, steps = list(rank), 0, []
    for mode in reversed(range(len(dims))):
        if rank[mode] != dims[mode]:
            steps.append(2 * math.prod(now) * dims[mode])
            flops += steps[-1]
            now[mode] = dims[mode]
    assert reconstruct_flops(dims, rank) == flops
    last = steps[-1] if rank[0] != dims[0] else 0
    assert gradient_flops(dims, rank) == flops - last + 2 * flops


class Counting:
    """A matrix that counts the FLOPs of the products it enters: 2 per multiply-add."""

    flops = 0

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def product(self, other: "Counting") -> "Counting":
        (rows, depth), (_, columns) = self.values.shape, other.values.shape
        Counting.flops += 2 * rows * depth * columns
        return Counting(self.values @ other.values)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=4))
def test_reconstruction_by_counted_products(pairs: list[tuple[int, int]]) -> None:
    """Expand the last mode first with matrices that count, and compare with formula and tensor."""
    dims, rank = tuple(max(p) for p in pairs), tuple(min(p) for p in pairs)
    tucker = random_tucker(dims, rank, np.random.default_rng(0))
    factors = [None if i == j else f for f, i, j in zip(tucker.factors, dims, rank, strict=True)]
    Counting.flops, now = 0, tucker.core
    for mode in reversed(range(len(dims))):
        factor = factors[mode]
        if factor is not None:
            rows = np.moveaxis(now, mode, -1)
            whole = Counting(rows.reshape(-1, rank[mode])).product(Counting(factor.T)).values
            now = np.moveaxis(whole.reshape(*rows.shape[:-1], dims[mode]), -1, mode)
    np.testing.assert_allclose(now, TuckerTensor(tucker.core, tuple(factors)).to_tensor())
    assert reconstruct_flops(dims, rank) == Counting.flops


def test_dense_layers() -> None:
    assert dense_flops((3, 4)) == 2 * sum(1 for _ in np.ndindex(3, 4))
    # a 2 x 2 kernel on a 5 x 6 image lies at 4 x 5 places
    places = np.lib.stride_tricks.sliding_window_view(np.zeros((5, 6)), (2, 2)).shape[:2]
    assert dense_flops((8, 3, 2, 2), math.prod(places)) == 2 * 8 * 3 * 2 * 2 * 20


def test_a_shared_core_by_what_is_stored() -> None:
    rng = np.random.default_rng(0)
    all_dims = [(4, 5, 6), (2, 7, 3)]
    arrays = [rng.standard_normal(dims) for dims in all_dims]
    core, factors = shared_core_hosvd(arrays, (3, 3, 4), n_iter_max=1)
    stored = core.size + sum(matrix.size for own in factors for matrix in own)
    assert shared_core_params(all_dims, (3, 3, 4)) == stored


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (lambda: tucker_params((4, 5), (2, 6)), r"rank\[1\] is 6.*1 to 5"),
        (lambda: tucker_params((4, 5), (2,)), "1 entries.*2 modes"),
        (lambda: reconstruct_flops((4, 5), (0, 5)), r"rank\[0\] is 0.*1 to 4"),
        (lambda: gradient_flops((4, 5), (5, 5)), r"rank\[0\] is 5.*1 to 4"),
        (
            lambda: shared_core_params([(4, 5), (4,)], (2, 2)),
            r"one rank >= 1 for .* \(4,\)",
        ),
        (lambda: shared_core_params([(4, 5)], (2, 0)), "one rank >= 1"),
    ],
)
def test_counts_of_what_cannot_be_are_refused(count: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        count()
