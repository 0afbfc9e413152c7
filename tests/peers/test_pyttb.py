"""The same numbers as pyttb, the Tensor Toolbox for Python, on its documented examples and at random.

pyttb ships no tests in its package, so none of them can be run here; its functions are the oracle
instead. It keeps tensors in Fortran order (Kolda and Bader's order of columns), we in C order: the
entries of a tensor agree, the columns of an unfolding come in another order, and both ways of saying
which are tested.
"""

import importlib.resources
from typing import Any

import numpy as np
import pytest
import pyttb as ttb

import tucker_core as ours
from tucker_core.checks import FloatArray

SHAPES = [(2, 3), (4, 3, 5), (3, 1, 4), (2, 3, 4, 5), (2, 2, 3, 2, 2)]
MATRIX = np.array([[29.0, 39.0], [63.0, 85.0]])  # of pyttb.hosvd's documentation


def draw(shape: tuple[int, ...], seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal(shape)


def draw_tucker(shape: tuple[int, ...]) -> ours.TuckerTensor:
    ranks = tuple(max(1, dim - 1) for dim in shape)
    return ours.random_tucker(shape, ranks, np.random.default_rng(1))


def dense(tensor: Any) -> FloatArray:
    return np.ascontiguousarray(tensor.double())


def of_ours(tensor: ours.TuckerTensor) -> ttb.ttensor:
    factors = [
        np.eye(dim) if factor is None else factor
        for factor, dim in zip(tensor.factors, tensor.shape, strict=True)
    ]
    return ttb.ttensor(ttb.tensor(tensor.core), factors)


def projections(factors: list[FloatArray]) -> list[FloatArray]:
    """What a basis spans, whatever the signs and the order of its vectors."""
    return [factor @ factor.T for factor in factors]


def test_pyttb_ships_no_tests() -> None:
    names = [path.name for path in importlib.resources.files("pyttb").iterdir()]
    assert "hosvd.py" in names
    assert not [name for name in names if "test" in name], "run them on tucker_core, as TensorLy's"


@pytest.mark.parametrize("shape", SHAPES)
def test_unfolding_is_that_of_a_tenmat_whose_last_mode_moves_fastest(
    shape: tuple[int, ...],
) -> None:
    tensor = draw(shape)
    for mode in range(len(shape)):
        others = [other for other in range(len(shape)) if other != mode]
        theirs = ttb.tensor(tensor).to_tenmat(np.array([mode]), np.array(others[::-1]))
        unfolded = ours.unfold(tensor, mode)
        np.testing.assert_array_equal(unfolded, theirs.double())
        np.testing.assert_array_equal(ours.fold(unfolded, mode, shape), dense(theirs.to_tensor()))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_tenmat_as_it_comes_is_the_unfolding_of_the_tensor_with_its_modes_reversed(
    shape: tuple[int, ...],
) -> None:
    tensor = draw(shape)
    for mode in range(len(shape)):
        theirs = ttb.tensor(tensor).to_tenmat(np.array([mode])).double()
        np.testing.assert_array_equal(ours.unfold(tensor.T, len(shape) - 1 - mode), theirs)


def test_unfolding_of_the_documented_tenmat() -> None:
    data = np.arange(8.0).reshape(2, 2, 2)
    flat = np.array([[0.0, 2.0, 1.0, 3.0], [4.0, 6.0, 5.0, 7.0]])  # as printed there
    np.testing.assert_array_equal(ours.unfold(data.T, 2), flat)
    np.testing.assert_array_equal(ttb.tensor(data).to_tenmat(np.array([0])).double(), flat)
    np.testing.assert_array_equal(ours.unfold(data, 0), flat[:, [0, 2, 1, 3]])


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_mode_product_is_ttm(shape: tuple[int, ...], transpose: bool) -> None:
    tensor = draw(shape)
    matrices = [draw((dim, 4) if transpose else (4, dim), 1 + dim) for dim in shape]
    for mode, matrix in enumerate(matrices):
        theirs = ttb.tensor(tensor).ttm(matrix, mode, transpose=transpose)
        np.testing.assert_allclose(
            ours.mode_dot(tensor, matrix, mode, transpose), dense(theirs), atol=1e-12
        )
    all_but_first = ttb.tensor(tensor).ttm(matrices[1:], exclude_dims=0, transpose=transpose)
    np.testing.assert_allclose(
        ours.multi_mode_dot(tensor, matrices, skip=0, transpose=transpose),
        dense(all_but_first),
        atol=1e-12,
    )


def test_documented_products_of_ones() -> None:
    tensor, column = np.ones((2, 2, 2, 2)), np.full((2, 1), 2.0)
    first = ours.multi_mode_dot(tensor, [column, column], modes=[0, 1], transpose=True)
    np.testing.assert_array_equal(first, np.full((1, 1, 2, 2), 16.0))
    last = ours.multi_mode_dot(tensor, [column, column], modes=[2, 3], transpose=True)
    np.testing.assert_array_equal(last, np.full((2, 2, 1, 1), 16.0))


@pytest.mark.parametrize("shape", SHAPES)
def test_product_with_a_vector_is_ttv(shape: tuple[int, ...]) -> None:
    tensor = draw(shape)
    for mode, dim in enumerate(shape):
        vector = draw((dim,), 1)
        theirs = ttb.tensor(tensor).ttv(vector, mode)
        np.testing.assert_allclose(ours.mode_dot(tensor, vector, mode), dense(theirs), atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_rebuilt_tensor_and_norm_are_those_of_a_ttensor(shape: tuple[int, ...]) -> None:
    tucker = draw_tucker(shape)
    np.testing.assert_allclose(tucker.to_tensor(), dense(of_ours(tucker).full()), atol=1e-12)
    assert tucker.norm() == pytest.approx(of_ours(tucker).norm(), rel=1e-12)


def test_documented_ttensor_of_ones() -> None:
    ones = ours.TuckerTensor(np.ones((2, 2, 2)), (np.ones((1, 2)),) * 3)
    np.testing.assert_array_equal(ones.to_tensor(), [[[8.0]]])
    np.testing.assert_array_equal(dense(of_ours(ones).full()), [[[8.0]]])


@pytest.mark.parametrize("shape", SHAPES)
def test_product_in_the_format_is_that_of_a_ttensor(shape: tuple[int, ...]) -> None:
    tucker = draw_tucker(shape)
    for mode, dim in enumerate(shape):
        matrix = draw((4, dim), 2)
        theirs = of_ours(tucker).ttm(matrix, mode).full()
        np.testing.assert_allclose(
            ours.tucker_mode_dot(tucker, matrix, mode).to_tensor(), dense(theirs), atol=1e-12
        )


def test_documented_hosvd() -> None:
    for tol, ranks in ((1e-4, (2, 2)), (0.1, (1, 1))):  # the matrix is nearly of rank 1
        theirs = ttb.hosvd(ttb.tensor(MATRIX), tol, verbosity=-1)
        result = ours.hosvd(MATRIX, tol=tol)
        assert result.rank == theirs.core.shape == ranks
        np.testing.assert_allclose(result.to_tensor(), dense(theirs.full()), rtol=1e-10)


def test_hosvd_of_a_given_rank_spans_the_same_spaces() -> None:
    tensor, ranks = draw((6, 7, 8)), (3, 4, 2)
    theirs = ttb.hosvd(ttb.tensor(tensor), 0.0, verbosity=0, sequential=False, ranks=ranks)
    result = ours.hosvd(tensor, ranks, sequential=False)
    found = projections([factor for factor in result.factors if factor is not None])
    for mine, their in zip(found, projections(theirs.factor_matrices), strict=True):
        np.testing.assert_allclose(mine, their, atol=1e-10)
    np.testing.assert_allclose(result.to_tensor(), dense(theirs.full()), atol=1e-10)


@pytest.mark.parametrize("tol", [0.05, 0.2, 0.5, 0.8])
def test_hosvd_to_a_tolerance_finds_the_same_ranks_and_tensor(tol: float) -> None:
    # Not at the edge of a rank: of the allowed squared error we leave 1 % to rounding, pyttb nothing.
    decay = np.multiply.outer(np.multiply.outer(2.0 ** -np.arange(6), np.ones(7)), np.ones(8))
    tensor = decay * draw((6, 7, 8))
    theirs = ttb.hosvd(ttb.tensor(tensor), tol, verbosity=0)
    result = ours.hosvd(tensor, tol=tol)
    assert result.rank == theirs.core.shape
    np.testing.assert_allclose(result.to_tensor(), dense(theirs.full()), atol=1e-10)


@pytest.mark.parametrize("ranks", [(2, 2, 2), (3, 4, 2), (1, 1, 1)])
def test_tucker_ends_where_tucker_als_ends(ranks: tuple[int, ...]) -> None:
    low = ours.random_tucker((6, 7, 8), ranks, np.random.default_rng(0)).to_tensor()
    tensor = low + 0.3 * np.linalg.norm(low) / np.sqrt(low.size) * draw((6, 7, 8), 1)
    np.random.seed(0)  # noqa: NPY002  # pyttb's random start takes no generator
    theirs, _, _ = ttb.tucker_als(
        ttb.tensor(tensor), list(ranks), stoptol=1e-12, maxiters=500, printitn=0
    )
    result = ours.tucker(tensor, ranks, n_iter_max=500, tol=1e-14)
    np.testing.assert_allclose(
        result.to_tensor(), dense(theirs.full()), atol=1e-5 * np.abs(tensor).max()
    )


def test_tucker_als_on_the_documented_matrix_of_full_rank_is_exact() -> None:
    np.random.seed(0)  # noqa: NPY002  # pyttb's random start takes no generator
    theirs, _, _ = ttb.tucker_als(ttb.tensor(MATRIX), 2, printitn=0)
    np.testing.assert_allclose(ours.tucker(MATRIX, 2).to_tensor(), dense(theirs.full()), rtol=1e-10)
