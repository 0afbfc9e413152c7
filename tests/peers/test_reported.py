"""What users of other tensor libraries reported as bugs, as small tests of ours.

Each test names the public thread as owner/repository#number. Warnings are errors in this suite, so a
report of a warning needs no assertion of its own.
"""

import itertools
import math
import tracemalloc
from typing import Literal

import numpy as np
import pytest

from tucker_core import (
    fold,
    hosvd,
    mode_dot,
    multi_mode_dot,
    partial_tucker,
    random_tucker,
    tucker,
    tucker_params,
    tucker_to_tensor,
    unfold,
    validate_tucker_rank,
)
from tucker_core.checks import FloatArray

METHODS = ("gram", "svd", "auto", "randomized")
TENSOR = np.random.default_rng(0).standard_normal((4, 5, 6, 3))


def generator() -> np.random.Generator:
    return np.random.default_rng(1)


def relative_error(tensor: FloatArray, approximation: FloatArray) -> float:
    return float(np.linalg.norm(tensor - approximation) / np.linalg.norm(tensor))


@pytest.mark.parametrize("method", METHODS)
def test_more_vectors_than_the_matrix_has_rank(
    method: Literal["gram", "svd", "auto", "randomized"],
) -> None:
    """tensorly/tensorly#317: the third singular vector of a matrix of rank 2 was NaN."""
    rng = generator()
    matrix = rng.standard_normal((4, 2)) @ rng.standard_normal((2, 4))
    result = hosvd(matrix, (3, 3), method=method, rng=rng)
    for factor in result.factors:
        assert factor is not None
        np.testing.assert_allclose(factor.T @ factor, np.eye(3), atol=1e-12)
    assert relative_error(matrix, result.to_tensor()) < 1e-12


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("init", ["hosvd", "random"])
def test_zeros_and_ones_with_equal_slices(
    init: Literal["hosvd", "random"], dtype: type[np.floating]
) -> None:
    """tensorly/tensorly#341, #342, #343: no convergence and square roots of negative numbers."""
    tensor = np.zeros((10, 24, 33), dtype)
    tensor[:, :, 0] = 1
    tensor[3, 4:8, 0], tensor[3, 4:8, 11] = 0, 1
    result = tucker(tensor, 9, init=init, rng=generator())
    assert relative_error(tensor, result.to_tensor()) < 100 * np.finfo(dtype).eps


def test_pictures_with_an_empty_border() -> None:
    """tensorly/tensorly#178: decomposing MNIST images to rank 20 met infinities."""
    picture = np.zeros((28, 28), np.float32)
    picture[4:24, 8:14] = generator().random((20, 6))
    assert relative_error(picture, tucker(picture, [20, 20]).to_tensor()) < 1e-5


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_entry_that_is_not_finite_is_named(value: float) -> None:
    """tensorly/tensorly#129: an error from deep inside of the SVD, without the place."""
    tensor = TENSOR.copy()
    tensor[1, 2, 3, 0] = value
    with pytest.raises(ValueError, match=r"tensor\[1, 2, 3, 0\] is (nan|inf)"):
        tucker(tensor, 2)


@pytest.mark.parametrize(
    ("dtype", "exponent"),
    [(np.float64, 800), (np.float64, -800), (np.float32, 100), (np.float32, -100)],
)
def test_entries_whose_squares_overflow_or_vanish(dtype: type[np.floating], exponent: int) -> None:
    """tensorly/tensorly#125: overflow in the norm, and after it NaN in every error."""
    tensor = TENSOR.astype(dtype)
    scaled, tolerance = np.ldexp(tensor, exponent), float(100 * np.finfo(dtype).eps)
    for decompose in (hosvd, tucker):
        result = np.ldexp(decompose(scaled, 2).to_tensor(), -exponent)
        np.testing.assert_allclose(result, decompose(tensor, 2).to_tensor(), atol=tolerance)
    assert hosvd(scaled, tol=0.5).rank == hosvd(tensor, tol=0.5).rank


def test_a_tensor_of_zeros() -> None:
    """tensorly/tensorly#516: NaN in every factor of a tensor that is nearly empty."""
    result = tucker(np.zeros((3, 4, 5)), 2)
    assert not result.to_tensor().any()
    for factor in result.factors:
        assert factor is not None
        np.testing.assert_allclose(factor.T @ factor, np.eye(2), atol=1e-12)


def test_one_mode_much_longer_than_the_others() -> None:
    """tensorly/tensorly#241, #6: memory for a square matrix of the long side (44 PiB)."""
    tensor = generator().standard_normal((3, 4, 50_000))
    tracemalloc.start()
    try:
        assert partial_tucker(tensor, (2, 3), (0, 1)).rank == (2, 3, 50_000)
        assert hosvd(tensor, (2, 3, 5)).rank == (2, 3, 5)
        assert tracemalloc.get_traced_memory()[1] < 4 * tensor.nbytes
    finally:
        tracemalloc.stop()


def test_a_rank_above_its_dimension_is_refused() -> None:
    """tensorly/tensorly#136: rank 6 in a mode of 5 ended in a MemoryError."""
    with pytest.raises(ValueError, match=r"rank\[1\] is 6; mode 1 of shape .* allows 1 to 5"):
        tucker(TENSOR, (4, 6, 6, 3))


def test_the_matrix_equation_of_tucker_in_our_order_of_columns() -> None:
    """tensorly/tensorly#163: it does not hold with the order of factors that Kolda and Bader use."""
    core, factors = random_tucker((4, 5, 6), (2, 3, 2), generator())
    matrices = [factor for factor in factors if factor is not None]
    for mode, matrix in enumerate(matrices):
        first, second = matrices[:mode] + matrices[mode + 1 :]
        np.testing.assert_allclose(
            unfold(tucker_to_tensor((core, factors)), mode),
            matrix @ unfold(core, mode) @ np.kron(first, second).T,
            atol=1e-12,
        )


def test_modes_that_are_left_keep_their_order() -> None:
    """tensorly/tensorly#588: dimensions that should stay were swapped."""
    for mode in range(TENSOR.ndim):
        rest = TENSOR.shape[:mode] + TENSOR.shape[mode + 1 :]
        rows = unfold(TENSOR, mode).reshape(-1, *rest)
        for k, row in enumerate(rows):
            np.testing.assert_array_equal(row, np.take(TENSOR, k, mode))
        np.testing.assert_array_equal(fold(unfold(TENSOR, mode), mode, TENSOR.shape), TENSOR)


def test_a_random_start_of_some_modes_has_their_shapes() -> None:
    """tensorly/tensorly#518: the random start took all modes for those that were asked for."""
    result = partial_tucker(TENSOR, (3, 2), (2, 1), init="random", rng=generator())
    assert [factor is not None and factor.shape for factor in result.factors] == [
        False,
        (5, 2),
        (6, 3),
        False,
    ]


def test_a_partial_decomposition_is_rebuilt_as_any_other() -> None:
    """tensorly/tensorly#593, #598: reconstructing needed the modes once more."""
    result = partial_tucker(TENSOR, TENSOR.shape[1:3], (1, 2))
    np.testing.assert_allclose(tucker_to_tensor(result), TENSOR, atol=1e-12)


def test_the_modes_of_a_partial_decomposition_come_in_any_order() -> None:
    """sandialabs/pyttb#239: an error where the first mode to be taken was not mode 0."""
    ranks = (2, 3, 4)
    expected = partial_tucker(TENSOR, ranks, (0, 1, 2), tol=0)
    for order in itertools.permutations(range(3)):
        result = partial_tucker(TENSOR, [ranks[mode] for mode in order], order, tol=0)
        np.testing.assert_array_equal(result.to_tensor(), expected.to_tensor())


@pytest.mark.parametrize("left_out", range(4))
def test_any_mode_may_be_left_out_the_last_one_too(left_out: int) -> None:
    """tensorly/tensorly#437: a request to leave the last mode was not followed."""
    modes = [mode for mode in range(4) if mode != left_out]
    result = partial_tucker(TENSOR, [2] * 3, modes)
    assert result.factors[left_out] is None
    assert result.rank[left_out] == TENSOR.shape[left_out]


def test_a_matrix_and_one_number_for_its_rank() -> None:
    """tensorly/tensorly#109: an order of 2 with an int rank did not run."""
    matrix = np.arange(0.1, 12.1).reshape(3, 4)
    left, values, right = np.linalg.svd(matrix)
    best = left[:, :2] * values[:2] @ right[:2]
    np.testing.assert_allclose(tucker(matrix, 2).to_tensor(), best, atol=1e-12)


def test_a_tensor_in_the_place_of_a_matrix_is_refused() -> None:
    """tensorly/tensorly#93: a user expected a product of two tensors."""
    with pytest.raises(ValueError, match="shape"):
        mode_dot(TENSOR, TENSOR, 1)


def test_core_and_factors_as_two_arguments_are_refused() -> None:
    """tensorly/tensorly#201: the second argument became an option without a word of help."""
    core, factors = random_tucker((4, 5), (2, 3), generator())
    with pytest.raises(TypeError):
        tucker_to_tensor(core, factors)  # type: ignore[arg-type,call-arg]


@pytest.mark.parametrize("mode", [-1, -4, 4])
def test_a_mode_counts_from_zero_up(mode: int) -> None:
    """sandialabs/pyttb#62: minus zero is zero, so that "all but 0" became "only 0"."""
    matrix = np.ones((2, 3))
    with pytest.raises(ValueError, match="mode"):
        mode_dot(TENSOR, matrix, mode)
    with pytest.raises(ValueError, match="mode"):
        multi_mode_dot(TENSOR, [matrix], modes=[mode])
    with pytest.raises(ValueError, match="mode"):
        partial_tucker(TENSOR, (2,), (mode,))


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 2), (3, 4, 2, 5)])
def test_a_vector_takes_its_mode_away(shape: tuple[int, ...]) -> None:
    """sandialabs/pyttb#37: wrong from order 3 on."""
    tensor = generator().standard_normal(shape)
    for mode, dim in enumerate(shape):
        vector = np.arange(1.0, dim + 1)
        expected = np.tensordot(tensor, vector, (mode, 0))
        np.testing.assert_allclose(mode_dot(tensor, vector, mode), expected, atol=1e-12)


def test_errors_of_an_exact_fit_are_numbers() -> None:
    """sandialabs/pyttb#53: ||X||^2 - ||core||^2 is negative by rounding, its root NaN."""
    matrix = np.array([[29.0, 39.0], [63.0, 85.0]])
    for tensor in (matrix, np.kron(matrix, matrix)):
        result, errors = tucker(tensor, 2, return_errors=True)
        assert np.isfinite(errors).all()
        assert relative_error(tensor, result.to_tensor()) == pytest.approx(errors[-1], abs=1e-7)


def test_a_start_of_ones_own_is_not_written_into() -> None:
    """tensorly/tensorly#594: the given start came back with other values and shapes."""
    start = hosvd(TENSOR, 2)
    before = [np.copy(factor) for factor in start.factors if factor is not None]
    tucker(TENSOR, 2, init=start.factors, n_iter_max=3)
    for old, new in zip(before, start.factors, strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_precision_of_the_input_is_kept(dtype: type[np.floating]) -> None:
    """rballester/tntorch#2, #36: results in another precision than the tensor."""
    tensor = TENSOR.astype(dtype)
    for result in (hosvd(tensor, 2), tucker(tensor, 2), partial_tucker(tensor, (2, 2), (1, 2))):
        parts = (result.core, result.to_tensor(), *result.factors)
        assert {part.dtype for part in parts if part is not None} == {np.dtype(dtype)}


def test_a_fraction_stays_below_its_budget_in_small_shapes_too() -> None:
    """tensorly/tensorly#288: rounding went above the budget where dimensions are small or 1."""
    rng = generator()
    for _ in range(50):
        shape = tuple(int(dim) for dim in rng.integers(1, 10, size=5))
        fraction = float(rng.uniform(0.5, 1))
        if tucker_params(shape, (1,) * 5) <= fraction * math.prod(shape):
            ranks = validate_tucker_rank(shape, fraction)
            assert tucker_params(shape, ranks) <= fraction * math.prod(shape)


@pytest.mark.parametrize("fixed", [(), (1, 4), (0, 2)])
def test_a_fraction_is_used_up_and_fixed_modes_stay(fixed: tuple[int, ...]) -> None:
    """tensorly/tensorly#288: the same test asks for the budget to within 1 %, beside fixed modes."""
    shape, fraction = (600, 9, 700, 500, 16), 0.5
    ranks = validate_tucker_rank(shape, fraction, fixed_modes=fixed)
    assert all(ranks[mode] == shape[mode] for mode in fixed)
    assert 0.99 <= tucker_params(shape, ranks) / (fraction * math.prod(shape)) <= 1


def test_a_fraction_too_small_is_named_instead_of_rank_zero() -> None:
    """K0EKJE/CNN_compression_with_Tensor_Decomposition#2: a rank of 0, and a tensor without entries."""
    with pytest.raises(ValueError, match="need at least 20, with every rank at 1"):
        validate_tucker_rank((5, 5, 5, 5), 0.01)
